"""A target of a rule or of a schedule, as both services describe it. Members that do not matter here are left out.

Sources: botocore's shapes `Target` of `events` and of `scheduler`.
"""

import msgspec

RETRY_ATTEMPTS_DEFAULT = 185
EVENT_AGE_SECONDS_DEFAULT = 86_400


class InputTransformer(msgspec.Struct, frozen=True, rename="pascal"):
    """Of a rule's target."""

    input_template: str
    input_paths_map: dict[str, str] = {}


class RetryPolicy(msgspec.Struct, frozen=True, rename="pascal"):
    """How often, and for how long, it is tried again to deliver an event."""

    maximum_retry_attempts: int = RETRY_ATTEMPTS_DEFAULT
    maximum_event_age_in_seconds: int = EVENT_AGE_SECONDS_DEFAULT


class DeadLetterConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """Where events go that could not be delivered: a queue."""

    arn: str | None = None


class SqsParameters(msgspec.Struct, frozen=True, rename="pascal"):
    """Of a FIFO queue."""

    message_group_id: str | None = None


class KinesisParameters(msgspec.Struct, frozen=True, rename="pascal"):
    """A rule says where in the event the key is, a schedule says the key."""

    partition_key_path: str | None = None
    partition_key: str | None = None


class EventBridgeParameters(msgspec.Struct, frozen=True, rename="pascal"):
    """Of an event that a schedule puts on a bus."""

    detail_type: str
    source: str


class Target(msgspec.Struct, frozen=True, rename="pascal"):
    """`id` is that of a rule's target; schedules have but one."""

    arn: str
    id: str = ""
    input: str | None = None
    input_path: str | None = None
    input_transformer: InputTransformer | None = None
    retry_policy: RetryPolicy = RetryPolicy()
    dead_letter_config: DeadLetterConfig = DeadLetterConfig()
    sqs_parameters: SqsParameters = SqsParameters()
    kinesis_parameters: KinesisParameters = KinesisParameters()
    event_bridge_parameters: EventBridgeParameters | None = msgspec.field(name="EventBridgeParameters", default=None)
