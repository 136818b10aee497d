"""Schedules, of EventBridge's rules and of EventBridge Scheduler: moto keeps them, the node has them fire.

The node is told of all of them, when this process starts and after each request that has changed one, before that is answered. So it makes
no difference how a schedule came to be: by its API, a stack or a snapshot of an earlier life.
"""

import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import moto.events.models
import moto.scheduler.models
import moto.scheduler.responses
from moto.events.exceptions import ValidationException as InvalidRule
from moto.scheduler.exceptions import ScheduleGroupNotFound
from moto.scheduler.exceptions import ValidationException as InvalidSchedule

from alonzo.companion.node import Node, NodeRefused
from alonzo.companion.requests import Application, Environ

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_AGAIN_SECONDS = 1.0
_WINDOW_MAX_MINUTES = 1_440

_log = logging.getLogger(__name__)


class AnnouncedSchedules:
    """Tells the node. `run` in a thread: it says how things are at the start, and again what could not be said."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._announced: list[dict[str, Any]] | None = None
        self._is_behind = threading.Event()
        self._is_behind.set()

    def announcing(self, application: Application) -> Application:
        """The application, with what its requests have changed announced."""

        def notice(environ: Environ, start_response: Any) -> Iterable[bytes]:
            answer = application(environ, start_response)
            if environ["REQUEST_METHOD"] not in _READS:
                self._announce()
            return answer

        return notice

    def run(self) -> None:
        """For ever."""
        while True:
            self._is_behind.wait()
            self._announce()
            if self._is_behind.is_set():
                time.sleep(_AGAIN_SECONDS)

    def _announce(self) -> None:
        with self._lock:
            schedules = [*_rules(), *_schedules()]
            if schedules == self._announced:
                self._is_behind.clear()
                return
            try:
                self._node.ask("schedules", {"schedules": schedules}, method="PUT")
            except NodeRefused as error:
                _log.warning("the node does not know of all schedules yet: %s", error)
                self._is_behind.set()
            else:
                self._announced = json.loads(json.dumps(schedules))
                self._is_behind.clear()


def have_node_check(node: Node) -> None:
    """From now on expressions are what the node understands. moto takes almost any."""
    _check_rules(node)
    _check_schedules(node)


def _check_rules(node: Node) -> None:
    backend: Any = moto.events.models.EventsBackend
    put_rule = backend.put_rule

    class Anything:
        """In place of moto's own test."""

        @staticmethod
        def match(text: str) -> bool:
            return bool(text)

    def put_checked_rule(self: Any, *arguments: Any, **parameters: Any) -> Any:
        expression = parameters.get("scheduled_expression")
        if expression and "invalid" in node.ask("expressions", {"expression": expression, "for_rule": True}):
            raise InvalidRule("Parameter ScheduleExpression is not valid.")
        return put_rule(self, *arguments, **parameters)

    backend._CRON_REGEX = Anything
    backend.put_rule = put_checked_rule


def _check_schedules(node: Node) -> None:
    backend: Any = moto.scheduler.models.EventBridgeSchedulerBackend
    responses: Any = moto.scheduler.responses.EventBridgeSchedulerResponse
    create, update, answer_update = backend.create_schedule, backend.update_schedule, responses.update_schedule

    def check(self: Any, parameters: dict[str, Any]) -> None:
        if (parameters.get("group_name") or "default") not in self.schedule_groups:
            raise ScheduleGroupNotFound(parameters["group_name"])
        expression, zone = parameters.get("schedule_expression") or "", parameters.get("schedule_expression_timezone") or "UTC"
        if "invalid" in node.ask("expressions", {"expression": expression}):
            raise InvalidSchedule(f"Invalid Schedule Expression {expression}.")
        if "invalid" in node.ask("expressions", {"expression": expression, "zone": zone}):
            raise InvalidSchedule(f"Invalid ScheduleExpressionTimezone {zone}.")
        window = parameters.get("flexible_time_window") or {}
        minutes = window.get("MaximumWindowInMinutes")
        try:
            _instant(parameters.get("start_date")), _instant(parameters.get("end_date"))
        except (TypeError, ValueError) as error:
            raise InvalidSchedule("StartDate and EndDate must be instants.") from error
        if not isinstance(parameters.get("target"), dict) or not isinstance(parameters["target"].get("Arn"), str):
            raise InvalidSchedule("Target.Arn must be an ARN.")
        if window.get("Mode") == "FLEXIBLE" and not (isinstance(minutes, int) and 1 <= minutes <= _WINDOW_MAX_MINUTES):
            raise InvalidSchedule("MaximumWindowInMinutes must be between 1 and 1440 when Mode is FLEXIBLE.")

    def create_checked(self: Any, **parameters: Any) -> Any:
        check(self, parameters)
        return create(self, **parameters)

    def update_checked(self: Any, **parameters: Any) -> Any:
        check(self, parameters)
        return update(self, **parameters)

    def answer_whole_update(self: Any) -> Any:
        """moto forgets one parameter."""
        answer = answer_update(self)
        name = self.uri.split("?")[0].split("/")[-1]
        schedule = self.scheduler_backend.get_schedule(self._get_param("GroupName"), name)
        schedule.action_after_completion = self._get_param("ActionAfterCompletion")
        return answer

    backend.create_schedule = create_checked
    backend.update_schedule = update_checked
    responses.update_schedule = answer_whole_update


def _rules() -> Iterator[dict[str, Any]]:
    for backend in _backends(moto.events.models.events_backends):
        for bus in list(backend.event_buses.values()):
            for rule in list(bus.rules.values()):
                if rule.scheduled_expression and rule.state != "DISABLED":
                    yield {
                        "kind": "rule",
                        "arn": rule.arn,
                        "scope": _scope(rule.arn),
                        "name": rule.name,
                        "expression": rule.scheduled_expression,
                        "targets": list(rule.targets),
                    }


def _schedules() -> Iterator[dict[str, Any]]:
    for backend in _backends(moto.scheduler.models.scheduler_backends):
        for group in list(backend.schedule_groups.values()):
            for schedule in list(group.schedules.values()):
                if schedule.state != "DISABLED":
                    yield _described(group, schedule)


def _described(group: Any, schedule: Any) -> dict[str, Any]:
    window = schedule.flexible_time_window or {}
    return {
        "kind": "schedule",
        "arn": schedule.arn,
        "scope": _scope(schedule.arn),
        "name": schedule.name,
        "group": group.name,
        "expression": schedule.schedule_expression,
        "zone": schedule.schedule_expression_timezone,
        "window_minutes": window.get("MaximumWindowInMinutes") if window.get("Mode") == "FLEXIBLE" else 0,
        "starts_at": _instant(schedule.start_date),
        "ends_at": _instant(schedule.end_date),
        "deletes_itself": schedule.action_after_completion == "DELETE",
        "targets": [schedule.target],
    }


def _backends(of_service: Any) -> list[Any]:
    return [backend for account in list(of_service.values()) for backend in list(account.values())]


def _scope(arn: str) -> dict[str, str]:
    _, partition, _, region, account_id, *_ = arn.split(":")
    return {"account_id": account_id, "region": region, "partition": partition}


def _instant(value: Any) -> float | None:
    """Clients send seconds; stacks have texts."""
    if value is None or value == "":
        return None
    try:
        return float(value)
    except ValueError:
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
