package app;

/** Cannot be loaded. */
public class Broken {
  static {
    if (true) throw new IllegalStateException("no weather at all");
  }

  public String echo(String event) {
    return event;
  }
}
