"""Load balancers, asked of Elastic Load Balancing by the names that requests have."""

from typing import Any

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.errors import AwsRefused
from alonzo.clock import Clock
from alonzo.edge.configurations import Configurations
from alonzo.edge.load_balancer.configuration import LoadBalancer, TargetGroup, read_group, read_listener
from alonzo.model.scope import DEFAULT_ACCOUNT_ID, DEFAULT_REGION, Scope, partition_of

_SERVICE = "elbv2"


class LoadBalancers:
    """Resource handling: `aclose` ends what is being read."""

    def __init__(self, *, services: AwsClients, clock: Clock) -> None:
        self._services = services
        self._kept: Configurations[str, LoadBalancer] = Configurations(self._read, clock=clock)

    def drop(self) -> None:
        """Something about load balancers has been written."""
        self._kept.drop()

    async def get(self, label: str) -> LoadBalancer | None:
        """By the name, or the first label of the DNS name; None: there is none. AwsCallFailed."""
        return await self._kept.get(label)

    async def aclose(self) -> None:
        """See above."""
        await self._kept.aclose()

    async def _read(self, label: str) -> LoadBalancer | None:
        place = await self._services.find_place(_SERVICE, "load-balancers", label)
        if place is not None:
            scope = Scope(place["account_id"], place["region"], partition_of(place["region"]))
            return await self._read_by_arn(scope, place["arn"])
        if self._services.is_companion(_SERVICE):
            return None
        scope = Scope(DEFAULT_ACCOUNT_ID, DEFAULT_REGION)
        try:
            found = await self._services.call(_SERVICE, "DescribeLoadBalancers", {"Names": [label]}, scope=scope)
        except AwsRefused as error:
            if error.code in {"LoadBalancerNotFound", "LoadBalancerNotFoundException"}:
                return None
            raise
        arns = [each["LoadBalancerArn"] for each in found.get("LoadBalancers") or ()]
        return await self._read_by_arn(scope, arns[0]) if arns else None

    async def _read_by_arn(self, scope: Scope, arn: str) -> LoadBalancer:
        async def ask(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
            return await self._services.call(_SERVICE, operation, parameters, scope=scope)

        listeners = []
        for each in (await ask("DescribeListeners", {"LoadBalancerArn": arn})).get("Listeners") or ():
            rules = await ask("DescribeRules", {"ListenerArn": each["ListenerArn"]})
            listeners.append(read_listener(each, rules.get("Rules") or []))
        named = {group for each in listeners for rule in each.rules for action in rule.actions for group, _ in action.groups}
        groups: dict[str, TargetGroup] = {}
        for group_arn in sorted(named):
            described = await ask("DescribeTargetGroups", {"TargetGroupArns": [group_arn]})
            health = await ask("DescribeTargetHealth", {"TargetGroupArn": group_arn})
            attributes = await ask("DescribeTargetGroupAttributes", {"TargetGroupArn": group_arn})
            targets = [each["Target"]["Id"] for each in health.get("TargetHealthDescriptions") or ()]
            told = {each["Key"]: each.get("Value") or "" for each in attributes.get("Attributes") or ()}
            for group in described.get("TargetGroups") or ():
                groups[group_arn] = read_group(group, targets, told)
        return LoadBalancer(arn=arn, listeners=tuple(listeners), groups=groups)
