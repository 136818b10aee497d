"""What is kept of executions of state machines over a restart: what they were, how they ended, and their history."""

import importlib
from datetime import UTC, datetime
from typing import Any


class PastExecution:
    """In the place of what runs an execution, once that is over: all that is left is its history."""

    def __init__(self, history: list[Any]) -> None:
        self._history = history
        self.env = self.event_manager = self.callback_pool_manager = self.map_run_record_pool_manager = self

    def get_event_history(self) -> list[Any]:
        return self._history

    def notify(self, **_: Any) -> bool:
        """Nothing waits for a token any more."""
        return False

    heartbeat = notify

    def get(self, _: str) -> None:
        """There is no record of what a distributed map has done."""

    def get_all(self) -> list[Any]:
        return []

    def stop(self, **_: Any) -> None:
        """It has ended."""


def keep_executions() -> None:
    """Have what cannot be kept left out: the threads that run them. An execution that runs has ended when it is read again."""
    execution: Any = importlib.import_module("moto.stepfunctions.parser.backend.execution")
    execution.Execution.__getstate__ = _kept


def _kept(self: Any) -> dict[str, Any]:
    state: dict[str, Any] = dict(vars(self))
    state["exec_worker"] = PastExecution(list(self.to_history_output()["events"]) if self.exec_worker is not None else [])
    if state["stop_date"] is None:
        api: Any = importlib.import_module("moto.stepfunctions.parser.api")
        state |= {"exec_status": api.ExecutionStatus.ABORTED, "stop_date": datetime.now(UTC), "output": None}
    return state
