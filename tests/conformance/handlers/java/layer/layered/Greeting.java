package layered;

/** The library of the layer. */
public final class Greeting {
  public static final String TEXT = new String("hello from the layer");

  private Greeting() {}
}
