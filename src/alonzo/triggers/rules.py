"""EventBridge's rules at work: which events match, and what their targets get.

The companion keeps rules, targets and buses, and hands over what comes together at `PutEvents`. The pattern language is that of the filters
of event source mappings: one implementation decides for both (`event_sources/patterns.py`).
"""

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.event_sources.errors import InvalidPattern
from alonzo.event_sources.matching import matches
from alonzo.event_sources.patterns import EVENT_BUS, Pattern, parse_pattern
from alonzo.model.scope import Scope, partition_of
from alonzo.store.errors import StoreError
from alonzo.triggers.delivery import Delivery, TargetDeliveries
from alonzo.triggers.errors import UnknownPath
from alonzo.triggers.event_paths import find_path
from alonzo.triggers.target import Target
from alonzo.triggers.target_calls import CallDetails
from alonzo.triggers.target_input import Event, input_of

_PATTERNS_REMEMBERED = 1_024
_AT_ONCE = 16

_log = logging.getLogger(__name__)


class Rule(msgspec.Struct, frozen=True):
    """`pattern` is its text. Targets are read when they are to get something."""

    arn: str
    pattern: str
    targets: list[msgspec.Raw]


class PutEvent(msgspec.Struct, frozen=True):
    """An event as rules see it, and when it came, as EventBridge writes times."""

    event: Event
    ingested_at: str


class EventRules:
    """`new_uuid`: of a delivery."""

    def __init__(self, *, deliveries: TargetDeliveries, new_uuid: Callable[[], str], clock: Clock) -> None:
        self._deliveries = deliveries
        self._new_uuid = new_uuid
        self._clock = clock
        self._parse = lru_cache(maxsize=_PATTERNS_REMEMBERED)(partial(parse_pattern, dialect=EVENT_BUS))

    def check(self, pattern: str) -> None:
        """`InvalidPattern`."""
        self._parse(pattern)

    def test(self, pattern: str, event: Any) -> bool:
        """Whether an event matches. `InvalidPattern`."""
        return matches(self._parse(pattern), event)

    async def put(self, events: list[PutEvent], rules: list[Rule]) -> list[tuple[int, int]]:
        """Hand each event to the targets of each rule that it matches; who matched what, by positions. Errors: the store's.

        An event that a target does not take is none of the sender's business, as on AWS.
        """
        matched = await asyncio.to_thread(self._match, [each.event for each in events], rules)
        deliveries = [
            delivery
            for event, rule in matched
            for raw in rules[rule].targets
            if (delivery := self._delivery_to(raw, rules[rule], events[event])) is not None
        ]
        places = asyncio.Semaphore(_AT_ONCE)

        async def deliver(delivery: Delivery) -> None:
            async with places:
                await self._deliveries.deliver(delivery)

        try:
            async with asyncio.TaskGroup() as group:
                for delivery in deliveries:
                    group.create_task(deliver(delivery))
        except* StoreError as failures:
            raise failures.exceptions[0] from failures
        return matched

    def _match(self, events: list[Event], rules: list[Rule]) -> list[tuple[int, int]]:
        patterns = [self._pattern_of(rule) for rule in rules]
        return [
            (place, number)
            for place, event in enumerate(events)
            for number, pattern in enumerate(patterns)
            if pattern is not None and matches(pattern, event)
        ]

    def _pattern_of(self, rule: Rule) -> Pattern | None:
        try:
            return self._parse(rule.pattern)
        except InvalidPattern as error:
            _log.warning("rule %s matches nothing: %s", rule.arn, error)
            return None

    def _delivery_to(self, raw: msgspec.Raw, rule: Rule, put: PutEvent) -> Delivery | None:
        try:
            target = msgspec.json.decode(raw, type=Target)
            payload = input_of(target, put.event, rule_arn=rule.arn, ingested_at=put.ingested_at)
        except (msgspec.DecodeError, UnknownPath) as error:
            _log.warning("rule %s has a target that gets nothing: %s", rule.arn, error)
            return None
        _, _, _, region, account_id, *_ = rule.arn.split(":")
        return Delivery(
            id=self._new_uuid(),
            scope=Scope(account_id, region, partition_of(region)),
            target_arn=target.arn,
            payload=payload,
            details=CallDetails(message_group_id=target.sqs_parameters.message_group_id, partition_key=_partition_key(target, put.event)),
            dead_letter_body=msgspec.json.encode(put.event).decode(),
            dead_letter_arn=target.dead_letter_config.arn,
            attributes={"RULE_ARN": rule.arn},
            policy=target.retry_policy,
            begun_at=self._clock.now().timestamp(),
        )


def _partition_key(target: Target, event: Event) -> str:
    """That of Kinesis: the event's id unless the target says where else to look."""
    path = target.kinesis_parameters.partition_key_path
    try:
        found = [] if path is None else find_path(event, path)
    except UnknownPath:
        found = []
    return str(found[0]) if found else str(event.get("id", ""))
