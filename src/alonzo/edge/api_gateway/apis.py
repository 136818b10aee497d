"""The APIs that requests are for, of all kinds, as they are configured."""

from dataclasses import dataclass
from typing import Any

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.errors import AwsRefused
from alonzo.clock import Clock
from alonzo.edge.api_gateway.http_api.configuration import VersionTwoApi, read_api
from alonzo.edge.api_gateway.rest_api.configuration import RestApi
from alonzo.edge.api_gateway.rest_api.reading import RestApiReader
from alonzo.edge.configurations import Configurations
from alonzo.model.scope import DEFAULT_ACCOUNT_ID, DEFAULT_REGION, Scope, partition_of

_VERSION_1, _VERSION_2 = "apigateway", "apigatewayv2"
_NOT_FOUND = frozenset({"NotFoundException", "404"})
_PAGES_MAX = 50


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """Configured as an HTTP API is."""

    api: VersionTwoApi


Api = VersionTwoApi | RestApi | WebSocketApi


class Apis:
    """Resource handling: `aclose` ends what is being read."""

    def __init__(self, *, services: AwsClients, clock: Clock) -> None:
        self._services = services
        self._rest_apis = RestApiReader(services)
        self._kept: Configurations[tuple[str, str | None], Api] = Configurations(self._read, clock=clock)

    def drop(self) -> None:
        """Something about APIs has been written."""
        self._kept.drop()

    def find(self, api_id: str, region: str | None) -> Api | None:
        """What `get` would give, if that need not be asked for now; None says nothing."""
        return self._kept.find((api_id, region))

    async def get(self, api_id: str, region: str | None) -> Api | None:
        """None: there is no such API. AwsCallFailed. `region`: where to look; None: where it is, or in the default region."""
        return await self._kept.get((api_id, region))

    async def aclose(self) -> None:
        """See above."""
        await self._kept.aclose()

    async def _read(self, key: tuple[str, str | None]) -> Api | None:
        api_id, region = key
        for service in (_VERSION_2, _VERSION_1):
            place = await self._services.find_place(service, "apis", api_id)
            if place is not None:
                break
        if place is not None:
            if region not in {None, place["region"]}:
                return None
            scope = Scope(place["account_id"], place["region"], partition_of(place["region"]))
            return await (self._rest_apis.read(scope, api_id) if place["protocol"] == "REST" else self._read_version_2(scope, api_id))
        if self._services.is_companion(_VERSION_1) and self._services.is_companion(_VERSION_2):
            return None
        region = region or DEFAULT_REGION
        scope = Scope(DEFAULT_ACCOUNT_ID, region, partition_of(region))
        for read in (self._read_version_2, self._rest_apis.read):
            try:
                return await read(scope, api_id)
            except AwsRefused as error:
                if error.code not in _NOT_FOUND:
                    raise
        return None

    async def _read_version_2(self, scope: Scope, api_id: str) -> Api:
        async def listed(operation: str) -> list[dict[str, Any]]:
            return await self._list(scope, operation, {"ApiId": api_id})

        api = await self._services.call(_VERSION_2, "GetApi", {"ApiId": api_id}, scope=scope)
        configured = read_api(
            scope,
            api=api,
            routes=await listed("GetRoutes"),
            integrations=await listed("GetIntegrations"),
            authorizers=await listed("GetAuthorizers"),
            stages=await listed("GetStages"),
        )
        return WebSocketApi(configured) if api.get("ProtocolType") == "WEBSOCKET" else configured

    async def _list(self, scope: Scope, operation: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        token: str | None = None
        for _ in range(_PAGES_MAX):
            page = await self._services.call(_VERSION_2, operation, parameters | ({"NextToken": token} if token else {}), scope=scope)
            items += page.get("Items") or []
            token = page.get("NextToken")
            if not token:
                break
        return items
