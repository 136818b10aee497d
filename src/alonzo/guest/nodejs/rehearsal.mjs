// What a process that waits for its function does first: one invocation, of a handler that does nothing, over its own loopback. By then node
// has compiled all that the first invocation of the function will need, which is three quarters of what is left of a cold start.

import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { loadHandler } from "./handlers.mjs";
import { runInvocation } from "./invocation.mjs";
import { RuntimeApi } from "./runtime_api.mjs";

const INVOCATION = [
  "HTTP/1.1 200 OK",
  "Content-Type: application/json",
  "Lambda-Runtime-Aws-Request-Id: rehearsal",
  "Lambda-Runtime-Deadline-Ms: 0",
  "Lambda-Runtime-Invoked-Function-Arn: rehearsal",
  "Lambda-Runtime-Trace-Id: rehearsal",
  "Content-Length: 2",
  "",
  "{}",
].join("\r\n");
const ACCEPTED = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n";

/** Leaves nothing behind that a function could see. */
export async function rehearse() {
  const stderr = Object.getOwnPropertyDescriptor(process, "stderr");
  // A socket that ends looks whether it is process.stderr, which would open it, and make the pipe of the log a non-blocking one.
  Object.defineProperty(process, "stderr", { ...stderr, get: () => null });
  await invokeNothing();
  for (let turn = 0; turn < 2; turn++) await setImmediate(); // until the loop has let go of what was closed
  Object.defineProperty(process, "stderr", stderr);
  const { cache } = createRequire(import.meta.url);
  for (const file of Object.keys(cache)) delete cache[file];
}

async function invokeNothing() {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket); // the loopback may be the machine's: whoever else connects shall not keep it open
    socket.on("error", () => socket.destroy());
    socket.once("data", () => {
      socket.write(INVOCATION);
      socket.once("data", () => socket.end(ACCEPTED));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api = new RuntimeApi(`127.0.0.1:${server.address().port}`);
  const handler = await loadHandler(dirname(fileURLToPath(import.meta.url)), "rehearsed.handler");
  await runInvocation(handler, await api.next(), api);
  api.target.agent.destroy();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}
