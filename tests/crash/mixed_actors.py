"""Who takes part in the mixed load: each actor does one thing once, checks what came of it, and names it."""

import contextlib
import itertools
import json
import random
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from tests.support.server import ROLE, Server, zip_of

Actor = Callable[[Server, Any, random.Random], str]
"""Returns what happened, in a few words; raises whatever should not have happened."""

_STANDING = """
import ctypes, os, subprocess, sys, time

def handler(event, context):
    do = event["do"]
    if do == "echo":
        return event
    if do == "raise":
        raise ValueError("told to")
    if do == "exit":
        os._exit(3)
    if do == "segfault":
        ctypes.string_at(0)
    if do == "sleep":
        time.sleep(event["seconds"])
    if do == "memory":
        held = [bytearray(1 << 20) for _ in range(1024)]
    if do == "recursion":
        return handler(event, context)
    if do == "orphans":
        for _ in range(3):
            subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(600)"])
    if do == "descriptors":
        event["opened"] = len([open("/dev/null") for _ in range(100)])
    if do == "files":
        open(f"/tmp/{context.aws_request_id}", "wb").write(bytes(1 << 20))
    if do == "log":
        print(("x" * 200 + "\\n") * 200)
    return event
"""
_CHURNED = "def handler(event, context): return {number}\n"
_STEADY, _BROKEN, _EVENTS, _LITTERED = "steady", "broken", "events", "littered"
_BREAKING = {
    "raise": "ValueError",
    "exit": "Runtime.ExitError",
    "segfault": "Runtime.ExitError",
    "memory": "Runtime.ExitError",
    "recursion": "RecursionError",
    "sleep": "Sandbox.Timedout",
}
_ALSO = frozenset({"Runtime.OutOfMemory", "Sandbox.Timedout"})
"""Where the kernel tells who was killed for memory; and on a busy machine everything takes longer than a second now and then."""
_KINDS_LEFT = ("orphans", "descriptors", "files", "log")
_numbers = itertools.count()


def deploy_standing(server: Server) -> None:
    """The functions that stay throughout."""
    for name in (_STEADY, _BROKEN, _EVENTS, _LITTERED):
        server.deploy(name, _STANDING, Timeout=1 if name == _BROKEN else 20, MemorySize=128)


def invoke_steadily(_: Server, client: Any, source: random.Random) -> str:
    """An answer is the event, to the byte."""
    event = {"do": "echo", "number": source.random(), "text": "y" * source.randint(0, 20_000)}
    answer = client.invoke(FunctionName=_STEADY, Payload=json.dumps(event))
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer or payload != event:
        raise AssertionError(f"another answer than its event: {str(payload)[:200]}")
    return "answered"


def break_a_function(_: Server, client: Any, source: random.Random) -> str:
    """It fails as told, and says so as AWS does."""
    do = source.choice(list(_BREAKING))
    answer = client.invoke(FunctionName=_BROKEN, Payload=json.dumps({"do": do, "seconds": 30}))
    payload = json.load(answer["Payload"])
    if "FunctionError" not in answer:
        raise AssertionError(f"told to {do}, and it answered {str(payload)[:200]}")
    if payload.get("errorType") not in _ALSO | {_BREAKING[do]}:
        raise AssertionError(f"told to {do}, and it failed with {str(payload)[:200]}")
    return f"failed as told: {do}"


def leave_things_behind(_: Server, client: Any, source: random.Random) -> str:
    """Processes, open files, files in /tmp, logs: all of them the environment's, and gone with it."""
    do = source.choice(_KINDS_LEFT)
    answer = client.invoke(FunctionName=_LITTERED, Payload=json.dumps({"do": do}))
    payload = json.load(answer["Payload"])
    # A warm environment is full at some time: of 1,024 descriptors, or of its 128 MB.
    return f"left behind: {do}" if "FunctionError" not in answer else f"left behind: {do}, until {payload.get('errorType')}"


