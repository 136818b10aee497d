"""Functions in JavaScript that run several invocations at once: threads of one process, each with several at a time."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.invoking import invoke, invoke_together, succeed, wait_for_log
from tests.support.managed_instances import deploy_shared
from tests.support.server import Server, zip_of

RUNTIME = "nodejs22.x"

SOURCE = """
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { threadId } from "node:worker_threads";

for (const directory of ["/tmp/running", "/tmp/arrived"]) mkdirSync(directory, { recursive: true });
const wait = () => new Promise((resolve) => setTimeout(resolve, 5));

export const handler = async (event, context) => {
  for (const directory of ["running", "arrived"]) writeFileSync(`/tmp/${directory}/${context.awsRequestId}`, "");
  try {
    return await work(event, context);
  } finally {
    rmSync(`/tmp/running/${context.awsRequestId}`);
  }
};

async function work(event, context) {
  console.warn("warned", event.number, "x".repeat(event.width ?? 1));
  let highest = 0;
  do {
    highest = Math.max(highest, readdirSync("/tmp/running").length);
    await wait();
  } while (readdirSync("/tmp/arrived").length < (event.together ?? 0));
  await new Promise((resolve) => setTimeout(resolve, event.milliseconds ?? 0));
  highest = Math.max(highest, readdirSync("/tmp/running").length);
  if (event.block) {
    console.log("the thread is blocked");
    while (!existsSync("/tmp/met")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  if (event.meet) writeFileSync("/tmp/met", "");
  if (event.raise) throw new RangeError(`bad ${event.number}`);
  if (event.exit !== undefined) process.exit(event.exit);
  if (event.kill) process.kill(process.pid, "SIGKILL");
  if (event.reject) {
    Promise.reject(new Error("nobody's"));
    await new Promise(() => {});
  }
  while (event.late && !existsSync("/tmp/release")) await wait();
  if (event.release) writeFileSync("/tmp/release", "");
  return {
    number: event.number,
    id: context.awsRequestId,
    stored: globalThis.awslambda.InvokeStore.getRequestId(),
    environment: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    thread: threadId,
    highest,
  };
}
"""


def deploy(server: Server, name: str, *, max_concurrency: int, **more: Any) -> str:
    configuration = {"Runtime": RUNTIME, "Handler": "index.handler"} | more
    return deploy_shared(server, name, zip_of({"index.mjs": SOURCE}), max_concurrency=max_concurrency, **configuration)


def test_sixteen_at_once_share_an_environment(server: Server) -> None:
    name = deploy(server, "node-several", max_concurrency=16)
    answers = [answer.value for answer in invoke_together(server, name, [{"number": number, "together": 16} for number in range(16)])]
    assert [answer["number"] for answer in answers] == list(range(16))
    assert len({answer["id"] for answer in answers}) == 16
    assert len({answer["environment"] for answer in answers}) == 1
    assert len({answer["thread"] for answer in answers}) <= 8  # under load, whichever came first may have taken all of them
    assert all(answer["stored"] == answer["id"] for answer in answers)
    assert max(answer["highest"] for answer in answers) == 16
    # Asked one at a time, it stays with the environment.
    assert {succeed(server, name, {"number": number})["environment"] for number in range(4)} == {answers[0]["environment"]}


def test_a_thread_that_is_blocked_leaves_the_others_to_serve(server: Server) -> None:
    name = deploy(server, "node-blocked", max_concurrency=4)
    with ThreadPoolExecutor(1) as background:
        blocked = background.submit(succeed, server, name, {"number": 0, "block": True})
        wait_for_log(server, name, "the thread is blocked")
        # It has asked for its next invocation already: one may have to wait for it.
        answers = invoke_together(server, name, [{"number": number, "meet": True} for number in (1, 2)])
        threads = {answer.value["thread"] for answer in answers}
        assert threads - {blocked.result()["thread"]}


def test_one_thread_runs_several_and_never_more_than_configured(server: Server) -> None:
    variables = {"Variables": {"AWS_LAMBDA_NODEJS_WORKER_COUNT": "1"}}
    name = deploy(server, "node-one-thread", max_concurrency=4, Environment=variables)
    answers = [answer.value for answer in invoke_together(server, name, [{"number": number, "together": 4} for number in range(4)])]
    assert len({answer["environment"] for answer in answers}) == len({answer["thread"] for answer in answers}) == 1
    assert max(answer["highest"] for answer in answers) == 4
    more = [answer.value for answer in invoke_together(server, name, [{"number": number, "milliseconds": 200} for number in range(16)])]
    assert [answer["number"] for answer in more] == list(range(16))
    assert all(answer["highest"] <= 4 for answer in more)


def test_an_error_in_one_does_not_touch_the_others(server: Server) -> None:
    name = deploy(server, "node-several-errors", max_concurrency=4)
    answers = invoke_together(server, name, [{"number": number, "together": 4, "raise": number == 1} for number in range(4)])
    assert [answer.error for answer in answers] == [None, "Unhandled", None, None]
    assert answers[1].value["errorType"] == "RangeError"
    messages = wait_for_log(server, name, "bad 1")
    logged = next(json.loads(message) for message in messages if "bad 1" in message)
    assert logged["requestId"] == answers[1].request_id


def test_what_ends_a_thread_fails_what_it_runs_and_it_is_replaced(server: Server) -> None:
    variables = {"Variables": {"AWS_LAMBDA_NODEJS_WORKER_COUNT": "1"}}
    name = deploy(server, "node-several-exit", max_concurrency=2, Environment=variables)
    dying, other = invoke_together(server, name, [{"number": 0, "together": 2, "exit": 3}, {"number": 1, "late": True}])
    for answer in (dying, other):
        problem = f"RequestId: {answer.request_id} Error: Runtime exited with error: exit status 3"
        assert answer.value == {"errorType": "Runtime.ExitError", "errorMessage": problem}
    assert succeed(server, name, {"number": 2})["number"] == 2
    rejected = invoke(server, name, {"number": 3, "reject": True})
    assert rejected.value["errorType"] == "Runtime.UnhandledPromiseRejection"
    assert succeed(server, name, {"number": 4})["number"] == 4


def test_a_crash_of_the_process_fails_everything_in_flight(server: Server) -> None:
    name = deploy(server, "node-several-kill", max_concurrency=4)
    events = [{"number": 0, "together": 4, "kill": True}, *({"number": number, "late": True} for number in range(1, 4))]
    for answer in invoke_together(server, name, events):
        problem = f"RequestId: {answer.request_id} Error: Runtime exited with error: signal: killed"
        assert answer.value == {"errorType": "Runtime.ExitError", "errorMessage": problem}
    assert succeed(server, name, {"number": 5})["number"] == 5


def test_what_is_late_fails_alone(server: Server) -> None:
    name = deploy(server, "node-several-late", max_concurrency=2, Timeout=2)
    first = succeed(server, name, {"number": 0})
    late = invoke(server, name, {"number": 1, "late": True})
    assert late.value["errorType"] == "Sandbox.Timedout"
    assert succeed(server, name, {"number": 2, "release": True})["environment"] == first["environment"]


def test_long_lines_of_threads_stay_whole(server: Server) -> None:
    name = deploy(server, "node-several-logs", max_concurrency=8)
    answers = invoke_together(server, name, [{"number": number, "together": 8, "width": 20_000} for number in range(8)])
    messages = wait_for_log(server, name, "platform.report", count=8)
    records = [json.loads(message) for message in messages if message.startswith("{")]
    warned = {record["requestId"]: record["message"] for record in records if "message" in record}
    assert warned == {answer.request_id: f"warned {number} {'x' * 20_000}" for number, answer in enumerate(answers)}


def test_streams_of_several_do_not_mix(server: Server) -> None:
    source = """
        const { readdirSync, mkdirSync, writeFileSync } = require("node:fs");
        mkdirSync("/tmp/begun", { recursive: true });
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          writeFileSync(`/tmp/begun/${event.number}`, "");
          for (let part = 0; part < 20; part++) {
            stream.write(`${event.number}`.repeat(1000));
            do await new Promise((resolve) => setTimeout(resolve, 2)); while (readdirSync("/tmp/begun").length < 4);
          }
          stream.end();
        });
    """
    package = zip_of({"index.js": source})
    name = deploy_shared(server, "node-several-streams", package, max_concurrency=4, Runtime=RUNTIME, Handler="index.handler")

    def stream(number: int) -> bytes:
        answer = server.client("lambda").invoke_with_response_stream(FunctionName=name, Payload=json.dumps({"number": number}))
        return b"".join(part.get("PayloadChunk", {}).get("Payload", b"") for part in answer["EventStream"])

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(stream, range(4))) == [str(number).encode() * 20_000 for number in range(4)]


def test_a_function_that_cannot_be_loaded_fails_whoever_invokes_it(server: Server) -> None:
    package = zip_of({"index.mjs": "throw new RangeError('no');"})
    name = deploy_shared(server, "node-several-broken", package, max_concurrency=4, Runtime=RUNTIME, Handler="index.handler")
    answers = invoke_together(server, name, [{"number": number} for number in range(4)])
    assert [answer.value["errorType"] for answer in answers] == ["RangeError"] * 4
