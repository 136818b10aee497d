package app;

import com.amazonaws.services.lambda.runtime.Context;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Ways to end, and to fail. */
public class Ends {
  static {
    if (Files.exists(Path.of("refuse"))) throw new IllegalStateException("refused");
    if (Files.exists(Path.of("leave"))) System.exit(5);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("the runtime says goodbye")));
  }

  /** As the event says. */
  public Object handle(String how, Context context) throws Exception {
    switch (how) {
      case "exit":
        System.exit(3);
        break;
      case "halt":
        Runtime.getRuntime().halt(4);
        break;
      case "throw":
        throw new java.io.IOException("thrown");
      case "error":
        throw new StackOverflowError("deep");
      case "heap":
        List<byte[]> kept = new ArrayList<>();
        while (true) kept.add(new byte[1 << 20]);
      case "recurse":
        return depth(0);
      default:
        break;
    }
    return Files.readString(Path.of("/proc/self/cmdline")).contains("zygote");
  }

  private static int depth(int level) {
    return depth(level + 1) + 1;
  }
}
