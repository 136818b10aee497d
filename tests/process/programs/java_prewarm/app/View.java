package app;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TimeZone;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a function sees of the machine that runs it. */
public class View {
  private static final Map<String, Object> AT_LOAD = new TreeMap<>();

  static {
    Properties properties = System.getProperties();
    AT_LOAD.put("properties", properties.stringPropertyNames().stream().collect(Collectors.toMap(name -> name, properties::getProperty)));
    AT_LOAD.put("threads", threads());
    AT_LOAD.put("thread", describe(Thread.currentThread()));
  }

  /** Everything. */
  public Map<String, Object> look(Object event, Context context) throws Exception {
    Map<String, Object> view = new TreeMap<>();
    Runtime runtime = Runtime.getRuntime();
    view.put("isPrestarted", Files.readString(Path.of("/proc/self/cmdline")).contains("zygote"));
    view.put("atLoad", AT_LOAD);
    view.put("environment", System.getenv());
    view.put("ofChildren", run("/usr/bin/env").lines().sorted().collect(Collectors.toList()));
    view.put("directory", Path.of("").toAbsolutePath() + " " + new File("x").getAbsolutePath() + " " + run("/bin/pwd"));
    view.put("resolved", Files.readSymbolicLink(Path.of("/proc/self/cwd")) + " " + new File("here").exists() + Files.exists(Path.of("here")));
    view.put("charset", Charset.defaultCharset() + " " + Locale.getDefault() + " " + TimeZone.getDefault().getID());
    view.put("umlaut", umlaut());
    view.put("memory", runtime.maxMemory() + " " + runtime.availableProcessors());
    view.put("collectors", ManagementFactory.getGarbageCollectorMXBeans().stream().map(each -> each.getName()).collect(Collectors.toList()));
    view.put("arguments", ManagementFactory.getRuntimeMXBean().getInputArguments());
    view.put("process", ManagementFactory.getRuntimeMXBean().getName());
    view.put("threads", threads());
    view.put("stack", Arrays.stream(Thread.currentThread().getStackTrace()).map(each -> "" + each.getClassName() + each.getMethodName())
        .filter(each -> each.startsWith("com.amazonaws")).collect(Collectors.toList()));
    view.put("loaders", Stream.of(Thread.currentThread().getContextClassLoader(), View.class.getClassLoader(),
        View.class.getClassLoader().getParent(), ClassLoader.getSystemClassLoader()).map(each -> each.getClass().getName()).collect(Collectors.toList()));
    view.put("status", lines("status", "Name|Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Sig(Ign|Blk)|NSpid|Umask"));
    view.put("limits", lines("limits", ""));
    view.put("oom", lines("oom_score_adj", ""));
    view.put("descriptors", descriptors());
    view.put("nativeThreads", nativeThreads());
    try (Stream<Path> files = Files.walk(Path.of("/tmp"), 2)) {
      view.put("tmp", files.map(each -> each.toString().replaceAll("[0-9]{5,}", "N")).sorted().collect(Collectors.toList()));
    }
    view.put("children", run("/bin/sh", "-c", "trap").length() + run("/bin/sh", "-c", "cat /proc/self/status | grep SigIgn"));
    return view;
  }

  private static String umlaut() {
    try {
      return "" + Files.exists(Path.of("\u00fcmlaut"));
    } catch (java.nio.file.InvalidPathException error) {
      return error.getMessage(); // this machine may lack the locale that LANG names
    }
  }

  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream().map(View::describe).sorted().collect(Collectors.toList());
  }

  private static Set<String> nativeThreads() throws IOException {
    Set<String> names = new TreeSet<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.collect(Collectors.toList())) names.add(Files.readString(task.resolve("comm")).trim());
    }
    return names;
  }

  private static String describe(Thread thread) {
    return thread.getName() + " " + thread.isDaemon() + " " + thread.getPriority() + " " + thread.getThreadGroup();
  }

  private static List<String> lines(String file, String start) throws IOException {
    Path path = Path.of("/proc/self", file);
    if (!Files.exists(path)) return List.of();
    return Arrays.stream(Files.readString(path).split("\n")).filter(each -> each.matches("(" + start + ").*")).collect(Collectors.toList());
  }

  private static List<String> descriptors() throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
      for (Path link : links.collect(Collectors.toList())) {
        try {
          found.add(link.getFileName() + " " + Files.readSymbolicLink(link).toString().replaceAll("\\[[0-9]+\\]", "").replaceAll("[0-9]{5,}", "N"));
        } catch (IOException error) {
          continue; // the one that lists them
        }
      }
    }
    return found.stream().sorted().collect(Collectors.toList());
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), "UTF-8").trim();
    process.waitFor();
    return output;
  }
}
