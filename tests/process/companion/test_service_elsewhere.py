"""S3 that is elsewhere (`--service s3=URL`): the companion of another server stands for any."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server, zip_of

from .processes import companions_of

WRITES = (
    "import boto3\ns3 = boto3.client('s3')\ndef handler(event, context):\n"
    "    s3.put_object(Bucket=event['bucket'], Key='by/a function', Body=b'hello' * event['times'])\n"
    "    return len(s3.get_object(Bucket=event['bucket'], Key='by/a function')['Body'].read())\n"
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start("--tls", data_directory=tmp_path_factory.mktemp("elsewhere")) as running:
        yield running


@pytest.fixture(scope="module", params=["http", pytest.param("https", marks=pytest.mark.thorough)])
def here(elsewhere: Server, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """By HTTPS with a certificate of an authority of its own, as MinIO's often is."""
    url = elsewhere.endpoint_url.replace("http:", f"{request.param}:")
    environment = {"AWS_CA_BUNDLE": str(elsewhere.data_directory / "tls" / "ca.pem")} if request.param == "https" else {}
    directory = tmp_path_factory.mktemp("here")
    with Server.start("--service", f"s3={url}", data_directory=directory, environment=environment) as running:
        yield running


def test_clients_and_functions_of_one_server_use_the_s3_of_another(elsewhere: Server, here: Server) -> None:
    elsewhere.client("s3").create_bucket(Bucket="shared")
    here.client("s3").put_object(Bucket="shared", Key="by client", Body=b"from here")
    assert elsewhere.client("s3").get_object(Bucket="shared", Key="by client")["Body"].read() == b"from here"
    here.deploy("writes", WRITES, MemorySize=512, Timeout=60)
    assert succeed(here, "writes", {"bucket": "shared", "times": 500_000}) == 2_500_000
    assert elsewhere.client("s3").head_object(Bucket="shared", Key="by/a function")["ContentLength"] == 2_500_000
    assert companions_of(here) == []


def test_code_comes_from_there(elsewhere: Server, here: Server) -> None:
    package = zip_of({"app.py": "def handler(event, context):\n    return 'from elsewhere'\n"})
    elsewhere.client("s3").create_bucket(Bucket="code")
    elsewhere.client("s3").put_object(Bucket="code", Key="app.zip", Body=package)
    client = here.client("lambda")
    code: dict[str, Any] = {"S3Bucket": "code", "S3Key": "app.zip"}
    client.create_function(FunctionName="stored", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code)
    here.wait_until_settled("stored")
    assert succeed(here, "stored", {}) == "from elsewhere"
    with urllib.request.urlopen(client.get_function(FunctionName="stored")["Code"]["Location"]) as answer:
        assert answer.read() == package


@pytest.mark.parametrize("signature", ["s3", "s3v4"])
def test_presigned_links_lead_there(elsewhere: Server, here: Server, signature: str) -> None:
    bucket = f"links-{signature}"
    elsewhere.client("s3").create_bucket(Bucket=bucket)
    s3 = here.client("s3", signature_version=signature)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"})
    urllib.request.urlopen(urllib.request.Request(put, data=b"by link", method="PUT", headers={"Content-Type": ""})).close()
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"})
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"by link"
    assert elsewhere.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1
