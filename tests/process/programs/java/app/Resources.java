package app;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/** Reads what the class path leads to: a text by each name, null for what is nowhere. */
public class Resources {
  public List<String> read(List<String> names) throws IOException {
    List<String> found = new ArrayList<>();
    for (String name : names) {
      try (InputStream text = getClass().getClassLoader().getResourceAsStream(name)) {
        found.add(text == null ? null : new String(text.readAllBytes()));
      }
    }
    return found;
  }

  public String breakDown(Object event) {
    throw new StackOverflowError("deep");
  }
}
