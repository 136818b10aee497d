package app;

/** Cannot be made. */
public class Early {
  public Early() {
    throw new IllegalArgumentException("early");
  }

  public String handle(Object event) {
    return "never";
  }
}
