package app;

import com.amazonaws.services.lambda.runtime.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.crac.Core;
import org.crac.Resource;

/** A handler with runtime hooks. */
public class Restored implements Resource {
  private final List<String> calls = new ArrayList<>(List.of("init"));

  public Restored() {
    Core.getGlobalContext().register(this);
  }

  @Override
  public void beforeCheckpoint(org.crac.Context<? extends Resource> context) {
    calls.add("before");
  }

  @Override
  public void afterRestore(org.crac.Context<? extends Resource> context) {
    calls.add("after");
    if ("after".equals(System.getenv("FAILS"))) {
      throw new IllegalStateException("not to be restored");
    }
  }

  public Object describe(Map<String, Object> event, Context context) {
    return calls;
  }
}
