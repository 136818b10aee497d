package app;

import com.amazonaws.services.lambda.runtime.Context;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** A handler that waits for its like. */
public class Handler {
  private static final AtomicInteger RUNNING = new AtomicInteger();
  private static final AtomicInteger ARRIVED = new AtomicInteger();

  /** Waits until as many have come as the event says, or for ever; tells of itself and of what ran beside it. */
  public Object meet(Map<String, Object> event, Context context) throws InterruptedException {
    int highest = RUNNING.incrementAndGet();
    ARRIVED.incrementAndGet();
    try {
      context.getLogger().log("met " + event.get("number"));
      while (ARRIVED.get() < (int) event.getOrDefault("together", 0) || event.containsKey("late")) {
        Thread.sleep(5);
        highest = Math.max(highest, RUNNING.get());
      }
      if (event.containsKey("fail")) throw new IllegalStateException("bad " + event.get("number"));
      if (event.containsKey("exit")) Runtime.getRuntime().halt((int) event.get("exit"));
      return Map.of(
          "number", event.get("number"),
          "id", context.getAwsRequestId(),
          "environment", System.getenv("AWS_LAMBDA_LOG_STREAM_NAME"),
          "highest", highest);
    } finally {
      RUNNING.decrementAndGet();
    }
  }
}
