package app;

import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.Context;
import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/** Every behaviour of the suite, in Java: handlers of streams and of objects. */
public class Handlers {
  private static int calls = 0;

  public Object echo(Object event) {
    return event;
  }

  /** What the JVM was started with. */
  public Map<String, Object> describeMachine(Map<String, Object> event) {
    HotSpotDiagnosticMXBean machine = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    return Map.of(
        "heap", Long.parseLong(machine.getVMOption("MaxHeapSize").getValue()),
        "level", Integer.parseInt(machine.getVMOption("TieredStopAtLevel").getValue()),
        "serial", Boolean.parseBoolean(machine.getVMOption("UseSerialGC").getValue()),
        "charset", Charset.defaultCharset().name());
  }

  public void copy(InputStream input, OutputStream output) throws IOException {
    input.transferTo(output);
  }

  public Object act(Map<String, Object> event, Context context) throws Exception {
    switch ((String) event.get("do")) {
      case "context":
        return describe(context);
      case "environment":
        return System.getenv();
      case "directory":
        return System.getProperty("user.dir");
      case "write":
        return write(path(event));
      case "read":
        return Files.readString(path(event));
      case "count":
        return count();
      case "fail":
        throw new NoWeather((String) event.get("message"));
      case "wait":
        Thread.sleep((long) (((Number) event.get("seconds")).doubleValue() * 1000));
        return event.get("token");
      case "exit":
        System.exit(number(event, "status"));
        return null;
      case "kill":
        new ProcessBuilder("/bin/sh", "-c", "kill -9 $PPID").start().waitFor();
        return null;
      case "log":
        System.out.println("to stdout ☔ 𝄞");
        System.err.println("to stderr");
        context.getLogger().log("first line\nsecond line");
        return null;
      case "fill":
        return "x".repeat(number(event, "bytes"));
      case "run":
        return run((String) event.get("program"));
      case "greet":
        return layered.Greeting.TEXT;
      default:
        throw new IllegalArgumentException("not one of the suite's: " + event.get("do"));
    }
  }

  public Secretive unserializable(Object event) {
    return new Secretive();
  }

  private static Map<String, Object> describe(Context context) {
    ClientContext client = context.getClientContext();
    Map<String, Object> seen = new HashMap<>();
    seen.put("request_id", context.getAwsRequestId());
    seen.put("name", context.getFunctionName());
    seen.put("version", context.getFunctionVersion());
    seen.put("arn", context.getInvokedFunctionArn());
    seen.put("memory", context.getMemoryLimitInMB());
    seen.put("remaining_ms", context.getRemainingTimeInMillis());
    seen.put("log_group", context.getLogGroupName());
    seen.put("log_stream", context.getLogStreamName());
    seen.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
    seen.put("client", client == null ? null : Map.of("app_title", client.getClient().getAppTitle(), "custom", client.getCustom()));
    seen.put("identity", context.getIdentity() == null ? null : context.getIdentity().getIdentityId());
    return seen;
  }

  private static String write(Path path) {
    try {
      Files.writeString(path, "written");
      return "written";
    } catch (IOException refused) {
      return "refused";
    }
  }

  private static Map<String, Object> count() throws IOException {
    Path file = Path.of("/tmp/count");
    Files.writeString(file, "x", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    return Map.of("global", ++calls, "tmp", Files.size(file));
  }

  private static String run(String program) throws IOException {
    return new String(new ProcessBuilder(program).start().getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  private static Path path(Map<String, Object> event) {
    return Path.of((String) event.get("path"));
  }

  private static int number(Map<String, Object> event, String key) {
    return ((Number) event.get(key)).intValue();
  }

  /** Cannot be written as JSON: its property raises. */
  public static class Secretive {
    public String getSecret() {
      throw new IllegalStateException("not told");
    }
  }
}
