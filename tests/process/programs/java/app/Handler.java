package app;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Map;

/** Handlers of the kinds that Lambda knows: a method of any types, and a stream handler. */
public class Handler {
  public Object describe(Map<String, Object> event, Context context) {
    context.getLogger().log("two\nlines");
    return Map.of(
        "echo", event,
        "name", context.getFunctionName(),
        "memory", context.getMemoryLimitInMB(),
        "java", System.getProperty("java.specification.version"),
        "left", context.getRemainingTimeInMillis() > 1000);
  }

  public void copy(InputStream input, OutputStream output) throws IOException {
    input.transferTo(output);
  }

  public String fail(Map<String, Object> event) {
    throw new IllegalStateException("bad");
  }
}
