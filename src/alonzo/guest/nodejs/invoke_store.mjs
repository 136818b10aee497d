// What is one invocation's own where several run in a thread at once: `awslambda.InvokeStore`, as @aws/lambda-invoke-store has it.

import { AsyncLocalStorage } from "node:async_hooks";

export const KEYS = {
  REQUEST_ID: Symbol.for("_AWS_LAMBDA_REQUEST_ID"),
  X_RAY_TRACE_ID: Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID"),
  TENANT_ID: Symbol.for("_AWS_LAMBDA_TENANT_ID"),
};

export class InvokeStore {
  #storage = new AsyncLocalStorage();

  run(values, call) {
    return this.#storage.run({ ...values }, call);
  }

  getContext() {
    return this.#storage.getStore();
  }

  hasContext() {
    return this.getContext() !== undefined;
  }

  get(key) {
    return this.getContext()?.[key];
  }

  set(key, value) {
    if (Object.values(KEYS).includes(key)) throw new Error(`${String(key)} belongs to the runtime`);
    if (!this.hasContext()) throw new Error("No context available");
    this.getContext()[key] = value;
  }

  getRequestId() {
    return this.get(KEYS.REQUEST_ID);
  }

  getXRayTraceId() {
    return this.get(KEYS.X_RAY_TRACE_ID);
  }

  getTenantId() {
    return this.get(KEYS.TENANT_ID);
  }
}
