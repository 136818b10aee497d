"""The AWS CDK, unmodified: bootstrap, an example, and its end."""

import json
import shutil
from pathlib import Path

import pytest
from tests.support.deployment_tools import cdk_tools, run_tool
from tests.support.invoking import wait_for_log
from tests.support.server import Server
from tests.support.stacks import outputs_of, settle
from tests.support.toolchains import require_tool

pytestmark = pytest.mark.thorough

EXAMPLE = Path(__file__).parents[3] / "examples" / "order-events"


def test_an_app_is_deployed_driven_and_destroyed(server: Server, tmp_path: Path) -> None:
    require_tool("node")
    modules = cdk_tools()
    app = tmp_path / "order-events"
    shutil.copytree(EXAMPLE, app)
    (app / "node_modules").symlink_to(modules)
    cdk = [modules / ".bin" / "cdk", "--no-version-reporting", "--ci"]
    synthesized = ["--app", "cdk.out"]
    run_tool(server, [*cdk, "bootstrap", "aws://000000000000/us-east-1"], directory=tmp_path)  # without an app
    assert server.client("ssm").get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]["Value"].isdigit()
    run_tool(server, [*cdk, "deploy", "--require-approval", "never"], directory=app)
    made = outputs_of(settle(server, "OrderEvents"))
    order = {"customer": "Ada", "total": 23, "items": ["pen", "book"]}
    server.client("events").put_events(
        Entries=[{"EventBusName": made["Bus"], "Source": "shop", "DetailType": "OrderPlaced", "Detail": json.dumps(order)}]
    )
    assert any("PARCEL pen, book" in line for line in wait_for_log(server, made["ParcelFunction"], "PARCEL"))
    assert any("INVOICE Ada owes money" in line for line in wait_for_log(server, made["InvoiceFunction"], "INVOICE"))
    local = {"AWS_ENDPOINT_URL_S3": server.endpoint_url}
    cdklocal = [modules / ".bin" / "cdklocal", "--no-version-reporting", "--ci"]
    parcels = app / "src" / "parcel.py"
    parcels.write_text(parcels.read_text().replace("PARCEL", "PACKAGE"))
    run_tool(server, [*cdklocal, "deploy", "--require-approval", "never"], directory=app, **local)
    server.client("events").put_events(
        Entries=[{"EventBusName": made["Bus"], "Source": "shop", "DetailType": "OrderPlaced", "Detail": json.dumps(order)}]
    )
    assert any("PACKAGE pen, book" in line for line in wait_for_log(server, made["ParcelFunction"], "PACKAGE"))
    run_tool(server, [*cdklocal, "destroy", "--force", *synthesized], directory=app, **local)
    assert made["ParcelFunction"] not in [each["FunctionName"] for each in server.client("lambda").list_functions()["Functions"]]
