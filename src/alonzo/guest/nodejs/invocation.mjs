// One invocation: the handler called as AWS calls it, and the moment at which it is over.

import { StringifyError } from "./errors.mjs";
import { logError } from "./logging.mjs";
import { isStreaming, responseStream } from "./streaming.mjs";

/** What handlers get as `context`. */
export function contextOf(headers, variables) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: variables.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: variables.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: variables.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: variables.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: variables.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsedHeader(headers["lambda-runtime-client-context"]),
    identity: parsedHeader(headers["lambda-runtime-cognito-identity"]),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
}

/** Call the handler and report what comes of it. Where others run beside it (`isShared`), there are no callbacks, as with AWS's client:
 * the event loop is never empty. */
export async function runInvocation(handler, { headers, body }, api, isShared = false) {
  const id = headers["lambda-runtime-aws-request-id"];
  const context = contextOf(headers, process.env);
  try {
    const event = JSON.parse(body.toString("utf8"));
    if (isStreaming(handler)) await runStreaming(handler, event, context, api);
    else await api.respond(id, toPayload(await (isShared ? handler(event, context) : resultOf(handler, event, context))));
  } catch (error) {
    logError("Invoke Error", error);
    await api.fail(id, error);
  }
}

async function runStreaming(handler, event, context, api) {
  const { stream, contentType } = responseStream(handler);
  const finished = Promise.resolve().then(() => handler(event, stream, context));
  const begun = new Promise((resolve) => stream.once("readable", resolve));
  await Promise.race([begun, finished]); // an error before the first byte is an error like any other
  finished.catch((error) => logError("Invoke Error", error));
  await api.stream(context.awsRequestId, stream, contentType(), finished);
}

/** Async handlers resolve; others call back, or are over when nothing is left to wait for. */
function resultOf(handler, event, context) {
  return new Promise((resolve, reject) => {
    let isDone = false;
    const whenIdle = () => settle(undefined, undefined);
    const settle = (error, result) => {
      if (isDone) return;
      isDone = true;
      process.removeListener("beforeExit", whenIdle);
      if (error === undefined || error === null) resolve(result);
      else reject(error);
    };
    const callback = (error, result) => {
      if (isDone) return;
      if (context.callbackWaitsForEmptyEventLoop && (error === undefined || error === null)) {
        process.removeListener("beforeExit", whenIdle);
        process.once("beforeExit", () => settle(error, result));
      } else setImmediate(settle, error, result);
    };
    context.done = callback;
    context.succeed = (result) => settle(undefined, result);
    context.fail = (error) => settle(error ?? "handled");
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") returned.then((result) => settle(undefined, result), (error) => settle(error ?? new Error(String(error))));
    else process.once("beforeExit", whenIdle);
  });
}

function toPayload(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch {
    throw new StringifyError();
  }
}

function parsedHeader(value) {
  return value === undefined ? undefined : JSON.parse(value);
}
