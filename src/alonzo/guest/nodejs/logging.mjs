// The console of functions: each call one event in the log, with the request it belongs to.

import { writeSync } from "node:fs";
import { format, types } from "node:util";

import { stringifyLogged, toLogged } from "./errors.mjs";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const METHODS = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", fatal: "FATAL" };

// The frames of the log descriptor: type (and level), length, microseconds since 1970, big-endian.
const FRAME_TEXT = 0xa55a0003;
const FRAME_JSON = 0xa55a0002;
const LEVEL_BITS = { TRACE: 0b00100, DEBUG: 0b01000, INFO: 0b01100, WARN: 0b10000, ERROR: 0b10100, FATAL: 0b11000 };
const FRAME_HEAD_BYTES = 16;

const FULL_PIPE_WAIT_MS = 1;

let logsJson = false;

/** Takes over `console`. `currentRequest()` gives the id of the invocation that runs; `lock` keeps threads from writing into each other's lines. */
export function patchConsole({ descriptor, isJson, level, currentRequest, lock }) {
  logsJson = isJson;
  const lowest = isJson ? Math.max(LEVELS.indexOf(level), 0) : 0;
  const write = writerTo(descriptor, isJson ? FRAME_JSON : FRAME_TEXT, lock === undefined ? writeWhole : inTurn(writeWhole, lock));
  for (const [method, name] of Object.entries(METHODS)) {
    console[method] =
      LEVELS.indexOf(name) < lowest
        ? () => {}
        : (...parts) => {
            const time = new Date();
            const line = isJson ? jsonLine(time, currentRequest(), name, parts) : textLine(time, currentRequest(), name, parts);
            write(line, name, time);
          };
  }
}

/** An error that ends an invocation or the runtime, in AWS's words. */
export function logError(label, error) {
  console.error(label, logsJson ? error : `\t${stringifyLogged(error)}`);
}

function textLine(time, requestId, level, parts) {
  return `${time.toISOString()}\t${requestId}\t${level}\t${format(...parts)}`;
}

function jsonLine(time, requestId, level, parts) {
  const record = { timestamp: time.toISOString(), level, requestId };
  if (parts.length === 1 && typeof parts[0] !== "string") {
    return JSON.stringify(record).slice(0, -1) + `,"message":${stringifyLogged(parts[0]) ?? "null"}}`;
  }
  record.message = format(...parts);
  const error = parts.find((part) => part instanceof Error || types.isNativeError(part));
  if (error) {
    const { errorType, errorMessage, stack } = toLogged(error);
    Object.assign(record, { errorType, errorMessage, stackTrace: stack });
  }
  return JSON.stringify(record);
}

function writerTo(descriptor, frameType, writeData) {
  if (descriptor === undefined) {
    return (line) => writeData(1, Buffer.from(`${line.replaceAll("\n", "\r")}\n`)); // one event a line: CloudWatch shows \r as a line end
  }
  return (line, level, time) => {
    const body = Buffer.from(`${line}\n`);
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.writeUInt32BE((frameType | LEVEL_BITS[level]) >>> 0, 0);
    head.writeInt32BE(body.length, 4);
    head.writeBigInt64BE(BigInt(time.getTime()) * 1000n, 8);
    writeData(descriptor, Buffer.concat([head, body]));
  };
}

/** What is longer than 4,096 bytes goes into a pipe in parts (pipe(7)). `lock` is an Int32Array that all threads share. */
function inTurn(write, lock) {
  return (...parameters) => {
    while (Atomics.compareExchange(lock, 0, 0, 1) !== 0) Atomics.wait(lock, 0, 1);
    try {
      write(...parameters);
    } finally {
      Atomics.store(lock, 0, 0);
      Atomics.notify(lock, 0, 1);
    }
  };
}

/** Waits at a full pipe, also at one that `process.stdout` has made non-blocking: so it does where a function or a thread of its own opens it. */
function writeWhole(descriptor, data) {
  for (let start = 0; start < data.length; ) {
    try {
      start += writeSync(descriptor, data, start);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_WAIT_MS);
    }
  }
}
