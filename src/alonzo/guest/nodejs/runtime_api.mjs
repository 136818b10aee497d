// The Runtime API's client (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), over one kept-alive connection.

import { Agent, request } from "node:http";
import { pipeline } from "node:stream/promises";

import { toReport, toXRayCause } from "./errors.mjs";

const PREFIX = "/2018-06-01/runtime/";
const CAUSE_MAX_BYTES = 1_048_576;
const ACCEPTED = 202;
const INVALID_REQUEST_ID = 400;
const TOO_LATE = 410;

export class RuntimeApi {
  #next;
  #isLeaving = false;

  /** `isShared`: several invocations are answered at once, each over a connection of its own. */
  constructor(address, isShared) {
    const [host, port] = address.split(":");
    const limits = isShared ? { maxFreeSockets: 2 } : { maxSockets: 2 };
    this.target = { host, port: Number(port), agent: new Agent({ keepAlive: true, ...limits }) };
  }

  /** The next invocation: its headers and its payload's bytes. */
  async next() {
    this.#next = this.#request("GET", "invocation/next");
    this.#next.end();
    const answer = await answerTo(this.#next).catch((error) => (this.#isLeaving ? new Promise(() => {}) : Promise.reject(error)));
    this.#next = undefined;
    if (answer.status !== 200) throw new Error(`the Runtime API answered ${answer.status} to a request for the next invocation`);
    return answer;
  }

  /** Wait for no further invocation: one that came to a thread that ends would never be answered. */
  leave() {
    this.#isLeaving = true;
    this.#next?.destroy();
  }

  async respond(id, body) {
    await this.#report(`invocation/${id}/response`, body, { "Content-Type": "application/json" });
  }

  async fail(id, error) {
    await this.#report(`invocation/${id}/error`, JSON.stringify(toReport(error)), errorHeaders(error));
  }

  /** The thread that had an invocation has ended over it: in the platform's words. */
  async failExit(id, problem) {
    const body = JSON.stringify({ errorType: "Runtime.ExitError", errorMessage: `RequestId: ${id} Error: ${problem}` });
    await this.#report(`invocation/${id}/error`, body, { "Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": "Runtime.ExitError" });
  }

  async failInit(error) {
    await this.#report("init/error", JSON.stringify(toReport(error)), errorHeaders(error));
  }

  /** Send a response as it comes; an error on the way is told in the trailers. */
  async stream(id, source, contentType, finished) {
    const headers = {
      "Content-Type": contentType,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    };
    const outgoing = request({ ...this.target, method: "POST", path: `${PREFIX}invocation/${id}/response`, headers });
    const answered = answerTo(outgoing);
    finished.catch((error) => {
      outgoing.addTrailers({
        "Lambda-Runtime-Function-Error-Type": toReport(error).errorType,
        "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(toReport(error))).toString("base64"),
      });
      source.end();
    });
    await pipeline(source, outgoing).catch((error) => outgoing.destroy(error));
    await answered;
  }

  async #report(path, body, headers) {
    const answer = await this.#exchange("POST", path, body, headers);
    if (![ACCEPTED, INVALID_REQUEST_ID, TOO_LATE].includes(answer.status)) {
      throw new Error(`the Runtime API answered ${answer.status} to ${path}: ${answer.body.toString()}`);
    }
  }

  #exchange(method, path, body, headers = {}) {
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const outgoing = this.#request(method, path, { ...headers, ...length });
    const answered = answerTo(outgoing);
    outgoing.end(body);
    return answered;
  }

  #request(method, path, headers = {}) {
    return request({ ...this.target, method, path: PREFIX + path, headers });
  }
}

function answerTo(outgoing) {
  return new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const parts = [];
      response.on("error", reject);
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    });
  });
}

function errorHeaders(error) {
  const headers = { "Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": toReport(error).errorType };
  const cause = JSON.stringify(toXRayCause(error)).replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  if (cause.length < CAUSE_MAX_BYTES) headers["Lambda-Runtime-Function-XRay-Error-Cause"] = cause;
  return headers;
}
