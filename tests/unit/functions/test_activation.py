import asyncio
import logging
from typing import Any

import pytest

from alonzo.errors import AlonzoError
from alonzo.functions import states
from alonzo.functions.configuration import ConfigurationChange
from alonzo.functions.errors import ActivationFailed
from alonzo.functions.registry import CodeUpdate
from alonzo.model.function import FunctionVersion, LastUpdateStatus, State
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "us-east-1")
F = FunctionReference(SCOPE, "f")


class RuntimeGone(AlonzoError):
    """What only the test knows."""


@pytest.mark.parametrize(
    ("error", "reason", "reason_code"),
    [
        (ActivationFailed("no python3.12", reason_code="InvalidRuntime"), "no python3.12", "InvalidRuntime"),
        (RuntimeGone("gone"), "gone", "InternalError"),
        (ZeroDivisionError("a defect"), "An internal error occurred.", "InternalError"),
    ],
)
def test_a_creation_that_fails_says_why(
    open_control_plane: Any, caplog: pytest.LogCaptureFixture, error: Exception, reason: str, reason_code: str
) -> None:
    async def fail(version: FunctionVersion) -> None:
        raise error

    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating(fail):
            latest = await plane.create_active()
            assert (latest.state, latest.state_reason, latest.state_reason_code) == (State.FAILED, reason, reason_code)
            assert latest.last_update_status is LastUpdateStatus.FAILED

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(scenario())


def test_a_failed_function_begins_anew_with_an_update(open_control_plane: Any, a_zip: Any) -> None:
    async def fail(version: FunctionVersion) -> None:
        raise ActivationFailed("not this code")

    async def scenario() -> None:
        async with open_control_plane() as plane:
            async with plane.activating(fail):
                await plane.create_active()
            async with plane.activating():
                updated = await plane.functions.update_code(CodeUpdate(reference=F, code=a_zip({"index.py": "better"})))
                assert updated.state is State.PENDING
                latest = await plane.settled()
            assert (latest.state, latest.last_update_status) == (State.ACTIVE, LastUpdateStatus.SUCCESSFUL)

    asyncio.run(scenario())


def test_a_failed_update_leaves_the_function_active(open_control_plane: Any) -> None:
    async def fail(version: FunctionVersion) -> None:
        raise ActivationFailed("no such runtime", reason_code="InvalidRuntime")

    async def scenario() -> None:
        async with open_control_plane() as plane:
            async with plane.activating():
                await plane.create_active()
            async with plane.activating(fail):
                await plane.functions.update_configuration(F, ConfigurationChange(runtime="python3.13"))
                latest = await plane.settled()
            assert (latest.state, latest.state_reason) == (State.ACTIVE, None)
            assert latest.last_update_status is LastUpdateStatus.FAILED
            assert latest.last_update_status_reason == "no such runtime"

    asyncio.run(scenario())


def test_a_function_deleted_and_created_anew_meanwhile_is_activated_again(open_control_plane: Any) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    handlers: list[str | None] = []

    async def activate(version: FunctionVersion) -> None:
        handlers.append(version.handler)
        begun.set()
        await go_on.wait()

    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating(activate):
            await plane.create()
            await begun.wait()
            await plane.deletion.delete(F)
            await plane.create(handler="index.other")
            go_on.set()
            latest = await plane.settled()
            assert latest.state is State.ACTIVE
            assert handlers == ["index.handler", "index.other"]

    asyncio.run(scenario())


def test_the_code_is_unpacked_before_the_activation(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            unpacked: list[bool] = []

            async def activate(version: FunctionVersion) -> None:
                unpacked.append(plane.code_directories.find(version.code.sha256) is not None)

            async with plane.activating(activate):
                await plane.create_active(publish=True)
            assert unpacked == [True, True]

    asyncio.run(scenario())


def test_every_step_that_is_not_in_the_table_is_a_defect(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            pending = await plane.create()
            with pytest.raises(states.StateTransitionForbidden):
                states.changed(pending, before=pending)
            failed = states.failed(pending, reason="r", reason_code="InternalError")
            for step in (states.activated, lambda version: states.failed(version, reason="r", reason_code="c")):
                with pytest.raises(states.StateTransitionForbidden):
                    step(failed)

    asyncio.run(scenario())
