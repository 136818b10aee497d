"""Functions on a capacity provider, which run several invocations at once in one environment."""

from typing import Any

from tests.support.server import ROLE, Server

_PROVIDER = "instances"
MEMORY_MIB = 2_048


def deploy_shared(server: Server, name: str, package: bytes, *, max_concurrency: int, **configuration: Any) -> str:
    """Create a function with a capacity provider, and the version of it that is invoked; its name."""
    client = server.client("lambda")
    config = {"CapacityProviderArn": _ensure_provider(client), "PerExecutionEnvironmentMaxConcurrency": max_concurrency}
    settings = {"Role": ROLE, "MemorySize": MEMORY_MIB, "Timeout": 60} | configuration
    client.create_function(
        FunctionName=name,
        Code={"ZipFile": package},
        CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": config},
        **settings,
    )
    server.wait_until_settled(name)
    client.publish_version(FunctionName=name, PublishTo="LATEST_PUBLISHED")
    return name


def _ensure_provider(client: Any) -> str:
    known = [provider["CapacityProviderArn"] for provider in client.list_capacity_providers()["CapacityProviders"]]
    if known:
        return str(known[0])
    created = client.create_capacity_provider(
        CapacityProviderName=_PROVIDER,
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        PermissionsConfig={"CapacityProviderOperatorRoleArn": ROLE},
    )
    return str(created["CapacityProvider"]["CapacityProviderArn"])
