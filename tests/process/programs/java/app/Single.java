package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;

/** A handler that is named by its class alone, with types of its own. */
public class Single implements RequestHandler<Single.Question, Single.Answer> {
  private int count = 0;

  public static class Question {
    private String name;

    public String getName() {
      return name;
    }

    public void setName(String name) {
      this.name = name;
    }
  }

  public static class Answer {
    private final String greeting;

    Answer(String greeting) {
      this.greeting = greeting;
    }

    public String getGreeting() {
      return greeting;
    }
  }

  @Override
  public Answer handleRequest(Question question, Context context) {
    count += 1;
    return new Answer("hello " + question.getName() + " " + count + " " + System.getProperty("own", "-"));
  }
}
