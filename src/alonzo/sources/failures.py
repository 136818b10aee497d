"""On-failure destinations: what is told of records that are given up, and to whom.

Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html and the pages of the same name on other sources.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from alonzo.aws.client.errors import AwsCallFailed, AwsUnreachable
from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.invoke.destinations.retries import Retries
from alonzo.invoke.destinations.targets import parse_target
from alonzo.model import names
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.function import LATEST
from alonzo.model.scope import Scope
from alonzo.sources.invoking import BatchAnswer
from alonzo.sources.metrics import SourceMetrics

_RAN_STATUS = 200

_log = logging.getLogger(__name__)


class Condition(StrEnum):
    """Why records are given up."""

    RETRY_ATTEMPTS_EXHAUSTED = "RetryAttemptsExhausted"
    RECORD_AGE_EXCEEDED = "MaximumRecordAgeExceeded"
    PAYLOAD_SIZE_EXCEEDED = "MaximumPayloadSizeExceeded"
    SCHEMA_NOT_FOUND = "SCHEMA_NOT_FOUND"
    DESERIALIZATION_ERROR = "DESERIALIZATION_ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A batch that is given up. `answer`: the last one of the function; None if it has seen none of these records.

    `source_info`: what stands in the record under the name that the kind of source has for it, `KinesisBatchInfo` say.
    `place`: the part of an S3 key that says where the records are from, the shard say. `event`: as the function got it.
    """

    condition: Condition
    invoke_count: int
    answer: BatchAnswer | None
    source_info_name: str
    source_info: dict[str, Any]
    place: str
    event: bytes
    record_count: int


class _Services(Protocol):
    async def call(self, service: str, operation: str, parameters: dict[str, Any], *, scope: Scope) -> dict[str, Any]: ...


Send = Callable[[str, bytes], Any]


class FailureDelivery:
    """Of one mapping."""

    def __init__(
        self,
        *,
        mapping: EventSourceMapping,
        services: _Services,
        retries: Retries,
        metrics: SourceMetrics,
        new_uuid: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._mapping = mapping
        self._services = services
        self._retries = retries
        self._metrics = metrics
        self._new_uuid = new_uuid
        self._clock = clock

    @property
    def destination(self) -> str | None:
        """Its ARN, or `kafka://topic`; None if nobody is told."""
        to = self._mapping.settings.failure_destination
        return None if to is None else to.arn

    async def deliver(self, given_up: GivenUp) -> None:
        """Tell the destination, if there is one, and count. What cannot be delivered in a minute is counted and dropped.

        `RetriesStopped`: the node stops; it is to be told again at the next start. Destinations in Kafka are the source's own to tell
        (`record_of` has what to tell).
        """
        arn = self.destination
        if arn is None:
            self._metrics.dropped(given_up.record_count)
            return
        now_unix_ms, unique = self._clock.unix_ms(), self._new_uuid()

        async def send() -> None:
            await self._send(arn, given_up, now_unix_ms, unique)

        try:
            await self._retries.run(send, is_worth_retrying=_is_worth_retrying, size_bytes=len(given_up.event))
        except AwsCallFailed as error:
            self._metrics.destination_failed()
            self._metrics.dropped(given_up.record_count)
            _log.warning("%s was not told of %d records that were given up: %s", arn, given_up.record_count, error)
        else:
            self._metrics.told_destination(given_up.record_count)

    def record_of(self, given_up: GivenUp, *, now_unix_ms: int, with_payload: bool) -> bytes:
        """The record, as JSON."""
        mapping, answer = self._mapping, given_up.answer
        record: dict[str, Any] = {
            "requestContext": {
                "requestId": self._new_uuid() if answer is None else answer.request_id,
                "functionArn": f"{names.function_arn(mapping.scope, mapping.function_name)}:{mapping.qualifier or LATEST}"
                if mapping.qualifier
                else mapping.function_arn,
                "condition": given_up.condition.value,
                "approximateInvokeCount": given_up.invoke_count,
            }
        }
        if answer is not None:
            context: dict[str, Any] = {"statusCode": _RAN_STATUS, "executedVersion": answer.executed_version}
            record["responseContext"] = context | {"functionError": answer.result.function_error}
        record["version"] = "1.0"
        record["timestamp"] = timestamp(now_unix_ms)
        record[given_up.source_info_name] = given_up.source_info
        if with_payload:
            record["payload"] = given_up.event.decode("utf-8", "replace")
        return msgspec.json.encode(record)

    async def _send(self, arn: str, given_up: GivenUp, now_unix_ms: int, unique: str) -> None:
        target = parse_target(arn, self._mapping.scope)
        if target is None:
            raise AwsCallFailed(f"{arn} is no ARN")
        is_bucket = target.service == "s3"
        record = self.record_of(given_up, now_unix_ms=now_unix_ms, with_payload=is_bucket)
        match target.service:
            case "sqs":
                queue = f"https://sqs.{target.scope.region}.amazonaws.com/{target.scope.account_id}/{target.resource}"
                service, operation, proof = "sqs", "SendMessage", "MessageId"
                parameters: dict[str, Any] = {"QueueUrl": queue, "MessageBody": record.decode()}
            case "sns":
                service, operation, proof = "sns", "Publish", "MessageId"
                parameters = {"TopicArn": target.text, "Message": record.decode()}
            case "s3":
                service, operation, proof = "s3", "PutObject", "ETag"
                at = datetime.fromtimestamp(now_unix_ms / 1000, UTC)
                key = f"aws/lambda/{self._mapping.uuid}/{given_up.place}/{at:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{unique}"
                parameters = {"Bucket": target.resource, "Key": key, "Body": record, "ContentType": "application/json"}
            case _:
                raise AwsCallFailed(f"{target.service} takes no records that were given up")
        answer = await self._services.call(service, operation, parameters, scope=target.scope)
        if not answer.get(proof):
            raise AwsUnreachable(f"what listens at the endpoint of {service} did not answer as {operation} does")


def timestamp(unix_ms: int) -> str:
    """An instant as AWS writes it in records."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_worth_retrying(error: AlonzoError) -> bool:
    return isinstance(error, AwsCallFailed) and error.is_worth_retrying
