"""An environment that runs several invocations at once, told by what its runtime does on the Runtime API."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from alonzo.environment.outcomes import EnvironmentLost
from alonzo.environment.phases import Phase, PhaseViolation
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.quotas import RESPONSE_SYNC_MAX_BYTES

from .conftest import Given, Runtime, an_environment, an_invocation


def run(scenario: Callable[[Given], Awaitable[None]], *, max_concurrency: int) -> None:
    async def play() -> None:
        async with asyncio.timeout(20), an_environment(max_concurrency=max_concurrency) as given:
            await scenario(given)

    asyncio.run(play())


def numbered(number: int) -> Invocation:
    return msgspec.structs.replace(an_invocation(json.dumps(number).encode()), request_id=f"request-{number}")


def begin(given: Given, number: int, *, timeout_seconds: float = 10) -> "asyncio.Task[InvocationResult]":
    return asyncio.create_task(given.environment.invoke(numbered(number), timeout_seconds=timeout_seconds))


async def waiting(given: Given, count: int, *, init_timeout_seconds: float = 10) -> list[Runtime]:
    """So many connections that ask for an invocation, the first of which has ended INIT."""
    first = await given.initialized(timeout_seconds=init_timeout_seconds)
    others = [await given.connect() for _ in range(count - 1)]
    for other in others:
        await other.send("GET", "invocation/next")
    return [first, *others]


async def answer(runtime: Runtime, number: int, body: bytes = b"1") -> tuple[int, bytes]:
    return await runtime.ask("POST", f"invocation/request-{number}/response", body)


def test_each_answer_goes_to_its_request_in_any_order() -> None:
    async def scenario(given: Given) -> None:
        runtimes = await waiting(given, 3)
        tasks = [begin(given, number) for number in range(3)]
        received = [json.loads((await runtime.receive())[1]) for runtime in runtimes]
        assert sorted(received) == [0, 1, 2]
        assert not given.environment.has_room
        for runtime, number in reversed(list(zip(runtimes, received, strict=True))):
            assert (await answer(runtime, number, str(number * 10).encode()))[0] == 202
        assert [(await task).payload for task in tasks] == [b"0", b"10", b"20"]
        assert given.environment.phase is Phase.IDLE
        messages = await given.messages()
        for kind in ("START", "END", "REPORT"):
            assert sorted(line.split()[2] for line in messages if line.startswith(f"{kind} ")) == ["request-0", "request-1", "request-2"]

    run(scenario, max_concurrency=3)


def test_nobody_gets_more_than_there_is_room_for() -> None:
    async def scenario(given: Given) -> None:
        await waiting(given, 2)
        tasks = [begin(given, number) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(PhaseViolation):
            await given.environment.invoke(numbered(2), timeout_seconds=10)
        given.environment.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(scenario, max_concurrency=2)


def test_who_waits_beyond_the_places_is_refused() -> None:
    async def scenario(given: Given) -> None:
        asking = [asyncio.create_task(runtime.receive()) for runtime in await waiting(given, 3)]
        done, others = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        (status, body) = done.pop().result()
        assert (status, json.loads(body)["errorType"]) == (500, "InternalServerError")
        assert not done
        for other in others:
            other.cancel()

    run(scenario, max_concurrency=2)


def test_a_runtime_may_ask_ahead_while_it_runs_something() -> None:
    async def scenario(given: Given) -> None:
        (runtime,) = await waiting(given, 1)
        first = begin(given, 1)
        assert (await runtime.receive())[1] == b"1"
        await runtime.send("GET", "invocation/next")
        second = begin(given, 2)
        assert (await runtime.receive())[1] == b"2"
        other = await given.connect()
        assert (await answer(other, 1))[0] == 202
        assert (await answer(other, 2))[0] == 202
        await asyncio.gather(first, second)

    run(scenario, max_concurrency=2)


def test_what_is_late_fails_alone_and_is_told_so_when_it_comes() -> None:
    async def scenario(given: Given) -> None:
        runtimes = await waiting(given, 2)
        late = begin(given, 1, timeout_seconds=0.05)
        assert (await runtimes[0].receive())[1] == b"1"
        other = begin(given, 2)
        assert (await runtimes[1].receive())[1] == b"2"
        assert json.loads((await late).payload)["errorType"] == "Sandbox.Timedout"
        assert given.environment.phase is Phase.INVOKE
        assert not given.environment.has_room  # one runs, the other one's place is still held by what is late
        status, body = await answer(runtimes[0], 1)
        assert (status, json.loads(body)["errorType"]) == (410, "InvokeTimeout")
        assert (await answer(runtimes[0], 1))[0] == 400
        assert given.environment.has_room
        assert (await answer(runtimes[1], 2))[0] == 202
        assert (await other).payload == b"1"

    run(scenario, max_concurrency=2)


def test_an_environment_whose_places_are_all_late_ends() -> None:
    async def scenario(given: Given) -> None:
        runtimes = await waiting(given, 2)
        tasks = [begin(given, number, timeout_seconds=0.05) for number in range(2)]
        for runtime in runtimes:
            await runtime.receive()
        assert [json.loads((await task).payload)["errorType"] for task in tasks] == ["Sandbox.Timedout"] * 2
        assert given.environment.phase is Phase.ENDED

    run(scenario, max_concurrency=2)


def test_a_part_of_the_runtime_may_come_as_late_as_init_may_end() -> None:
    async def scenario(given: Given) -> None:
        (runtime,) = await waiting(given, 1)
        taken = begin(given, 1)
        await runtime.receive()
        early = begin(given, 2, timeout_seconds=0.05)
        await asyncio.sleep(0.1)
        assert not early.done()
        other = await given.connect()
        await other.send("GET", "invocation/next")
        await other.receive()
        assert json.loads((await early).payload)["errorType"] == "Sandbox.Timedout"  # its time has begun with that
        assert (await answer(runtime, 1))[0] == 202
        await taken

    run(scenario, max_concurrency=2)


def test_an_invocation_that_nobody_comes_for_is_lost_and_the_others_go_on() -> None:
    async def scenario(given: Given) -> None:
        (runtime,) = await waiting(given, 1, init_timeout_seconds=1)
        taken = begin(given, 1)
        await runtime.receive()
        with pytest.raises(EnvironmentLost):
            await begin(given, 2, timeout_seconds=0.05)
        assert (await answer(runtime, 1))[0] == 202
        assert (await taken).payload == b"1"
        assert given.environment.phase is Phase.IDLE

    run(scenario, max_concurrency=2)


def test_an_exit_fails_everything_that_runs() -> None:
    async def scenario(given: Given) -> None:
        runtimes = await waiting(given, 2)
        tasks = [begin(given, number) for number in range(2)]
        for runtime in runtimes:
            await runtime.receive()
            runtime.close()
        given.sandbox.runtime_exit.set_result(3)
        for number, task in enumerate(tasks):
            message = f"RequestId: request-{number} Error: Runtime exited with error: exit status 3"
            assert json.loads((await task).payload)["errorMessage"] == message
        assert given.environment.phase is Phase.ENDED

    run(scenario, max_concurrency=2)


def test_cancelling_one_leaves_the_others_alone() -> None:
    async def scenario(given: Given) -> None:
        runtimes = await waiting(given, 2)
        tasks = [begin(given, number) for number in range(2)]
        received = {json.loads((await runtime.receive())[1]): runtime for runtime in runtimes}
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        assert (await answer(received[1], 1))[0] == 202
        assert (await tasks[1]).payload == b"1"
        assert (await answer(received[0], 0))[0] == 202
        assert given.environment.phase is Phase.IDLE

    run(scenario, max_concurrency=2)


def test_a_response_that_is_too_large_fails_alone() -> None:
    async def scenario(given: Given) -> None:
        runtimes = await waiting(given, 2)
        tasks = [begin(given, number) for number in range(2)]
        received = {json.loads((await runtime.receive())[1]): runtime for runtime in runtimes}
        assert (await answer(received[0], 0, b"x" * (RESPONSE_SYNC_MAX_BYTES + 1)))[0] == 413
        assert (await tasks[0]).function_error == "Unhandled"
        assert (await answer(received[1], 1))[0] == 202
        assert (await tasks[1]).payload == b"1"

    run(scenario, max_concurrency=2)


def test_a_retired_environment_takes_nothing_more_and_ends_with_what_it_runs() -> None:
    async def scenario(given: Given) -> None:
        runtimes = await waiting(given, 2)
        tasks = [begin(given, number) for number in range(2)]
        received = {json.loads((await runtime.receive())[1]): runtime for runtime in runtimes}
        given.environment.retire()
        await answer(received[0], 0)
        await tasks[0]
        assert given.environment.phase is Phase.INVOKE
        assert not given.environment.has_room
        await answer(received[1], 1)
        await tasks[1]
        await given.environment.ended

    run(scenario, max_concurrency=2)


def test_the_second_error_of_init_is_refused() -> None:
    async def scenario(given: Given) -> None:
        starting = asyncio.create_task(given.environment.initialize(timeout_seconds=10))
        runtimes = [await given.connect() for _ in range(2)]
        statuses = [(await runtime.ask("POST", "init/error", b"{}"))[0] for runtime in runtimes]
        assert statuses == [202, 403]
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    run(scenario, max_concurrency=2)


def test_connections_hold_no_more_than_belongs_to_what_runs() -> None:
    async def scenario(given: Given) -> None:
        (runtime,) = await waiting(given, 1)
        task = begin(given, 1)
        await runtime.receive()
        hostile = [await given.connect() for _ in range(27)]
        head = b"POST /2018-06-01/runtime/invocation/request-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n"
        for connection in hostile:
            with contextlib.suppress(ConnectionError):
                await connection.send_raw(head + b"x" * 5_999_999)
        assert any([await connection.is_closed() for connection in hostile[-1:]])
        assert (await answer(runtime, 1))[0] == 202
        assert (await task).payload == b"1"

    run(scenario, max_concurrency=4)
