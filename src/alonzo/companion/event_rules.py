"""EventBridge's rules, which moto keeps and the node decides: whether a pattern is one, which events match it, and what targets get.

Two kinds of targets stay here because they are moto's own objects: archives, and other buses. As on AWS, an event that cannot be delivered
does not fail `PutEvents`; one that the node could not take does, and may be put again.
"""

import contextlib
import copy
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import moto.events.models
import moto.events.responses
from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import InvalidEventPatternException, ResourceNotFoundException, ValidationException
from moto.events.models import EventPattern, events_backends

from alonzo.companion.current_request import current_request
from alonzo.companion.node import Node

_MEMBERS = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail", "replay-name")
_AT_ONCE = 24
"""Half of the server's threads."""

_HOPS_MAX = 5
"""Buses that hand events to each other would do so for ever."""

_NOT_AUTHORIZED = {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}

_OF_ALARMS = ("aws.cloudwatch", "CloudWatch Alarm State Change")

_log = logging.getLogger(__name__)

Meeting = tuple[Any, dict[str, Any]]
"""A rule of moto's and an event of moto's that may match it."""


def have_node_decide(node: Node) -> None:
    """From now on, for all buses."""
    EventRuleTargets(node).take_over()


class EventRuleTargets:
    """Stands where moto matches events with patterns and hands them to targets."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._gathered = threading.local()
        self._places = threading.Semaphore(_AT_ONCE)

    def take_over(self) -> None:
        """Put the functions below into moto's place."""
        models: Any = moto.events.models
        self._send_as_moto_does = models.Rule.send_to_targets
        self._put_as_moto_does = models.EventsBackend.put_events
        handler: Any = moto.events.responses.EventsHandler

        def send_to_targets(rule: Any, original_event: Any, transform_input: bool = True) -> None:
            del transform_input  # what targets get is the node's to say
            self._meet(rule, original_event)

        def put_events(backend: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return self._put_events(backend, events)

        def load(kind: Any, raw_pattern: str | None) -> Any:
            return self._load(kind, raw_pattern)

        def test_event_pattern(request: Any) -> str:
            return self._test_event_pattern(request)

        models.Rule.send_to_targets = send_to_targets
        models.EventsBackend.put_events = put_events
        models.EventPattern.load = classmethod(load)
        handler.test_event_pattern = test_event_pattern

    def _load(self, kind: Any, raw_pattern: str | None) -> Any:
        if not raw_pattern:
            return kind(raw_pattern, {})
        said = self._node.ask("patterns", {"pattern": raw_pattern})
        if "invalid" in said:
            raise InvalidEventPatternException(reason=said["invalid"])
        return kind(raw_pattern, json.loads(raw_pattern))

    def _test_event_pattern(self, request: Any) -> str:
        pattern, text = request._get_param("EventPattern"), request._get_param("Event")
        try:
            event = json.loads(text)
        except (TypeError, ValueError) as error:
            raise ValidationException("Parameter Event is not valid.") from error
        said = self._node.ask("patterns", {"pattern": pattern or "", "event": event})
        if "invalid" in said:
            raise InvalidEventPatternException(reason=said["invalid"])
        return json.dumps({"Result": said["matches"]})

    def _put_events(self, backend: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As moto does, but for events in AWS's own name, and all that comes of it at once at the end."""
        meetings: list[Meeting] = []
        self._gathered.meetings = meetings
        try:
            entries = iter(self._put_as_moto_does(backend, [event for event in events if _may_be_put(event)]))
        finally:
            del self._gathered.meetings
        self._hand_over(meetings, hops=0)
        return [next(entries) if _may_be_put(event) else dict(_NOT_AUTHORIZED) for event in events]

    def _meet(self, rule: Any, event: dict[str, Any]) -> None:
        """What moto calls for each rule and event."""
        meetings: list[Meeting] | None = getattr(self._gathered, "meetings", None)
        if meetings is None:
            self._hand_over([(rule, event)], hops=0)
        else:
            meetings.append((rule, event))

    def _hand_over(self, meetings: list[Meeting], *, hops: int) -> None:
        by_bus: dict[tuple[str, str, str], tuple[dict[str, Any], dict[str, Any]]] = {}
        for rule, event in meetings:
            if rule.state != "DISABLED" and rule.event_pattern.dump():  # a schedule alone matches no event
                rules, events = by_bus.setdefault((rule.account_id, rule.region_name, rule.event_bus_name), ({}, {}))
                rules[rule.name] = rule
                events[event["id"]] = event
        for rules, events in by_bus.values():
            self._hand_over_bus(list(rules.values()), list(events.values()), hops=hops)

    def _hand_over_bus(self, rules: list[Any], events: list[dict[str, Any]], *, hops: int) -> None:
        described = [
            {"arn": rule.arn, "pattern": rule.event_pattern.dump(), "targets": [each for each in rule.targets if not _is_ours(each["Arn"])]}
            for rule in rules
        ]
        question = {"events": [_described(event) for event in events], "rules": described}
        comes_back = any(not _is_function(target["Arn"]) for rule in described for target in rule["targets"])
        with self._place() if comes_back else contextlib.nullcontext():
            said = self._node.ask("events", question)
        for event_number, rule_number in said["matched"]:
            rule, event = rules[rule_number], events[event_number]
            for target in list(rule.targets):
                if _is_archive(target["Arn"]):
                    self._keep(rule, target, event)
                elif _is_bus(target["Arn"]):
                    self._pass_on(rule, target["Arn"], event, hops=hops)

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """While the node hands events to queues and topics, which are here: the threads for that must not all wait for it."""
        if not self._places.acquire(blocking=False):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        try:
            yield
        finally:
            self._places.release()

    def _keep(self, rule: Any, target: dict[str, Any], event: dict[str, Any]) -> None:
        alone = copy.copy(rule)
        alone.targets = [target]
        alone.event_pattern = EventPattern(None, {})
        self._send_as_moto_does(alone, event if "ingestion-time" in event else event | {"ingestion-time": event["time"]})

    def _pass_on(self, rule: Any, arn: str, event: dict[str, Any], *, hops: int) -> None:
        if hops >= _HOPS_MAX:
            _log.warning("rule %s: an event has gone over %d buses, and goes no further", rule.arn, hops)
            return
        elements = arn.split(":")
        try:
            bus = events_backends[elements[4]][elements[3]].describe_event_bus(arn.rpartition("/")[2])
        except ResourceNotFoundException as error:
            _log.warning("rule %s: no event to %s: %s", rule.arn, arn, error)
            return
        self._hand_over([(other, event) for other in list(bus.rules.values())], hops=hops + 1)


def _may_be_put(event: dict[str, Any]) -> bool:
    """Nobody speaks in AWS's name, but for the node when an alarm has changed its state."""
    if not str(event.get("Source") or "").startswith("aws."):
        return True
    request = current_request()
    return request is not None and request.is_of_node and (event["Source"], event.get("DetailType")) == _OF_ALARMS


def _is_archive(arn: str) -> bool:
    return arn.split(":")[2:3] == ["events"] and arn.endswith(":::")


def _is_bus(arn: str) -> bool:
    return arn.split(":")[2:3] == ["events"] and ":event-bus/" in arn


def _is_function(arn: str) -> bool:
    return arn.split(":")[2:3] == ["lambda"]


def _is_ours(arn: str) -> bool:
    return _is_archive(arn) or _is_bus(arn)


def _described(event: dict[str, Any]) -> dict[str, Any]:
    """As rules see it: moto has times as numbers, and more members."""
    whole = event | {"time": _time_text(event["time"])}
    return {
        "event": {name: whole[name] for name in _MEMBERS if name in whole},
        "ingested_at": _time_text(event.get("ingestion-time") or datetime.now(UTC).timestamp()),
    }


def _time_text(time: Any) -> str:
    """`time`: seconds as a number or its text, or what is a text of EventBridge's already."""
    try:
        seconds = float(time)
    except ValueError:
        return str(time)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