def send_events(_: Server, client: Any, source: random.Random) -> str:
    """Asynchronously; some of them fail and are tried again."""
    do = source.choice(("echo", "echo", "echo", "raise", "exit"))
    answer = client.invoke(FunctionName=_EVENTS, InvocationType="Event", Payload=json.dumps({"do": do}))
    if answer["StatusCode"] != 202:
        raise AssertionError(f"an event was answered with {answer['StatusCode']}")
    return f"event accepted: {do}"


def go_away(server: Server, _: Any, source: random.Random) -> str:
    """A client that closes its connection before the answer, or in the middle of its request."""
    url = urlsplit(server.endpoint_url)
    body = json.dumps({"do": "sleep", "seconds": source.uniform(0, 0.5)}).encode()
    head = f"POST /2015-03-31/functions/{_STEADY}/invocations HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    is_whole = source.random() < 0.5
    assert url.hostname is not None
    with socket.create_connection((url.hostname, url.port or 80), 20) as connection:
        connection.sendall(request if is_whole else request[: source.randrange(1, len(request))])
        with contextlib.suppress(TimeoutError):
            connection.settimeout(source.uniform(0.001, 0.2))
            connection.recv(1)
    return "went away before the answer" if is_whole else "went away in the middle of the request"


def live_and_die(server: Server, client: Any, source: random.Random) -> str:
    """A function from its creation to its deletion, changed and published between, and perhaps deleted while it runs."""
    number = next(_numbers)
    name = f"churned-{number}"
    client.create_function(
        FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": _code(number)}, Timeout=10
    )
    try:
        server.wait_until_settled(name)
        _expect(client, name, number)
        client.update_function_code(FunctionName=name, ZipFile=_code(-number))
        server.wait_until_settled(name)
        _expect(client, name, -number)
        client.update_function_configuration(FunctionName=name, MemorySize=256, Environment={"Variables": {"NUMBER": str(number)}})
        server.wait_until_settled(name)
        version = client.publish_version(FunctionName=name)["Version"]
        client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        if source.random() < 0.3:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
        _expect(client, f"{name}:live", -number)
        client.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    finally:
        client.delete_function(FunctionName=name)
    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName=name)
        raise AssertionError(f"{name} is there after its deletion")
    return "lived and died"


def stream(server: Server, client: Any, source: random.Random) -> str:
    """A response as it comes; some clients do not read it to the end."""
    del server
    answer = client.invoke_with_response_stream(FunctionName=_STEADY, Payload=json.dumps({"do": "echo"}))
    if source.random() < 0.3:
        answer["EventStream"].close()
        return "streamed, and not read"
    size = sum(len(part.get("PayloadChunk", {}).get("Payload", b"")) for part in answer["EventStream"])
    if not size:
        raise AssertionError("a stream without a byte")
    return "streamed"


def ask_for_what_is_not_there(_: Server, client: Any, source: random.Random) -> str:
    """Refused, and nothing is kept of it."""
    try:
        client.invoke(FunctionName=f"nobody-{source.randrange(50)}", Payload=b"{}")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return "refused: no such function"
        raise
    raise AssertionError("a function that does not exist has answered")


def _expect(client: Any, name: str, number: int) -> None:
    payload = json.load(client.invoke(FunctionName=name, Payload=b"{}")["Payload"])
    if payload != number:
        raise AssertionError(f"{name} answered {payload} instead of {number}")


def _code(number: int) -> bytes:
    return zip_of({"app.py": _CHURNED.format(number=number)})


ACTORS: tuple[Actor, ...] = (
    invoke_steadily,
    invoke_steadily,
    invoke_steadily,
    break_a_function,
    break_a_function,
    leave_things_behind,
    send_events,
    go_away,
    live_and_die,
    live_and_die,
    stream,
    ask_for_what_is_not_there,
)
"""One thread each."""
