"""Records of Kafka as functions get them, and as filters see them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html#msk-sample-event and `events/kafka.go` of aws-lambda-go, which says that
the bytes of headers are signed and that what is null is left out.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from alonzo.sources.failures import timestamp
from alonzo.sources.filters import decoded

_TIMESTAMP_TYPES = ("CREATE_TIME", "LOG_APPEND_TIME")
"""By what the broker sends."""
_BYTE_MAX, _BYTES = 127, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadContent:
    """A key or a value that was read by its schema. `content`: for the function; `as_json`: for filters."""

    content: bytes
    as_json: bytes
    schema_id: str
    data_format: str

    @property
    def metadata(self) -> dict[str, str]:
        """As in an event. Source: https://docs.aws.amazon.com/lambda/latest/dg/services-consume-kafka-events.html."""
        return {"dataFormat": self.data_format, "schemaId": self.schema_id}


@dataclass(frozen=True)
class KafkaRecord:
    """One record, with what it takes in an event."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    read_key: ReadContent | None = None
    read_value: ReadContent | None = None

    @property
    def place(self) -> str:
        """Of its topic and partition in events."""
        return f"{self.topic}-{self.partition}"

    @cached_property
    def encoded(self) -> bytes:
        """As in an event."""
        record: dict[str, Any] = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": self.timestamp_ms,
            "timestampType": _TIMESTAMP_TYPES[self.timestamp_type] if self.timestamp_type in (0, 1) else "NO_TIMESTAMP_TYPE",
        }
        if self.key is not None:
            record["key"] = base64.b64encode(self.key).decode()
        if self.value is not None:
            record["value"] = base64.b64encode(self.value).decode()
        if self.read_key is not None:
            record["keySchemaMetadata"] = self.read_key.metadata
        if self.read_value is not None:
            record["valueSchemaMetadata"] = self.read_value.metadata
        record["headers"] = [{name: _signed(value or b"")} for name, value in self.headers]
        return msgspec.json.encode(record)

    def for_filters(self) -> dict[str, Any]:
        """With key and value decoded."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": self.timestamp_ms,
            "key": _for_filters(self.key, self.read_key),
            "value": _for_filters(self.value, self.read_value),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaEnvelope:
    """What is the same in all events of a mapping. `event_source_arn` is None for a cluster that AWS does not manage."""

    event_source_arn: str | None
    bootstrap_servers: str

    def event(self, records: Sequence[KafkaRecord]) -> bytes:
        """The event of a batch."""
        places: dict[str, list[msgspec.Raw]] = {}
        for record in records:
            places.setdefault(record.place, []).append(msgspec.Raw(record.encoded))
        head = {"eventSource": "SelfManagedKafka"} if self.event_source_arn is None else self._managed()
        return msgspec.json.encode(head | {"bootstrapServers": self.bootstrap_servers, "records": places})

    def batch_info(self, records: Sequence[KafkaRecord], payload_bytes: int) -> dict[str, Any]:
        """What on-failure destinations are told of a batch. Source: https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html."""
        places: dict[str, list[KafkaRecord]] = {}
        for record in records:
            places.setdefault(record.place, []).append(record)
        return self._info(len(records), payload_bytes) | {"recordsInfo": {place: _span(those) for place, those in places.items()}}

    def record_info(self, record: KafkaRecord, payload_bytes: int) -> dict[str, Any]:
        """What a topic that is the destination is told of one record.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure-destination.html#kafka-ofd-record-format.
        """
        of_record = {"offset": str(record.offset), "timestamp": _instant(record.timestamp_ms)}
        return self._info(1, payload_bytes) | {"recordInfo": of_record}

    def _info(self, batch_size: int, payload_bytes: int) -> dict[str, Any]:
        arn = {} if self.event_source_arn is None else {"eventSourceArn": self.event_source_arn}
        return {"batchSize": batch_size, **arn, "bootstrapServers": self.bootstrap_servers, "payloadSize": payload_bytes}

    def _managed(self) -> dict[str, Any]:
        return {"eventSource": "aws:kafka", "eventSourceArn": self.event_source_arn}


def _span(records: Sequence[KafkaRecord]) -> dict[str, Any]:
    first, last = records[0], records[-1]
    return {
        "firstRecordOffset": str(first.offset),
        "lastRecordOffset": str(last.offset),
        "firstRecordTimestamp": _instant(first.timestamp_ms),
        "lastRecordTimestamp": _instant(last.timestamp_ms),
    }


def _instant(unix_ms: int) -> str:
    return timestamp(max(unix_ms, 0))


def _for_filters(content: bytes | None, read: ReadContent | None) -> Any:
    if read is not None:
        content = read.as_json
    return None if content is None else decoded(content)


def _signed(content: bytes) -> list[int]:
    return [byte - _BYTES if byte > _BYTE_MAX else byte for byte in content]
