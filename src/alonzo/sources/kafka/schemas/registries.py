"""Schema registries: how records name their schemas, and where these are."""

import asyncio
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from alonzo.aws.client.errors import AwsRefused
from alonzo.model.scope import Scope
from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.schemas.errors import NotAsSchema, SchemaNotFound
from alonzo.sources.source import AwsServices

_CACHED_MAX = 1_000
_GLUE_HEADER_BYTES, _GLUE_VERSION, _ZLIB = 18, 3, 5
_CONFLUENT_HEADER_BYTES = 5
_UNCOMPRESSED_MAX_BYTES = 64 << 20
_TIMEOUT_SECONDS = 10.0
_OK, _NOT_FOUND = 200, 404
_SCHEMA_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """`data_format`: `AVRO`, `JSON` or `PROTOBUF`. `references`: other schemas by the names under which this one imports them."""

    data_format: str
    definition: str
    references: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Registry(Protocol):
    """One kind of registry. `has_message_indexes`: whether Protobuf records say which message of several in a schema they are."""

    def split(self, content: bytes) -> tuple[str, bytes]:
        """The id of the schema and what is left without it. `NotAsSchema`."""
        ...

    async def fetch(self, schema_id: str) -> Schema:
        """`SchemaNotFound`, `SourceProblem`, errors of AWS calls."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


class CachedSchemas:
    """Schemas never change, so that each is fetched once."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._known: OrderedDict[str, Schema] = OrderedDict()
        self._fetching = asyncio.Lock()

    async def get(self, schema_id: str) -> Schema:
        """As `Registry.fetch`."""
        if schema_id not in self._known:
            async with self._fetching:
                if schema_id not in self._known:
                    self._known[schema_id] = await self.registry.fetch(schema_id)
        if len(self._known) > _CACHED_MAX:
            self._known.popitem(last=False)
        return self._known[schema_id]


class GlueRegistry:
    """AWS Glue's.

    Source of the header (a version, a compression, a UUID): `SerializationDataEncoder.java` of
    https://github.com/awslabs/aws-glue-schema-registry.
    """

    def __init__(self, *, services: AwsServices, scope: Scope) -> None:
        self._services = services
        self._scope = scope

    def split(self, content: bytes) -> tuple[str, bytes]:
        """As `Registry`."""
        if len(content) < _GLUE_HEADER_BYTES or content[0] != _GLUE_VERSION or content[1] not in (0, _ZLIB):
            raise NotAsSchema("no header of Glue's schema registry")
        data = content[_GLUE_HEADER_BYTES:]
        if content[1] == _ZLIB:
            data = _uncompressed(data)
        return str(uuid.UUID(bytes=content[2:_GLUE_HEADER_BYTES])), data

    async def fetch(self, schema_id: str) -> Schema:
        """As `Registry`."""
        try:
            answer = await self._services.call("glue", "GetSchemaVersion", {"SchemaVersionId": schema_id}, scope=self._scope)
        except AwsRefused as error:
            if error.code.rpartition("#")[2] == "EntityNotFoundException":
                raise SchemaNotFound(f"there is no schema {schema_id}") from error
            raise
        return Schema(data_format=answer["DataFormat"], definition=answer["SchemaDefinition"])

    async def aclose(self) -> None:
        """As `Registry`."""


class _Reference(msgspec.Struct, frozen=True):
    name: str
    subject: str
    version: int


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    schema: str
    schema_type: str = "AVRO"
    references: list[_Reference] = []


class ConfluentRegistry:
    """Confluent's, and those that speak as it does. `session`: of aiohttp, with TLS; closed here. `authorize`: the `Authorization` of a
    request, empty for none.

    Source: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format and
    https://docs.confluent.io/platform/current/schema-registry/develop/api.html.
    """

    def __init__(self, *, url: str, session: Any, authorize: Callable[[], Awaitable[str]]) -> None:
        self._url = url.rstrip("/")
        self._session = session
        self._authorize = authorize

    def split(self, content: bytes) -> tuple[str, bytes]:
        """As `Registry`."""
        if len(content) < _CONFLUENT_HEADER_BYTES or content[0] != 0:
            raise NotAsSchema("no header of Confluent's schema registry")
        return str(int.from_bytes(content[1:_CONFLUENT_HEADER_BYTES], "big")), content[_CONFLUENT_HEADER_BYTES:]

    async def fetch(self, schema_id: str) -> Schema:
        """As `Registry`."""
        answer = await self._get(f"/schemas/ids/{quote(schema_id)}")
        if answer is None:
            raise SchemaNotFound(f"there is no schema {schema_id}")
        references: dict[str, str] = {}
        await self._collect(answer, references)
        return Schema(data_format=answer.schema_type, definition=answer.schema, references=references)

    async def aclose(self) -> None:
        """As `Registry`."""
        await self._session.close()

    async def _collect(self, answer: _Answer, references: dict[str, str]) -> None:
        for each in answer.references:
            if each.name not in references:
                named = await self._get(f"/subjects/{quote(each.subject, safe='')}/versions/{each.version}")
                if named is None:
                    raise SchemaNotFound(f"there is no version {each.version} of {each.subject}")
                references[each.name] = ""  # before its own ones, which may lead back
                await self._collect(named, references)
                references[each.name] = named.schema

    async def _get(self, path: str) -> _Answer | None:
        import aiohttp  # noqa: PLC0415  # imported by whoever made the session

        authorization = await self._authorize()
        headers = {"Authorization": authorization} if authorization else {}
        url = f"{self._url}{path}"
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS), self._session.get(url, headers=headers, allow_redirects=False) as response:
                content = await response.content.read(_SCHEMA_MAX_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SourceProblem(f"The schema registry {self._url} cannot be reached: {error or type(error).__name__}") from error
        if response.status == _NOT_FOUND:
            return None
        if response.status != _OK:
            raise SourceProblem(f"The schema registry {self._url} has answered with status {response.status}")
        try:
            return msgspec.json.decode(content, type=_Answer)
        except msgspec.DecodeError as error:
            raise SourceProblem(f"The schema registry {self._url} does not answer as one does: {error}") from error


def _uncompressed(data: bytes) -> bytes:
    try:
        stream = zlib.decompressobj()
        content = stream.decompress(data, _UNCOMPRESSED_MAX_BYTES)
    except zlib.error as error:
        raise NotAsSchema(f"not compressed as it says: {error}") from error
    if not stream.eof:
        raise NotAsSchema("compressed content without an end, or too much of it")
    return content
