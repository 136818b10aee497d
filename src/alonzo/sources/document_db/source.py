"""DocumentDB, or MongoDB, as a source: one unit, its change stream. The checkpoint is a resume token."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.model.event_source_mapping import DocumentDbSource, EventSourceMapping
from alonzo.sources.document_db.reader import ChangeReader, Client, oldest_time, problem_of
from alonzo.sources.errors import SourceProblem
from alonzo.sources.source import PolledUnit, PollerKit, Unit
from alonzo.sources.source_secrets import find_access, read_secret
from alonzo.sources.stream_polling import poll_stream
from alonzo.sources.stream_records import StreamReader

_UNIT = Unit("changes")
_CONNECT_MS = 10_000


async def open_source(mapping: EventSourceMapping, kit: PollerKit) -> "DocumentDbChanges":
    """As `SourceOpener`."""
    url = await _find_url(mapping, kit)
    login = await read_secret(kit.services, find_access(mapping, "BASIC_AUTH") or "", mapping, "username", "password")
    credentials: dict[str, Any] = {"username": login["username"], "password": login["password"]} if login["username"] else {}
    try:
        client: Client = AsyncMongoClient(
            url, retryWrites=False, serverSelectionTimeoutMS=_CONNECT_MS, appname=f"alonzo-{mapping.uuid}", **credentials
        )
    except PyMongoError as error:
        raise problem_of(error) from error
    return DocumentDbChanges(mapping=mapping, client=client, kit=kit)


class DocumentDbChanges:
    """A `Source`."""

    def __init__(self, *, mapping: EventSourceMapping, client: Client, kit: PollerKit) -> None:
        self._mapping = mapping
        self._client = client
        self._kit = kit

    async def list_units(self) -> Sequence[Unit]:
        """As the protocol says."""
        return (_UNIT,)

    async def poll(self, unit: PolledUnit) -> None:
        """As the protocol says."""

        async def open_reader(position: str | None) -> StreamReader:
            try:
                starts_at = await self._starts_at() if position is None else Timestamp(0, 0)
            except PyMongoError as error:
                raise problem_of(error) from error
            return ChangeReader(
                client=self._client,
                what=self._mapping.settings.document_db or DocumentDbSource(),
                event_source_arn=self._mapping.event_source_arn or "",
                after=position,
                starts_at=starts_at,
            )

        await poll_stream(unit, mapping=self._mapping, kit=self._kit, open_reader=open_reader)

    async def aclose(self) -> None:
        """As the protocol says."""
        await self._client.close()

    async def _starts_at(self) -> Timestamp:
        settings = self._mapping.settings
        match settings.starting_position:
            case "TRIM_HORIZON":
                return await oldest_time(self._client)
            case "AT_TIMESTAMP":
                return Timestamp((settings.starting_position_unix_ms or 0) // 1000, 0)
        return Timestamp(await self._kit.started_unix_ms() // 1000, 0)


async def _find_url(mapping: EventSourceMapping, kit: PollerKit) -> str:
    arn = mapping.event_source_arn or ""
    given = kit.brokers.find(arn)
    if given is not None:
        return given
    parameters = {"DBClusterIdentifier": arn.rpartition(":")[2]}
    try:
        answer = await kit.services.call("rds", "DescribeDBClusters", parameters, scope=mapping.scope)
        cluster = answer["DBClusters"][0]
        host, port = quote(cluster["Endpoint"]), int(cluster["Port"])
    except (AwsCallFailed, LookupError) as error:
        raise SourceProblem(f"The cluster {arn} is not known ({error}): start with --broker {arn}=mongodb://HOST:PORT") from error
    return f"mongodb://{host}:{port}/?tls=true"
