"""Extensions and their environment, told by what comes on its connections."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alonzo.environment.extension_host import ExternalExtensions
from alonzo.environment.outcomes import InitFailed
from alonzo.environment.phases import Phase

from .conftest import REQUEST_ID, Given, Runtime, an_environment, an_invocation

PATHS = ("/opt/extensions/first", "/opt/extensions/second")
RESPONSE = f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"


def run(scenario: Callable[[Given], Awaitable[None]], paths: tuple[str, ...] = PATHS, **environment: Any) -> None:
    external = ExternalExtensions(paths=paths, variables={"A": "1"}) if paths else None

    async def play() -> None:
        async with asyncio.timeout(20), an_environment(external_extensions=external, **environment) as given:
            await scenario(given)

    asyncio.run(play())


class Client:
    """One extension on a connection of its own."""

    def __init__(self, connection: Runtime, name: str) -> None:
        self._connection = connection
        self.name = name
        self.identifier = ""

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        await self.send(method, path, body, **headers)
        return await self.receive()

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        own = {"Lambda-Extension-Identifier": self.identifier} if self.identifier else {}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in (own | headers).items())
        await self._connection.send_raw(f"{method} {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def receive(self) -> tuple[int, Any]:
        status, headers, body = await self._connection.receive_all()
        self.identifier = headers.get("lambda-extension-identifier", self.identifier)
        return status, json.loads(body)

    async def register(self, *events: str) -> tuple[int, Any]:
        body = json.dumps({"events": events}).encode()
        return await self.ask("POST", "/2020-01-01/extension/register", body, Lambda_Extension_Name=self.name)

    async def next(self) -> None:
        await self.send("GET", "/2020-01-01/extension/event/next")

    def close(self) -> None:
        self._connection.close()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 – what it waits for has no event
        await asyncio.sleep(0.01)


async def connect(given: Given, name: str) -> Client:
    return Client(await given.connect(), name)


async def initialized(given: Given, *events: str) -> tuple[Runtime, Client, Client]:
    """A runtime and both extensions, all waiting."""
    starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
    first, second = await connect(given, "first"), await connect(given, "second")
    for client in (first, second):
        assert (await client.register(*events))[0] == 200
        await client.next()
    runtime = await given.connect()
    await runtime.send("GET", "invocation/next")
    await starting
    return runtime, first, second


def test_the_runtime_starts_when_all_extensions_have_registered() -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        first, second = await connect(given, "first"), await connect(given, "second")
        assert given.sandbox.assignment.side.paths == PATHS
        await first.register("INVOKE")
        assert not given.sandbox.is_started
        await second.register("SHUTDOWN")
        assert given.sandbox.is_started
        runtime = await given.connect()
        await runtime.send("GET", "invocation/next")
        await first.next()
        assert (await second.ask("GET", "/2018-06-01/runtime/invocation/nothing"))[0] == 404
        assert given.environment.phase is Phase.INIT
        await second.next()
        await starting
        assert given.environment.phase is Phase.IDLE
        messages = await given.messages()
        assert messages[-2:] == [
            "EXTENSION\tName: first\tState: Ready\tEvents: [INVOKE]\n",
            "EXTENSION\tName: second\tState: Ready\tEvents: [SHUTDOWN]\n",
        ]

    run(scenario)


def test_only_those_who_want_to_know_are_told_and_waited_for() -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        first, second = await connect(given, "first"), await connect(given, "second")
        await first.register("INVOKE")
        await second.register("SHUTDOWN")
        await first.next()
        await second.next()
        runtime = await given.connect()
        await runtime.send("GET", "invocation/next")
        await starting
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        _, event = await first.receive()
        assert event.pop("deadlineMs") > 0
        assert event == {
            "eventType": "INVOKE",
            "requestId": REQUEST_ID,
            "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:x",
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5759e988-bd862e3fe1be46a994272793"},
        }
        await runtime.receive()
        await runtime.ask("POST", f"invocation/{REQUEST_ID}/response", b"1")
        assert (await invoking).payload == b"1"
        assert given.environment.phase is Phase.INVOKE
        settled = given.environment.settled
        assert settled is not None
        await runtime.send("GET", "invocation/next")
        await first.next()
        await settled
        assert (given.environment.phase, given.environment.settled) == (Phase.IDLE, None)
        assert [message.split()[0] for message in await given.messages()][-3:] == ["START", "END", "REPORT"]

    run(scenario)


def test_an_extension_whose_connection_was_lost_may_come_again() -> None:
    async def scenario(given: Given) -> None:
        runtime, first, _ = await initialized(given, "INVOKE")
        second = await connect(given, "second")
        first.close()
        for _ in range(3):  # the event loop has had its turns to see it
            await second.ask("GET", "/2018-06-01/nothing")
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        again = await connect(given, "first")
        again.identifier = first.identifier
        await again.next()
        assert (await again.receive())[1]["eventType"] == "INVOKE"
        invoking.cancel()
        await asyncio.wait([invoking])

    run(scenario)


def test_a_second_request_for_the_next_event_is_refused() -> None:
    async def scenario(given: Given) -> None:
        _, first, _ = await initialized(given, "INVOKE")
        other = await connect(given, "first")
        other.identifier = first.identifier
        status, answer = await other.ask("GET", "/2020-01-01/extension/event/next")
        assert status == 403
        assert answer["errorType"] == "Extension.InvalidExtensionState"
        message = f"State transition from Ready to Ready failed for extension {first.identifier}. Error: State transition is not allowed"
        assert answer["errorMessage"] == message

    run(scenario)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "error_type"),
    [
        ("POST", "register", {}, b"{}", "Extension.InvalidExtensionName"),
        ("POST", "register", {"Lambda-Extension-Name": "x"}, b"", "InvalidRequestFormat"),
        ("POST", "register", {"Lambda-Extension-Name": "x"}, b"[", "InvalidRequestFormat"),
        ("POST", "register", {"Lambda-Extension-Name": "x"}, b'{"events": ["SHUTDOWN"]}', "Extension.InvalidEventType"),
        ("POST", "register", {"Lambda-Extension-Name": "first"}, b'{"events": ["abcdef"]}', "Extension.InvalidEventType"),
        ("POST", "register", {"Lambda-Extension-Name": "x"}, b'{"configurationKeys": ["a"]}', "InvalidRequestFormat"),
        ("GET", "event/next", {}, b"", "Extension.MissingExtensionIdentifier"),
        ("GET", "event/next", {"Lambda-Extension-Identifier": "x"}, b"", "Extension.InvalidExtensionIdentifier"),
        ("POST", "init/error", {"Lambda-Extension-Identifier": REQUEST_ID}, b"{}", "Extension.MissingHeader"),
        (
            *("POST", "exit/error", {"Lambda-Extension-Identifier": REQUEST_ID, "Lambda-Extension-Function-Error-Type": "x"}, b"{}"),
            "Extension.UnknownExtensionIdentifier",
        ),
        ("GET", "event/next", {"Lambda-Extension-Identifier": REQUEST_ID}, b"", "Extension.UnknownExtensionIdentifier"),
    ],
)
def test_what_is_refused(method: str, path: str, headers: dict[str, str], body: bytes, error_type: str) -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        client = await connect(given, "x")
        status, answer = await client.ask(method, f"/2020-01-01/extension/{path}", body, **headers)
        assert (status, answer["errorType"]) == (403, error_type)
        starting.cancel()
        await asyncio.wait([starting])

    run(scenario)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "register", 405), ("POST", "event/next", 405), ("POST", "else", 404)])
def test_other_methods_and_paths(method: str, path: str, status: int) -> None:
    async def scenario(given: Given) -> None:
        await given.initialized()
        client = await connect(given, "x")
        assert (await client.ask(method, f"/2020-01-01/extension/{path}"))[0] == status

    run(scenario, ())


def test_an_extension_that_exits_between_two_invocations_ends_the_environment() -> None:
    async def scenario(given: Given) -> None:
        _, _, second = await initialized(given, "INVOKE", "SHUTDOWN")
        watcher = given.sandbox.assignment.side.watcher
        watcher.on_side_exit("first", 1)
        assert given.environment.phase is Phase.SHUTDOWN
        given.sandbox.runtime_exit.set_result(-15)
        _, event = await second.receive()
        assert (event["eventType"], event["shutdownReason"]) == ("SHUTDOWN", "failure")
        watcher.on_side_exit("second", 0)
        await given.environment.ended
        assert given.environment.phase is Phase.ENDED

    run(scenario)


def test_an_error_that_an_extension_reports_names_its_exit() -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        first = await connect(given, "first")
        await first.register("INVOKE")
        error = {"Lambda-Extension-Function-Error-Type": "Extension.NoKey"}
        assert (await first.ask("POST", "/2020-01-01/extension/exit/error", b"{}", **error))[0] == 202
        assert (await first.ask("POST", "/2020-01-01/extension/exit/error", b"{}", **error))[0] == 202
        assert (await first.ask("GET", "/2020-01-01/extension/event/next"))[0] == 403
        given.sandbox.assignment.side.watcher.on_side_exit("first", 2)
        with pytest.raises(InitFailed) as failed:
            await starting
        assert (failed.value.fault.error_type, failed.value.fault.message) == ("Extension.ExitError", "exit status 2")

    run(scenario)


def test_who_does_not_want_to_know_of_the_end_is_killed_at_once() -> None:
    async def scenario(given: Given) -> None:
        await initialized(given)
        given.environment.close()
        given.environment.close()
        await until(lambda: given.sandbox.signals)
        given.sandbox.runtime_exit.set_result(-15)
        await until(lambda: len(given.sandbox.killed_sides) == 2)
        assert given.sandbox.killed_sides == ["first", "second"]
        for name in given.sandbox.killed_sides:
            given.sandbox.assignment.side.watcher.on_side_exit(name, -9)
        await given.environment.ended
        assert given.sandbox.signals == [15]

    run(scenario)


def test_a_runtime_that_stays_is_killed_and_extensions_that_stay_are_not_waited_for() -> None:
    async def scenario(given: Given) -> None:
        await initialized(given, "SHUTDOWN")
        given.environment.close()
        await given.environment.ended  # within the two seconds that there are
        assert (given.sandbox.signals, given.sandbox.is_killed) == ([15, 9], True)

    run(scenario)


def test_what_extensions_write_is_in_the_log() -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        await given.sandbox.assigned.wait()
        read, write = os.pipe()
        given.sandbox.assignment.side.watcher.on_side_log(read)
        os.write(write, b"from the extension\n")
        os.close(write)
        while "from the extension\n" not in await given.messages():  # noqa: ASYNC110 – the log has no event
            await asyncio.sleep(0.01)
        starting.cancel()
        await asyncio.wait([starting])

    run(scenario)


def test_a_response_that_is_too_large_is_reported_with_extensions_too() -> None:
    async def scenario(given: Given) -> None:
        runtime, _, _ = await initialized(given, "INVOKE")
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        status, _ = await runtime.ask("POST", f"invocation/{REQUEST_ID}/response", b"x" * 7_000_000)
        assert status == 413
        assert b"Function.ResponseSizeTooLarge" in (await invoking).payload
        await until(lambda: given.environment.phase is Phase.SHUTDOWN)
        assert any(message.startswith("REPORT") for message in await given.messages())

    run(scenario)
