// Several invocations at once, as AWS's client has it: threads that each initialize the function and each ask for the next invocation
// before the last one is answered.
//
// The main thread looks after them. When one ends over invocations, it says so in its place and starts another one.

import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

import { InvokeStore, KEYS } from "./invoke_store.mjs";
import { runInvocation } from "./invocation.mjs";

const THREADS_PER_VCPU = 8;
const MIB_PER_VCPU = 2048;

/** One of the threads, as it sees itself. */
export class Thread {
  #ids = new Set();

  constructor(lock) {
    this.lock = lock;
    this.store = new InvokeStore();
  }

  /** Undefined in the main thread. */
  static current() {
    return isMainThread ? undefined : new Thread(workerData.lock);
  }

  inFlight() {
    return [...this.#ids];
  }

  async run(handler, api) {
    for (;;) {
      const invocation = await api.next();
      setImmediate(() => this.#run(handler, invocation, api));
    }
  }

  async #run(handler, invocation, api) {
    const { headers } = invocation;
    const id = headers["lambda-runtime-aws-request-id"];
    this.#ids.add(id);
    parentPort.postMessage({ begun: id });
    const own = { [KEYS.REQUEST_ID]: id, [KEYS.X_RAY_TRACE_ID]: headers["lambda-runtime-trace-id"], [KEYS.TENANT_ID]: headers["lambda-runtime-aws-tenant-id"] };
    await this.store.run(own, () => runInvocation(handler, invocation, api, true));
    this.#ids.delete(id);
    parentPort.postMessage({ ended: id });
  }
}

/** Start the threads and keep them. The process ends when none could be initialized. */
export function runThreads(variables, api) {
  const lock = new Int32Array(new SharedArrayBuffer(4));
  let livingCount = Math.min(threadCount(variables), Number(variables.AWS_LAMBDA_MAX_CONCURRENCY));
  const start = () => {
    const ids = new Set();
    let hasRun = false;
    const worker = new Worker(new URL("./bootstrap.mjs", import.meta.url), { env: variables, workerData: { lock } });
    worker.on("message", ({ begun, ended }) => {
      hasRun = true;
      if (begun !== undefined) ids.add(begun);
      else ids.delete(ended);
    });
    worker.on("error", (error) => process.stderr.write(`${error?.stack ?? error}\n`));
    worker.on("exit", async (code) => {
      const problem = code === 0 ? "Runtime exited without providing a reason" : `Runtime exited with error: exit status ${code}`;
      for (const id of ids) await api.failExit(id, problem);
      if (hasRun) start();
      else if (--livingCount === 0) process.exit(code);
    });
  };
  for (let number = 0; number < livingCount; number++) start();
}

function threadCount(variables) {
  const wanted = Number.parseInt(variables.AWS_LAMBDA_NODEJS_WORKER_COUNT, 10);
  if (wanted > 0) return wanted;
  return THREADS_PER_VCPU * Math.max(Math.floor(Number(variables.AWS_LAMBDA_FUNCTION_MEMORY_SIZE) / MIB_PER_VCPU), 1);
}
