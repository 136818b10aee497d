"""Every behaviour of the suite, in Python."""

import logging
import os
import signal
import subprocess
import sys
import time

calls = 0
logger = logging.getLogger()


class NoWeather(Exception):
    pass


def echo(event, context):
    return event


def unserializable(event, context):
    return {1, 2}


def act(event, context):
    return ACTIONS[event["do"]](event, context)


def describe(event, context):
    client = context.client_context
    return {
        "request_id": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": int(context.memory_limit_in_mb),
        "remaining_ms": context.get_remaining_time_in_millis(),
        "log_group": context.log_group_name,
        "log_stream": context.log_stream_name,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "client": client and {"app_title": client.client.app_title, "custom": client.custom},
        "identity": context.identity.cognito_identity_id,
    }


def write(event, context):
    try:
        with open(event["path"], "w") as file:
            file.write("written")
    except OSError:
        return "refused"
    return "written"


def read(event, context):
    with open(event["path"]) as file:
        return file.read()


def count(event, context):
    global calls
    calls += 1
    with open("/tmp/count", "a") as file:
        file.write("x")
    return {"global": calls, "tmp": os.path.getsize("/tmp/count")}


def fail(event, context):
    raise NoWeather(event["message"])


def wait(event, context):
    time.sleep(event["seconds"])
    return event["token"]


def write_log(event, context):
    logger.setLevel(logging.INFO)
    print("to stdout ☔ 𝄞", flush=True)
    print("to stderr", file=sys.stderr, flush=True)
    logger.info("first line\nsecond line")


def greet(event, context):
    import layered

    return layered.GREETING


ACTIONS = {
    "context": describe,
    "environment": lambda event, context: dict(os.environ),
    "directory": lambda event, context: os.getcwd(),
    "write": write,
    "read": read,
    "count": count,
    "fail": fail,
    "wait": wait,
    "exit": lambda event, context: sys.exit(event["status"]),
    "kill": lambda event, context: os.kill(os.getpid(), signal.SIGKILL),
    "log": write_log,
    "fill": lambda event, context: "x" * event["bytes"],
    "run": lambda event, context: subprocess.run([event["program"]], capture_output=True, text=True, check=True).stdout,
    "greet": greet,
}
