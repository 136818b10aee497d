// Every behaviour of the suite, in JavaScript; `app.js` and `app.mjs` make handlers of them.
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");

let calls = 0;

class NoWeather extends Error {
  constructor(message) {
    super(message);
    this.name = "NoWeather";
  }
}

const ACTIONS = {
  context: (event, context) => ({
    request_id: context.awsRequestId,
    name: context.functionName,
    version: context.functionVersion,
    arn: context.invokedFunctionArn,
    memory: Number(context.memoryLimitInMB),
    remaining_ms: context.getRemainingTimeInMillis(),
    log_group: context.logGroupName,
    log_stream: context.logStreamName,
    trace: process.env._X_AMZN_TRACE_ID,
    client: context.clientContext ? { app_title: context.clientContext.client.app_title, custom: context.clientContext.custom } : null,
    identity: context.identity ?? null,
  }),
  environment: () => ({ ...process.env }),
  directory: () => process.cwd(),
  write: ({ path }) => {
    try {
      fs.writeFileSync(path, "written");
      return "written";
    } catch {
      return "refused";
    }
  },
  read: ({ path }) => fs.readFileSync(path, "utf8"),
  count: () => {
    fs.appendFileSync("/tmp/count", "x");
    return { global: ++calls, tmp: fs.statSync("/tmp/count").size };
  },
  fail: ({ message }) => {
    throw new NoWeather(message);
  },
  wait: async ({ seconds, token }) => {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return token;
  },
  exit: ({ status }) => process.exit(status),
  kill: () => new Promise(() => process.kill(process.pid, "SIGKILL")),
  log: () => {
    process.stdout.write("to stdout ☔ 𝄞\n");
    process.stderr.write("to stderr\n");
    console.log("first line\nsecond line");
    return null;
  },
  fill: ({ bytes }) => "x".repeat(bytes),
  run: ({ program }) => execFileSync(program, { encoding: "utf8" }),
};

async function stream({ parts, pause_ms, fails }, output) {
  for (const part of parts) {
    output.write(part);
    await new Promise((resolve) => setTimeout(resolve, pause_ms));
  }
  if (fails) throw new NoWeather("on the way");
  output.end();
}

module.exports = { ACTIONS, stream };
