"""Schema registries and the formats of their records."""

import asyncio
import io
import json
import struct
import uuid
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import fastavro
import pytest
from tests.support.http_server import LocalHttpHandler, LocalHttpServer
from tests.unit.sources.streams import a_mapping

from alonzo.aws.client.errors import AwsRefused
from alonzo.model.event_source_mapping import EventSource, EventSourceMapping, KafkaConsumer, MappingSettings, SchemaRegistry, SourceAccess
from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.records import KafkaRecord
from alonzo.sources.kafka.schemas.errors import NotAsSchema, SchemaNotFound
from alonzo.sources.kafka.schemas.validation import open_validation

_AVRO = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "id", "type": "int"}, {"name": "city", "type": ["null", "string"]}, {"name": "raw", "type": "bytes"}],
}
_JSON = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
_PROTO = """
syntax = "proto3";
package shop;
import "common/money.proto";
message Other { string name = 1; }
message Order { int32 id = 1; Money price = 2; message Line { string article = 1; } }
"""
_MONEY = 'syntax = "proto3"; package shop; message Money { int64 cents = 1; }'
_SCHEMAS = {
    "/schemas/ids/1": {"schema": json.dumps(_AVRO)},
    "/schemas/ids/2": {"schemaType": "JSON", "schema": json.dumps(_JSON)},
    "/schemas/ids/3": {
        "schemaType": "PROTOBUF",
        "schema": _PROTO,
        "references": [{"name": "common/money.proto", "subject": "money/value", "version": 4}],
    },
    "/subjects/money%2Fvalue/versions/4": {"schemaType": "PROTOBUF", "schema": _MONEY, "id": 7},
    "/schemas/ids/4": {"schemaType": "PROTOBUF", "schema": "message {"},
}
_NESTED = 'syntax = "proto3"; message Z { message A { int32 n = 1; } int32 z = 1; } message B { string b = 1; }'
_GLUE_PROTOBUF_ID = "2f4e7c1c-98ae-4e39-9b5c-2d1a4c0b8a12"
_GLUE_ID = "2f4e7c1c-98ae-4e39-9b5c-2d1a4c0b8a11"


class _RegistryPages(LocalHttpHandler):
    def do_GET(self) -> None:
        page = _SCHEMAS.get(self.path)
        status = 404 if page is None else 200
        if self.headers.get("Authorization") != "Basic YTpi":
            status = 401
        self.answer(json.dumps(page).encode(), status=status)


@pytest.fixture(scope="module")
def confluent() -> Iterator[str]:
    with LocalHttpServer(_RegistryPages) as http:
        yield f"{http.url}/"


