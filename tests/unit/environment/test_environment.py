"""The life of one environment, told by what its runtime does on the Runtime API."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.support.garbage import nothing_left_of

from alonzo.environment.environment import ExecutionEnvironment
from alonzo.environment.outcomes import EnvironmentLost, InitFailed
from alonzo.environment.phases import Phase
from alonzo.environment.runtime_api import RuntimeApiConnection
from alonzo.model.quotas import RESPONSE_SYNC_MAX_BYTES

from .conftest import REQUEST_ID, Given, an_environment, an_invocation

RESPONSE = f"invocation/{REQUEST_ID}/response"
ERROR = f"invocation/{REQUEST_ID}/error"


class Nobody:
    """Turns every connection away."""

    def admits(self, *, client: tuple[str, int], server: tuple[str, int]) -> bool:
        del client, server
        return False


def run(scenario: Callable[[Given], Awaitable[None]], **environment: Any) -> None:
    async def play() -> None:
        async with asyncio.timeout(20), an_environment(**environment) as given:
            await scenario(given)

    asyncio.run(play())


def test_an_environment_that_has_ended_is_gone_when_nobody_has_it_any_more() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        answering = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        assert (await runtime.receive())[0] == 200
        await runtime.ask("POST", RESPONSE, b"{}")
        await answering

    with nothing_left_of(ExecutionEnvironment, RuntimeApiConnection):
        run(scenario)


def test_init_that_takes_too_long_ends_the_environment() -> None:
    async def scenario(given: Given) -> None:
        with pytest.raises(InitFailed) as failed:
            await given.environment.initialize(timeout_seconds=0.05)
        assert (failed.value.fault.error_type, failed.value.fault.message) == ("Sandbox.Timedout", "Task timed out after 0.05 seconds")
        assert failed.value.payload is None
        assert failed.value.duration_seconds >= 0.05
        assert (given.environment.phase, given.sandbox.is_killed) == (Phase.ENDED, True)
        messages = await given.messages()
        assert messages[0].startswith("INIT_START Runtime Version: python:3.12.v1\t")
        assert messages[1].endswith("Phase: init\tStatus: timeout\n")
        assert len(messages) == 2

    run(scenario)


def test_a_failed_init_is_told_before_the_environment_ends_though_its_last_connection_closes_at_once() -> None:
    phases: list[Phase] = []

    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        await given.sandbox.assigned.wait()

        def lose_connection() -> None:
            connection: Any = object()
            given.environment.on_connection_closed(connection)
            phases.append(given.environment.phase)

        given.sandbox.runtime_exit.set_result(1)
        asyncio.get_running_loop().call_soon(lose_connection)  # behind what notices the exit, before whoever waits for INIT
        with pytest.raises(InitFailed):
            await starting
        assert given.environment.phase is Phase.ENDED

    run(scenario)
    assert phases == [Phase.INIT]


def test_init_within_an_invocation_ends_that_invocation_too() -> None:
    async def scenario(given: Given) -> None:
        with pytest.raises(InitFailed) as failed:
            await given.environment.initialize(timeout_seconds=0.05, within=an_invocation(wants_log_tail=True))
        tail = failed.value.log_tail.decode()
        assert "Phase: invoke\tStatus: timeout\n" in tail
        assert f"{REQUEST_ID} Task timed out after 0.05 seconds\n" in tail
        assert f"END RequestId: {REQUEST_ID}\n" in tail
        assert "Status: timeout" in tail.splitlines()[-1]

    run(scenario)


def test_an_init_error_is_what_the_runtime_reports_before_it_exits() -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        runtime = await given.connect()
        body = b'{"errorType": "Runtime.ImportModuleError"}'
        answer = await runtime.ask("POST", "init/error", body, Lambda_Runtime_Function_Error_Type="Runtime.ImportModuleError")
        assert answer == (202, b'{"status":"OK"}\n')
        given.sandbox.runtime_exit.set_result(1)
        runtime.close()
        with pytest.raises(InitFailed) as failed:
            await starting
        assert (failed.value.payload, failed.value.fault.error_type) == (body, "Runtime.ImportModuleError")

    run(scenario)


def test_one_invocation_after_the_other() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        for number in range(3):
            payload = json.dumps(number).encode()
            invoking = asyncio.create_task(given.environment.invoke(an_invocation(payload), timeout_seconds=10))
            assert await runtime.receive() == (200, payload)
            assert given.environment.phase is Phase.INVOKE
            assert (await runtime.ask("POST", RESPONSE, payload * 2))[0] == 202
            assert (await invoking).payload == payload * 2
            assert given.environment.phase is Phase.IDLE
            await runtime.send("GET", "invocation/next")

    run(scenario)


def test_the_end_is_logged_after_the_answer_with_what_the_function_wrote() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        os.write(given.log_pipe, b"written before the answer\n")
        await runtime.ask("POST", RESPONSE, b"1")
        await invoking
        await runtime.ask("GET", "no/such/path")
        messages = await given.messages()
        assert [message.split()[0] for message in messages] == ["INIT_START", "START", "written", "END", "REPORT"]

    run(scenario)


@pytest.mark.parametrize(
    ("method", "path", "status", "error_type"),
    [
        ("GET", "invocation/next", 403, "InvalidStateTransition"),
        ("POST", "invocation/00000000-0000-4000-8000-000000000000/response", 400, "InvalidRequestID"),
        ("POST", "invocation/00000000-0000-4000-8000-000000000000/error", 400, "InvalidRequestID"),
        ("POST", "init/error", 403, "InvalidStateTransition"),
        ("GET", "something/else", 404, "InvalidRequest"),
        ("POST", f"invocation/{REQUEST_ID}/else", 404, "InvalidRequest"),
    ],
)
def test_what_a_runtime_may_not_ask_while_an_invocation_runs(method: str, path: str, status: int, error_type: str) -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        answer = await runtime.ask(method, path, b"{}")
        assert (answer[0], json.loads(answer[1])["errorType"]) == (status, error_type)
        assert (await runtime.ask("POST", RESPONSE, b"1"))[0] == 202
        assert (await invoking).payload == b"1"
        assert (await runtime.ask("POST", RESPONSE, b"2"))[0] == 400

    run(scenario)


def test_an_error_that_the_runtime_has_caught_is_a_result() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(wants_log_tail=True), timeout_seconds=10))
        await runtime.receive()
        await runtime.ask("POST", ERROR, b'{"errorType": "X"}', Lambda_Runtime_Function_Error_Type="Unhandled")
        result = await invoking
        assert (result.payload, result.function_error) == (b'{"errorType": "X"}', "Unhandled")
        assert given.environment.phase is Phase.IDLE
        assert b"Status: error\tError Type: Unhandled" in result.log_tail

    run(scenario)


@pytest.mark.parametrize("then", ["next", "exit", "close"])
def test_what_is_logged_of_an_error_after_its_report_is_part_of_the_invocation(then: str) -> None:
    """AWS's client for Java reports first and logs then."""

    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(wants_log_tail=True), timeout_seconds=10))
        await runtime.receive()
        await runtime.ask("POST", ERROR, b"{}")
        assert not invoking.done()
        os.write(given.log_pipe, b"the stack trace\n")
        if then == "next":
            await runtime.send("GET", "invocation/next")
        elif then == "exit":
            given.sandbox.runtime_exit.set_result(1)
            runtime.close()
        else:
            given.environment.close()
        result = await invoking
        assert (result.payload, result.function_error) == (b"{}", "Unhandled")
        assert [line.split()[0] for line in result.log_tail.decode().splitlines()] == ["START", "the", "END", "REPORT"]

    run(scenario)


