// Response streaming: `awslambda.streamifyResponse` and `awslambda.HttpResponseStream` for functions, and the stream that they write to.

import { PassThrough } from "node:stream";

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const METADATA_TYPE = "application/vnd.awslambda.http-integration-response";
const PRELUDE_END = Buffer.alloc(8); // eight NUL bytes part the metadata from the body

class HttpResponseStream {
  /** The stream of a function URL or API: status, headers and cookies go before the body. */
  static from(stream, metadata) {
    stream.setContentType(METADATA_TYPE);
    const prelude = JSON.stringify(metadata);
    stream._onBeforeFirstWrite = (write) => {
      write(prelude);
      write(PRELUDE_END);
    };
    return stream;
  }
}

/** What functions find as `awslambda`. `store`: where several invocations run at once, what is each one's own. */
export function installGlobals(store) {
  globalThis.awslambda = {
    ...globalThis.awslambda,
    streamifyResponse(handler, options) {
      handler[STREAMING] = "response";
      if (typeof options?.highWaterMark === "number") handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return handler;
    },
    HttpResponseStream,
    ...(store === undefined ? {} : { InvokeStore: store }),
  };
}

export const isStreaming = (handler) => handler[STREAMING] === "response";

/** The stream that a streaming handler writes to. `contentType()` may be asked once it has begun. */
export function responseStream(handler) {
  let contentType = "application/octet-stream";
  let hasBegun = false;
  const stream = new PassThrough({ highWaterMark: handler[HIGH_WATER_MARK] });
  const write = stream.write.bind(stream);
  const end = stream.end.bind(stream);
  const begin = () => {
    if (hasBegun) return;
    hasBegun = true;
    stream._onBeforeFirstWrite?.(write);
  };
  stream.setContentType = (type) => {
    contentType = type;
  };
  stream.write = (chunk, ...rest) => {
    begin();
    return write(toBytes(chunk), ...rest);
  };
  stream.end = (chunk, ...rest) => {
    begin();
    return typeof chunk === "function" || chunk === undefined || chunk === null ? end(chunk, ...rest) : end(toBytes(chunk), ...rest);
  };
  return { stream, contentType: () => contentType };
}

function toBytes(chunk) {
  return typeof chunk === "string" || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk);
}
