"""What the target of a schedule gets when it is due.

Sources: of rules https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-scheduled-events.html; of schedules what they have sent to
others without an `Input` (`detail` is a text there), and
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from alonzo.triggers.delivery import Delivery
from alonzo.triggers.schedule import Schedule
from alonzo.triggers.target import Target
from alonzo.triggers.target_calls import CallDetails
from alonzo.triggers.target_input import input_of

_IDS = uuid.UUID("6f1f4f0e-3f4b-5c52-9d0a-6d4b3a0f8a11")
"""Ids are made of what they are for: what is done again after a crash is known to be the same."""


def deliveries_of(schedule: Schedule, due_at: float, *, now: float) -> list[Delivery]:
    """One for each target. msgspec.DecodeError, UnknownPath: of a target that cannot be understood."""
    return [_delivery_to(msgspec.convert(target, Target), schedule, due_at, now=now) for target in schedule.targets]


def _delivery_to(target: Target, schedule: Schedule, due_at: float, *, now: float) -> Delivery:
    time = datetime.fromtimestamp(due_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = _event(schedule, time)
    execution_id = str(uuid.uuid5(_IDS, f"{schedule.arn} {due_at} {target.id}"))
    if schedule.kind == "rule":
        payload = input_of(target, event, rule_arn=schedule.arn, ingested_at=time)
        attributes = {"RULE_ARN": schedule.arn}
        body = msgspec.json.encode(event).decode()
    else:
        payload = body = _with_attributes(target.input, schedule, time, execution_id) or msgspec.json.encode(event).decode()
        attributes = {"SCHEDULE_ARN": schedule.arn, "SCHEDULED_TIME": time, "EXECUTION_ID": execution_id}
    bus = target.event_bridge_parameters
    return Delivery(
        id=execution_id,
        scope=schedule.scope,
        target_arn=target.arn,
        payload=payload,
        details=CallDetails(
            message_group_id=target.sqs_parameters.message_group_id,
            partition_key=target.kinesis_parameters.partition_key or event["id"],
            detail_type="" if bus is None else bus.detail_type,
            source="" if bus is None else bus.source,
        ),
        dead_letter_body=body,
        dead_letter_arn=target.dead_letter_config.arn,
        attributes=attributes,
        policy=target.retry_policy,
        begun_at=now,
    )


def _event(schedule: Schedule, time: str) -> dict[str, Any]:
    is_rule = schedule.kind == "rule"
    return {
        "version": "0",
        "id": str(uuid.uuid5(_IDS, f"{schedule.arn} {time}")),
        "detail-type": "Scheduled Event",
        "source": "aws.events" if is_rule else "aws.scheduler",
        "account": schedule.scope.account_id,
        "time": time,
        "region": schedule.scope.region,
        "resources": [schedule.arn],
        "detail": {} if is_rule else "{}",
    }


def _with_attributes(text: str | None, schedule: Schedule, time: str, execution_id: str) -> str | None:
    """The number of the attempt is put in by whoever makes it."""
    if text is None:
        return None
    values = {"schedule-arn": schedule.arn, "scheduled-time": time, "execution-id": execution_id}
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text