class Services:
    """Secrets Manager with one secret, and Glue with one schema."""

    async def call(self, service: str, operation: str, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        if (service, operation) == ("secretsmanager", "GetSecretValue"):
            return {"SecretString": json.dumps({"username": "a", "password": "b"})}
        assert (service, operation) == ("glue", "GetSchemaVersion")
        if parameters["SchemaVersionId"] == _GLUE_PROTOBUF_ID:
            return {"DataFormat": "PROTOBUF", "SchemaDefinition": _NESTED}
        if parameters["SchemaVersionId"] != _GLUE_ID:
            raise AwsRefused(code="EntityNotFoundException", message="", http_status=400, is_worth_retrying=False)
        return {"DataFormat": "AVRO", "SchemaDefinition": json.dumps(_AVRO)}


def a_kafka_mapping(uri: str, *attributes: str, event_record_format: str = "JSON", login: bool = True) -> EventSourceMapping:
    access = (SourceAccess("BASIC_AUTH", "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"),) if login else ()
    registry = SchemaRegistry(
        uri=uri, event_record_format=event_record_format, access=access, validated_attributes=attributes or ("VALUE",)
    )
    mapping = a_mapping()
    return EventSourceMapping(
        **{
            name: getattr(mapping, name)
            for name in (
                "scope",
                "uuid",
                "event_source_arn",
                "function_name",
                "enabled",
                "state",
                "state_transition_reason",
                "last_modified_unix_ms",
            )
        },
        source=EventSource.SELF_MANAGED_KAFKA,
        settings=MappingSettings(self_managed_kafka=KafkaConsumer(schema_registry=registry)),
    )


def read(mapping: EventSourceMapping, *contents: bytes | None, key: bytes | None = None) -> list[KafkaRecord]:
    async def run() -> list[KafkaRecord]:
        kit: Any = SimpleNamespace(services=Services())
        validation = await open_validation(mapping, kit)
        assert validation is not None
        try:
            return [await validation.read(KafkaRecord("t", 0, 0, 0, 0, key, value, ())) for value in contents]
        finally:
            await validation.aclose()

    return asyncio.run(run())


def framed(schema_id: int, content: bytes) -> bytes:
    return struct.pack(">bI", 0, schema_id) + content


def avro(value: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(_AVRO), value)
    return stream.getvalue()


def test_avro_becomes_json_or_stays_without_the_header(confluent: str) -> None:
    content = avro({"id": 7, "city": "Bern", "raw": b"\x01"})
    (as_json,) = read(a_kafka_mapping(confluent), framed(1, content))
    assert json.loads(as_json.value or b"") == {"id": 7, "city": "Bern", "raw": "AQ=="}
    event = json.loads(as_json.encoded)
    assert event["valueSchemaMetadata"] == {"dataFormat": "AVRO", "schemaId": "1"}
    assert "keySchemaMetadata" not in event
    (as_source,) = read(a_kafka_mapping(confluent, event_record_format="SOURCE"), framed(1, content))
    assert as_source.value == content
    assert as_source.for_filters()["value"] == {"id": 7, "city": "Bern", "raw": "AQ=="}


def test_only_what_is_to_be_validated_is_read(confluent: str) -> None:
    key = framed(2, b'{"id": 1}')
    (record,) = read(a_kafka_mapping(confluent, "KEY"), b"no schema", key=key)
    assert (record.key, record.value) == (b'{"id": 1}', b"no schema")
    assert json.loads(record.encoded)["keySchemaMetadata"] == {"dataFormat": "JSON", "schemaId": "2"}
    (both,) = read(a_kafka_mapping(confluent, "KEY", "VALUE"), None, key=key)
    assert both.value is None


def test_protobuf_says_which_message_it_is_and_schemas_import_others(confluent: str) -> None:
    order = b"\x08\x07\x12\x02\x08\x63"
    named = read(
        a_kafka_mapping(confluent), framed(3, b"\x02\x02" + order), framed(3, b"\x04\x02\x00\x0a\x01x"), framed(3, b"\x00\x0a\x01n")
    )
    assert [json.loads(record.value or b"") for record in named] == [{"id": 7, "price": {"cents": "99"}}, {"article": "x"}, {"name": "n"}]
    (as_source,) = read(a_kafka_mapping(confluent, event_record_format="SOURCE"), framed(3, b"\x02\x02" + order))
    assert as_source.value == b"\x02\x02" + order


@pytest.mark.parametrize(
    "content",
    [
        b"no header",
        framed(1, b"\x0e"),
        framed(1, avro({"id": 1, "city": None, "raw": b""}) + b"more"),
        framed(2, b'{"id": "no number"}'),
        framed(2, b"no JSON"),
        framed(3, b"\x02\x14\x00"),
        framed(3, b"\x02\x02\xff\xff"),
        framed(3, b""),
        framed(4, b"\x00"),
    ],
)
def test_what_does_not_go_with_its_schema_is_refused(confluent: str, content: bytes) -> None:
    with pytest.raises(NotAsSchema):
        read(a_kafka_mapping(confluent), content)


def test_a_schema_may_be_missing_and_a_registry_may_refuse(confluent: str) -> None:
    with pytest.raises(SchemaNotFound):
        read(a_kafka_mapping(confluent), framed(99, b""))
    with pytest.raises(SourceProblem, match="has answered with status 401"):
        read(a_kafka_mapping(confluent, login=False), framed(1, b""))
    with pytest.raises(SourceProblem, match="cannot be reached"):
        read(a_kafka_mapping("http://127.0.0.1:1"), framed(1, b""))


def test_glue_names_schemas_by_uuid_and_may_compress() -> None:
    mapping = a_kafka_mapping("arn:aws:glue:us-east-1:123456789012:registry/shop", login=False)
    content, identity = avro({"id": 7, "city": None, "raw": b""}), uuid.UUID(_GLUE_ID).bytes
    records = read(mapping, b"\x03\x00" + identity + content, b"\x03\x05" + identity + zlib.compress(content))
    assert [json.loads(record.value or b"") for record in records] == [{"id": 7, "city": None, "raw": ""}] * 2
    assert json.loads(records[0].encoded)["valueSchemaMetadata"] == {"dataFormat": "AVRO", "schemaId": _GLUE_ID}
    with pytest.raises(SchemaNotFound):
        read(mapping, b"\x03\x00" + uuid.UUID(int=1).bytes + content)
    with pytest.raises(NotAsSchema):
        read(mapping, b"\x03\x05" + identity + content)


def test_glue_counts_the_messages_of_a_schema_by_their_names() -> None:
    mapping = a_kafka_mapping("arn:aws:glue:us-east-1:123456789012:registry/shop", login=False)
    header = b"\x03\x00" + uuid.UUID(_GLUE_PROTOBUF_ID).bytes
    records = read(mapping, header + b"\x00\x0a\x01x", header + b"\x01\x08\x07", header + b"\x02\x08\x07")
    assert [json.loads(record.value or b"") for record in records] == [{"b": "x"}, {"z": 7}, {"n": 7}]
    with pytest.raises(NotAsSchema):
        read(mapping, header + b"\x03")
