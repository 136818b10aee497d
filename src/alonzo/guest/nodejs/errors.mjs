// Errors as the Runtime API, the log and X-Ray want them.

import { types } from "node:util";

const FIRST_WITH_STRINGIFY_ERROR = 24;

/** What is wrong before a handler runs; `type` is one of AWS's names: Runtime.ImportModuleError, … */
export class RuntimeError extends Error {
  constructor(type, message, cause) {
    super(message);
    this.name = type;
    if (cause?.stack) this.stack = `${type}: ${message}\n${cause.stack}`;
  }
}

/** A result that is no JSON. The client of nodejs24.x was the first to give the error a type of its own. */
export class StringifyError extends Error {
  constructor() {
    super("Unable to stringify response body");
    const major = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)?.[1] ?? 0);
    if (major >= FIRST_WITH_STRINGIFY_ERROR) this.name = "Runtime.JSONStringifyError";
  }
}

/** A rejection that nobody handles ends the runtime, as on AWS. */
export class UnhandledPromiseRejection extends RuntimeError {
  constructor(reason, promise) {
    super("Runtime.UnhandledPromiseRejection", String(reason));
    this.reason = reason;
    this.promise = promise;
  }
}

const isError = (value) => value instanceof Error || types.isNativeError(value); // of another realm too (node:vm)

/** The body of an error report. Anything can be thrown, not only errors. */
export function toReport(error) {
  if (!isError(error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  return { errorType: error.name, errorMessage: error.message, trace: stackOf(error) };
}

/** An error with everything that hangs on it, for the log. */
export function toLogged(error) {
  if (!isError(error)) return error;
  const { name, ...own } = error; // as a property of its own it would be there twice
  return { errorType: error.name ?? name, errorMessage: error.message, code: error.code, ...own, stack: stackOf(error) };
}

/** For the log: nested errors are shown in full; what refers to itself is not followed. */
export function stringifyLogged(value) {
  const ancestors = [];
  return JSON.stringify(value, function (_key, item) {
    const shown = toLogged(item);
    if (typeof item === "bigint") return String(item);
    if (item === null || typeof item !== "object") return shown;
    while (ancestors.length > 0 && ancestors.at(-1)[1] !== this) ancestors.pop();
    if (ancestors.some(([original]) => original === item)) return "[Circular]";
    ancestors.push([item, shown]);
    return shown;
  });
}

/** The cause as X-Ray takes it (https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html). */
export function toXRayCause(error) {
  const stack = isError(error) ? stackOf(error).slice(1).map(toFrame).filter(Boolean) : [];
  const paths = [...new Set(stack.map((frame) => frame.path))];
  const { errorType, errorMessage } = toReport(error);
  return { working_directory: process.cwd(), exceptions: [{ type: errorType, message: errorMessage, stack }], paths };
}

function toFrame(line) {
  const match = /at (?:(.*) \()?(.*):(\d+):\d+\)?$/.exec(line.trim());
  return match && { path: match[2], line: Number(match[3]), label: match[1] ?? "anonymous" };
}

function stackOf(error) {
  return String(error.stack ?? "").split("\n");
}
