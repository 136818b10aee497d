"""The examples, deployed by the unmodified AWS SAM CLI and driven with real calls."""

import io
import json
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.support.deployment_tools import run_tool, sam_tools
from tests.support.server import Server
from tests.support.stacks import create_stack, outputs_of, settle
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

EXAMPLES = Path(__file__).parents[3] / "examples"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
Deploy = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def deploy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """Deploys an example; its outputs."""
    tools = sam_tools()
    server.client("s3").create_bucket(Bucket="deployments")

    def deploy_example(name: str, *parameters: str, builds: bool = False) -> dict[str, str]:
        directory = tmp_path_factory.mktemp(name) / name
        shutil.copytree(EXAMPLES / name, directory)
        given = ["--parameter-overrides", *parameters] if parameters else []
        python = [Path(sys.executable).resolve().parent]
        if builds:
            run_tool(server, [tools / "sam", "build", *given], directory=directory, path=python)
        options = ["--stack-name", name, "--s3-bucket", "deployments", "--capabilities", "CAPABILITY_IAM", *given]
        said = run_tool(server, [tools / "sam", "deploy", *options], directory=directory)
        assert "Successfully created/updated stack" in said
        return outputs_of(settle(server, name))

    return deploy_example


def test_an_upload_gets_a_thumbnail(server: Server, deploy: Deploy) -> None:
    made = deploy("upload-to-thumbnail", f"Runtime={RUNTIME}", builds=True)
    s3 = server.client("s3")
    image = (EXAMPLES / "thumbnails" / "images" / "waves.jpg").read_bytes()
    s3.put_object(Bucket=made["Uploads"], Key="a wave.jpg", Body=image)
    eventually(lambda: s3.list_objects_v2(Bucket=made["Thumbnails"]).get("Contents"), what="a thumbnail")
    thumbnail = Image.open(io.BytesIO(s3.get_object(Bucket=made["Thumbnails"], Key="a wave.jpg")["Body"].read()))
    assert (thumbnail.format, max(thumbnail.size)) == ("JPEG", 128)


def test_a_workflow_chooses_maps_and_tries_again(server: Server, deploy: Deploy) -> None:
    machine = deploy("order-workflow")["Orders"]
    states = server.client("stepfunctions")

    def run(order: dict[str, Any]) -> dict[str, Any]:
        execution = states.start_execution(stateMachineArn=machine, input=json.dumps(order))["executionArn"]

        def ended() -> dict[str, Any] | None:
            described: dict[str, Any] = states.describe_execution(executionArn=execution)
            return None if described["status"] == "RUNNING" else described

        return eventually(ended, what="the end of the execution")

    shipped = run({"id": 7, "items": [{"name": "pen", "count": 2}, {"name": "lamp", "count": 1}]})
    assert shipped["status"] == "SUCCEEDED"
    assert json.loads(shipped["output"]) == {"order": 7, "parcels": 2, "total": 51}
    assert (run({"id": 8, "items": []})["status"]) == "FAILED"


def test_a_schedule_cleans_up(server: Server, deploy: Deploy) -> None:
    made = deploy("cleanup", "KeepSeconds=0")
    s3, scheduler = server.client("s3"), server.client("scheduler")
    s3.put_object(Bucket=made["Temporary"], Key="old", Body=b"x")
    (schedule,) = scheduler.list_schedules()["Schedules"]
    described = scheduler.get_schedule(Name=schedule["Name"])
    assert described["ScheduleExpression"] == "rate(1 hour)"
    soon = datetime.now(UTC) + timedelta(seconds=3)  # nobody waits for an hour
    kept = {name: described[name] for name in ("Name", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})", **kept)
    eventually(lambda: "Contents" not in s3.list_objects_v2(Bucket=made["Temporary"]), what="the cleaning", within_seconds=120)


def test_an_api_keeps_notes_in_a_table(server: Server, deploy: Deploy) -> None:
    host = f"{deploy('notes-api')['ApiId']}.execute-api.us-east-1.localhost"

    def call(method: str, body: bytes | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(f"{server.endpoint_url}/notes/1", body, {"Host": host}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    assert call("GET")[0] == 404
    assert call("PUT", b"buy milk")[0] == 204
    status, body = call("GET")
    assert (status, json.loads(body)) == (200, {"id": "1", "text": "buy milk"})


def test_awslocal_and_samlocal_find_everything(server: Server, tmp_path: Path) -> None:
    tools, port = sam_tools(), server.endpoint_url.rpartition(":")[2]
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}}}
    made = outputs_of(create_stack(server, "found", queue))
    programs = [tools, Path(sys.executable).parent]  # the AWS CLI is Alonzo's own dependency
    said = run_tool(
        server, [tools / "awslocal", "sqs", "list-queues"], directory=tmp_path, path=programs, LOCALSTACK_HOST=f"127.0.0.1:{port}"
    )
    assert made["Queue"] in said
    list_outputs = [tools / "samlocal", "list", "stack-outputs", "--stack-name", "found", "--output", "json"]
    listed = run_tool(server, list_outputs, directory=tmp_path, path=programs, EDGE_PORT=port, DISABLE_DEPRECATION_NOTICE="1")
    assert json.loads(listed[listed.index("[") :])[0]["OutputValue"] == made["Queue"]
