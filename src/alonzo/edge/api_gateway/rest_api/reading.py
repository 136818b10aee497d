"""REST APIs, asked of API Gateway: each stage as it was deployed."""

from collections.abc import Awaitable, Callable
from typing import Any

from alonzo.aws.client.clients import AwsClients
from alonzo.edge.api_gateway.rest_api.configuration import DeployedApi, RestApi, UsagePlan, read_deployed, read_plan, read_stage
from alonzo.model.scope import Scope

_SERVICE = "apigateway"
_PAGES_MAX = 50
_DEPLOYMENTS_MAX = 200

_Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class RestApiReader:
    """Deployments never change: those of the companion are asked for once."""

    def __init__(self, services: AwsClients) -> None:
        self._services = services
        self._deployed: dict[tuple[Scope, str, str], DeployedApi] = {}

    async def read(self, scope: Scope, api_id: str) -> RestApi:
        """AwsCallFailed."""

        async def ask(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
            return await self._services.call(_SERVICE, operation, parameters, scope=scope)

        api = await ask("GetRestApi", {"restApiId": api_id})
        stages = await ask("GetStages", {"restApiId": api_id})
        read_stages = {}
        for stage in stages.get("item") or ():
            deployed = await self._find_deployed(scope, api_id, stage.get("deploymentId") or "")
            read_stages[stage["stageName"]] = read_stage(stage, deployed)
        needs_plans = any(stage.deployed.needs_plans for stage in read_stages.values())
        return RestApi(
            api_id=api_id,
            scope=scope,
            is_disabled=bool(api.get("disableExecuteApiEndpoint")),
            stages=read_stages,
            plans=await _plans(ask, api_id) if needs_plans else (),
        )

    async def _find_deployed(self, scope: Scope, api_id: str, deployment_id: str) -> DeployedApi:
        key = (scope, api_id, deployment_id)
        known = self._deployed.get(key)
        if known is not None:
            return known

        async def ask(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
            return await self._services.call(_SERVICE, operation, parameters, scope=scope, deployment_id=deployment_id)

        of_api = {"restApiId": api_id}
        deployed = read_deployed(
            scope,
            await ask("GetRestApi", of_api),
            resources=await _list(ask, "GetResources", of_api | {"embed": ["methods"], "limit": 500}),
            authorizers=await _list(ask, "GetAuthorizers", of_api),
            models=await _list(ask, "GetModels", of_api),
            validators=await _list(ask, "GetRequestValidators", of_api),
            gateway_responses=await _list(ask, "GetGatewayResponses", of_api),
        )
        if self._services.is_companion(_SERVICE):
            if len(self._deployed) >= _DEPLOYMENTS_MAX:
                self._deployed.clear()
            self._deployed[key] = deployed
        return deployed


async def _plans(ask: _Ask, api_id: str) -> tuple[UsagePlan, ...]:
    enabled = {each["id"]: bool(each.get("enabled")) for each in await _list(ask, "GetApiKeys", {})}
    plans = [
        plan for plan in await _list(ask, "GetUsagePlans", {}) if any(each.get("apiId") == api_id for each in plan.get("apiStages") or ())
    ]
    return tuple([read_plan(plan, api_id, await _list(ask, "GetUsagePlanKeys", {"usagePlanId": plan["id"]}), enabled) for plan in plans])


async def _list(ask: _Ask, operation: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    position: str | None = None
    for _ in range(_PAGES_MAX):
        page = await ask(operation, parameters | ({"position": position} if position else {}))
        items += page.get("items") or []
        position = page.get("position")
        if not position:
            break
    return items
