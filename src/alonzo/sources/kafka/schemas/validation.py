"""Records checked and read by their schemas before functions and filters see them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-consume-kafka-events.html.
"""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from alonzo.model.event_source_mapping import EventSourceMapping, SchemaRegistry
from alonzo.model.scope import Scope
from alonzo.sources.kafka.records import KafkaRecord, ReadContent
from alonzo.sources.kafka.schemas.formats import ToJson, open_format
from alonzo.sources.kafka.schemas.registries import CachedSchemas, ConfluentRegistry, GlueRegistry, Registry
from alonzo.sources.oauth import AccessTokens
from alonzo.sources.source import PollerKit
from alonzo.sources.source_secrets import read_secret
from alonzo.sources.tls import make_ssl_context

_FORMATS_MAX = 1_000
_ARN = "arn:"


class SchemaValidation:
    """Of one mapping. `aclose` closes the registry's connections."""

    def __init__(self, *, config: SchemaRegistry, registry: Registry) -> None:
        self._attributes = frozenset(config.validated_attributes)
        self._as_source = config.event_record_format == "SOURCE"
        self._schemas = CachedSchemas(registry)
        self._counts_indexes = isinstance(registry, ConfluentRegistry)
        self._formats: OrderedDict[str, ToJson] = OrderedDict()

    async def read(self, record: KafkaRecord) -> KafkaRecord:
        """The record with what the mapping has validated. `SchemaProblem`, `SourceProblem`, errors of AWS calls."""
        if "KEY" in self._attributes and record.key is not None:
            content = await self._read(record.key)
            record = replace(record, key=content.content, read_key=content)
        if "VALUE" in self._attributes and record.value is not None:
            content = await self._read(record.value)
            record = replace(record, value=content.content, read_value=content)
        return record

    async def aclose(self) -> None:
        """No record is read any more."""
        await self._schemas.registry.aclose()

    async def _read(self, content: bytes) -> ReadContent:
        schema_id, data = self._schemas.registry.split(content)
        schema = await self._schemas.get(schema_id)
        to_json = self._formats.get(schema_id)
        if to_json is None:
            to_json = self._formats[schema_id] = await open_format(schema, counts_indexes=self._counts_indexes)
            if len(self._formats) > _FORMATS_MAX:
                self._formats.popitem(last=False)
        # JSON schemas have regular expressions, which may take any time.
        as_json = await asyncio.to_thread(to_json, data) if schema.data_format == "JSON" else to_json(data)
        return ReadContent(
            content=data if self._as_source else as_json, as_json=as_json, schema_id=schema_id, data_format=schema.data_format
        )


async def open_validation(mapping: EventSourceMapping, kit: PollerKit) -> SchemaValidation | None:
    """None if the mapping has no registry. `SourceProblem`, errors of AWS calls."""
    consumer = mapping.settings.managed_kafka or mapping.settings.self_managed_kafka
    config = None if consumer is None else consumer.schema_registry
    if config is None or config.uri is None:
        return None
    if config.uri.startswith(_ARN):
        _, _, _, region, account_id, *_ = config.uri.split(":")
        return SchemaValidation(config=config, registry=GlueRegistry(services=kit.services, scope=Scope(account_id, region)))
    return SchemaValidation(config=config, registry=await _open_confluent(config, config.uri, mapping, kit))


async def _open_confluent(config: SchemaRegistry, url: str, mapping: EventSourceMapping, kit: PollerKit) -> ConfluentRegistry:
    import aiohttp  # noqa: PLC0415  # takes its time, and few mappings need it

    secrets = {each.type: each.uri for each in config.access if each.uri is not None}
    root_ca = client = None
    if (arn := secrets.get("SERVER_ROOT_CA_CERTIFICATE")) is not None:
        root_ca = (await read_secret(kit.services, arn, mapping, "certificate"))["certificate"]
    if (arn := secrets.get("CLIENT_CERTIFICATE_TLS_AUTH")) is not None:
        client = await read_secret(kit.services, arn, mapping, "certificate", "privateKey")
    authorize = await _find_authorization(secrets, mapping, kit)
    context = await make_ssl_context(root_ca=root_ca, client=client)
    return ConfluentRegistry(url=url, session=aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)), authorize=authorize)


async def _find_authorization(
    secrets: Mapping[str | None, str], mapping: EventSourceMapping, kit: PollerKit
) -> Callable[[], Awaitable[str]]:
    if (arn := secrets.get("OAUTHBEARER_AUTH")) is not None:
        tokens = AccessTokens(secret_arn=arn, mapping=mapping, services=kit.services, clock=kit.clock)

        async def bearer() -> str:
            return f"Bearer {await tokens.token()}"

        return bearer
    basic = ""
    if (arn := secrets.get("BASIC_AUTH")) is not None:
        known = await read_secret(kit.services, arn, mapping, "username", "password")
        basic = "Basic " + base64.b64encode(f"{known['username']}:{known['password']}".encode()).decode()

    async def always() -> str:
        return basic

    return always
