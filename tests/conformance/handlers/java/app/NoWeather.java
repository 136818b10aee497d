package app;

/** What a handler of the suite fails with. */
public class NoWeather extends RuntimeException {
  public NoWeather(String message) {
    super(message);
  }
}
