"""Code and layers that are fetched from S3 when they are deployed."""

import base64
import hashlib
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server, zip_of

BUCKET = "deployments"


def package(answer: str) -> bytes:
    return zip_of({"app.py": f"def handler(event, context):\n    return {answer!r}\n"})


@pytest.fixture(scope="module")
def put(server: Server) -> Callable[[str, bytes], str]:
    """Puts an object; its version id."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def put_object(key: str, content: bytes) -> str:
        version: str = s3.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"]
        return version

    return put_object


def create(server: Server, name: str, **code: Any) -> dict[str, Any]:
    created: dict[str, Any] = server.client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code
    )
    return created


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException"
    return str(error["Message"])


def test_a_function_is_made_of_an_object_and_updated_to_a_version_of_it(server: Server, put: Callable[[str, bytes], str]) -> None:
    client = server.client("lambda")
    first = put("dir/a b.zip", package("one"))
    created = create(server, "stored", S3Bucket=BUCKET, S3Key="dir/a b.zip")
    server.wait_until_settled("stored")
    assert created["CodeSha256"] == base64.b64encode(hashlib.sha256(package("one")).digest()).decode()
    assert succeed(server, "stored", {}) == "one"

    put("dir/a b.zip", package("two"))
    assert succeed(server, "stored", {}) == "one"
    client.update_function_code(FunctionName="stored", S3Bucket=BUCKET, S3Key="dir/a b.zip")
    server.wait_until_settled("stored")
    assert succeed(server, "stored", {}) == "two"

    client.update_function_code(FunctionName="stored", S3Bucket=BUCKET, S3Key="dir/a b.zip", S3ObjectVersion=first)
    server.wait_until_settled("stored")
    assert succeed(server, "stored", {}) == "one"
    location = client.get_function(FunctionName="stored")["Code"]["Location"]
    with urllib.request.urlopen(location) as response:
        assert response.read() == package("one")


def test_a_layer_is_made_of_an_object(server: Server, put: Callable[[str, bytes], str]) -> None:
    put("layer.zip", zip_of({"python/shared.py": "ANSWER = 42\n"}))
    client = server.client("lambda")
    layer = client.publish_layer_version(LayerName="shared", Content={"S3Bucket": BUCKET, "S3Key": "layer.zip"})
    source = "import shared\ndef handler(event, context):\n    return shared.ANSWER\n"
    server.deploy("layered", source, Layers=[layer["LayerVersionArn"]])
    assert succeed(server, "layered", {}) == 42


@pytest.mark.thorough
def test_code_that_is_larger_than_a_request_may_be(server: Server, put: Callable[[str, bytes], str]) -> None:
    noise = hashlib.shake_256(b"noise").digest(80_000_000)
    put("large.zip", zip_of({"app.py": "import os\ndef handler(event, context):\n    return os.stat('noise').st_size\n", "noise": noise}))
    create(server, "large", S3Bucket=BUCKET, S3Key="large.zip")
    server.wait_until_settled("large")
    assert succeed(server, "large", {}) == len(noise)


def test_what_is_not_there_is_refused_in_s3s_words(server: Server, put: Callable[[str, bytes], str]) -> None:
    put("code.zip", package("x"))
    begin = "Error occurred while GetObject. S3 Error Code: "
    no_bucket = refused(lambda: create(server, "no", S3Bucket="nobodys-bucket", S3Key="code.zip"))
    assert no_bucket == f"{begin}NoSuchBucket. S3 Error Message: The specified bucket does not exist"
    no_key = refused(lambda: create(server, "no", S3Bucket=BUCKET, S3Key="other.zip"))
    assert no_key == f"{begin}NoSuchKey. S3 Error Message: The specified key does not exist."
    assert refused(lambda: create(server, "no", S3Bucket=BUCKET, S3Key="code.zip", S3ObjectVersion="7")).startswith(begin)
    assert refused(lambda: create(server, "no", S3Bucket=BUCKET)) == "Please provide a source for function code."
    both = refused(lambda: create(server, "no", S3Bucket=BUCKET, S3Key="code.zip", ZipFile=package("x")))
    assert both == "Please do not provide other FunctionCode parameters when providing a ZipFile."
    assert "no" not in [function["FunctionName"] for function in server.client("lambda").list_functions()["Functions"]]


def test_an_object_that_is_no_archive_is_refused(server: Server, put: Callable[[str, bytes], str]) -> None:
    put("text.zip", b"not an archive")
    assert "Could not unzip" in refused(lambda: create(server, "no", S3Bucket=BUCKET, S3Key="text.zip"))
