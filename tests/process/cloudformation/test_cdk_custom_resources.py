"""The custom resources that come with the CDK, unmodified: their functions answer by HTTPS, and name no port."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.deployment_tools import cdk_tools, node_sdk, run_tool
from tests.support.server import Server
from tests.support.stacks import outputs_of, settle
from tests.support.toolchains import require_tool

pytestmark = pytest.mark.thorough

APP = Path(__file__).with_name("cdk_app")


@pytest.mark.parametrize("options", [(), ("--network", "isolated"), ("--workers", "2")], ids=["host", "isolated", "workers"])
def test_buckets_calls_log_groups_and_providers_come_and_go(
    start_server: Callable[..., Server], tmp_path: Path, options: tuple[str, ...]
) -> None:
    require_tool("node")
    server = start_server("--node-modules", str(node_sdk()), *options)
    modules = cdk_tools()
    app = tmp_path / "app"
    shutil.copytree(APP, app)
    (app / "node_modules").symlink_to(modules)
    cdk = [modules / ".bin" / "cdk", "--no-version-reporting", "--ci"]
    run_tool(server, [*cdk, "bootstrap", "aws://000000000000/us-east-1"], directory=tmp_path)
    run_tool(server, [*cdk, "deploy", "--require-approval", "never"], directory=app)
    made = outputs_of(settle(server, "OwnResources"))
    assert (made["ParameterVersion"], made["ProvidedWord"], made["ProvidedDone"]) == ("1", "by a provider", "Create")
    assert server.client("ssm").get_parameter(Name="/own-resources/greeting")["Parameter"]["Value"] == "hello"
    [group] = server.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{made['KeptName']}")["logGroups"]
    assert group["retentionInDays"] == 7
    server.client("s3").put_object(Bucket=made["BucketName"], Key="left behind", Body=b"x")
    run_tool(server, [*cdk, "destroy", "--force", "--app", "cdk.out"], directory=app)
    assert made["BucketName"] not in [bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]]
    with pytest.raises(server.client("ssm").exceptions.ParameterNotFound):
        server.client("ssm").get_parameter(Name="/own-resources/greeting")