@pytest.mark.parametrize(("size", "too_large"), [(RESPONSE_SYNC_MAX_BYTES, False), (RESPONSE_SYNC_MAX_BYTES + 1, True)])
def test_a_response_may_be_as_large_as_the_quota(size: int, too_large: bool) -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        status, _ = await runtime.ask("POST", RESPONSE, b"x" * size)
        result = await invoking
        assert status == (413 if too_large else 202)
        assert (b"Function.ResponseSizeTooLarge" in result.payload) is too_large
        assert (len(result.payload) == size) is not too_large

    run(scenario)


def test_a_timeout_ends_the_environment() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        result = await given.environment.invoke(an_invocation(), timeout_seconds=0.05)
        assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
        assert (given.environment.phase, given.sandbox.is_killed) == (Phase.ENDED, True)
        await runtime.receive()
        assert await runtime.is_closed()

    run(scenario)


@pytest.mark.parametrize(("status", "out_of_memory", "error_type"), [(1, False, "Runtime.ExitError"), (-9, True, "Runtime.OutOfMemory")])
def test_a_runtime_that_exits_fails_its_invocation(status: int, out_of_memory: bool, error_type: str) -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        given.sandbox.is_out_of_memory = out_of_memory
        given.sandbox.runtime_exit.set_result(status)
        runtime.close()
        assert json.loads((await invoking).payload)["errorType"] == error_type
        assert given.environment.phase is Phase.ENDED

    run(scenario)


def test_what_a_runtime_sent_before_it_exited_counts() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        given.sandbox.runtime_exit.set_result(0)
        await runtime.send("POST", RESPONSE, b"last words")
        runtime.close()
        assert (await invoking).payload == b"last words"

    run(scenario)


def test_an_exit_between_two_invocations_loses_the_next_one_nothing() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        await runtime.ask("POST", RESPONSE, b"1")
        await invoking
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        given.sandbox.runtime_exit.set_result(1)
        runtime.close()
        with pytest.raises(EnvironmentLost):
            await invoking
        assert given.environment.phase is Phase.ENDED

    run(scenario)


def test_cancelling_an_invocation_ends_the_environment() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await runtime.receive()
        invoking.cancel()
        await asyncio.wait([invoking])
        assert invoking.cancelled()
        assert (given.environment.phase, given.sandbox.is_killed) == (Phase.ENDED, True)

    run(scenario)


def test_closing_while_an_invocation_runs_loses_it() -> None:
    async def scenario(given: Given) -> None:
        await given.initialized()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(), timeout_seconds=10))
        await asyncio.sleep(0)
        given.environment.close()
        given.environment.close()
        with pytest.raises(EnvironmentLost):
            await invoking

    run(scenario)


def test_strangers_are_turned_away() -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=0.3))
        stranger = await given.connect()
        assert await stranger.is_closed()
        with pytest.raises(InitFailed):
            await starting

    run(scenario, check=Nobody())


def test_what_is_no_http_is_refused_and_harms_nothing() -> None:
    async def scenario(given: Given) -> None:
        runtime = await given.initialized()
        other = await given.connect()
        await other.send_raw(b"\x00\x01 not HTTP\r\n\r\n")
        assert (await other.receive())[0] == 400
        assert await other.is_closed()
        invoking = asyncio.create_task(given.environment.invoke(an_invocation(b"1"), timeout_seconds=10))
        assert await runtime.receive() == (200, b"1")
        invoking.cancel()
        await asyncio.wait([invoking])

    run(scenario)
