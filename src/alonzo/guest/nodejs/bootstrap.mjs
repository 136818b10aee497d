// The Node.js runtime inside an environment: loads the handler, then one invocation after the other; or, where several run at once, one
// of the threads that do so (workers.mjs), which takes the next invocation while others wait for something.

import "./response_door.mjs";

import { UnhandledPromiseRejection, toReport } from "./errors.mjs";
import { loadHandler } from "./handlers.mjs";
import { runInvocation } from "./invocation.mjs";
import { logError, patchConsole } from "./logging.mjs";
import { searchNodePath } from "./node_path.mjs";
import { RuntimeApi } from "./runtime_api.mjs";
import { installGlobals } from "./streaming.mjs";

// How AWS's runtime ends; nobody else looks at it.
const EXIT_UNHANDLED_REJECTION = 128;
const EXIT_UNCAUGHT_EXCEPTION = 129;

const waitsAt = process.env._ALONZO_ASSIGNMENT_FD; // `guest/prestart.py`
if (waitsAt !== undefined) {
  delete process.env._ALONZO_ASSIGNMENT_FD;
  const { waitForAssignment } = await import("./assignment.mjs");
  await waitForAssignment(Number(waitsAt));
}

const isShared = process.env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined;
const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API, isShared);
let requestId = "undefined";
let isInitialized = false;

async function main(thread) {
  const variables = process.env;
  const descriptor = variables._LAMBDA_TELEMETRY_LOG_FD === undefined ? undefined : Number(variables._LAMBDA_TELEMETRY_LOG_FD);
  delete variables._LAMBDA_TELEMETRY_LOG_FD;
  patchConsole({
    descriptor,
    isJson: variables.AWS_LAMBDA_LOG_FORMAT === "JSON",
    level: variables.AWS_LAMBDA_LOG_LEVEL,
    currentRequest: thread === undefined ? () => requestId : () => thread.store.getRequestId() ?? "undefined",
    lock: thread?.lock,
  });
  installGlobals(thread?.store);
  process.on("uncaughtException", (error) => endWith(thread, "Uncaught Exception", error, EXIT_UNCAUGHT_EXCEPTION));
  process.on("unhandledRejection", (reason, promise) =>
    endWith(thread, "Unhandled Promise Rejection", new UnhandledPromiseRejection(reason, promise), EXIT_UNHANDLED_REJECTION),
  );
  let handler;
  try {
    handler = await loadHandler(variables.LAMBDA_TASK_ROOT, variables._HANDLER, searchNodePath(variables.NODE_PATH));
  } catch (error) {
    await endWith(thread, "Uncaught Exception", error, EXIT_UNCAUGHT_EXCEPTION);
  }
  isInitialized = true;
  if (thread !== undefined) await thread.run(handler, api);
  for (;;) {
    const invocation = await api.next();
    requestId = invocation.headers["lambda-runtime-aws-request-id"];
    const traceId = invocation.headers["lambda-runtime-trace-id"];
    if (traceId === undefined) delete variables._X_AMZN_TRACE_ID;
    else variables._X_AMZN_TRACE_ID = traceId;
    await runInvocation(handler, invocation, api);
  }
}

/** Report an error that nobody caught, and go: what runs after it cannot be trusted. */
async function endWith(thread, label, error, exitCode) {
  try {
    logError(label, error);
    api.leave();
    if (!isInitialized) await api.failInit(error);
    else await Promise.all((thread?.inFlight() ?? [requestId]).map((id) => api.fail(id, error)));
  } catch (reportError) {
    process.stderr.write(`${toReport(reportError).errorMessage}\n`);
  }
  process.exit(exitCode);
}

if (isShared) {
  const { Thread, runThreads } = await import("./workers.mjs");
  const thread = Thread.current();
  await (thread === undefined ? runThreads(process.env, api) : main(thread));
} else await main();
