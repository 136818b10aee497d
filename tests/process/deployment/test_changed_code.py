"""Code changed in part: what `alonzo deploy --watch` sends for packages that are mostly dependencies."""

import base64
import io
import json
import urllib.error
import urllib.request
import zipfile
from typing import Any

from tests.conftest import StartServer
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server, zip_of

_LIBRARY = zip_of({"library.py": "VALUE = 1", **{f"data/{number}": str(number) for number in range(50)}})
_CODE = "import library, os\ndef handler(event, context):\n    return [{version}, library.VALUE, len(os.listdir('data'))]\n"


def package(version: int) -> tuple[bytes, int]:
    """A package, and how many of its bytes are the library's."""
    with zipfile.ZipFile(io.BytesIO(_LIBRARY)) as archive:
        kept = archive.start_dir
    buffer = io.BytesIO(_LIBRARY)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("app.py", _CODE.format(version=version))
    return buffer.getvalue(), kept


def put(server: Server, path: str, body: bytes = b"", method: str = "PUT") -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"{server.endpoint_url}/_alonzo/functions/{path}", data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def hexadecimal(sha256_base64: str) -> str:
    return base64.b64decode(sha256_base64).hex()


def test_the_rest_of_a_package_is_enough(start_server: StartServer) -> None:
    server = start_server()
    client = server.client("lambda")
    (first, kept), (second, _) = package(1), package(2)
    created = client.create_function(FunctionName="part", Runtime="python3.12", Handler="app.handler", Role=ROLE, Code={"ZipFile": first})
    server.wait_until_settled("part")
    assert succeed(server, "part") == [1, 1, 50]
    base = hexadecimal(created["CodeSha256"])

    status, answer = put(server, f"part/code?base={base}&kept={kept}", second[kept:])
    assert status == 200
    server.wait_until_settled("part")
    assert succeed(server, "part") == [2, 1, 50]
    configuration = client.get_function_configuration(FunctionName="part")
    assert hexadecimal(configuration["CodeSha256"]) == answer["sha256"]
    location = client.get_function(FunctionName="part")["Code"]["Location"]
    with urllib.request.urlopen(location, timeout=60) as download:
        assert download.read() == second

    server.kill()
    restarted = start_server(data_directory=server.data_directory)
    assert succeed(restarted, "part") == [2, 1, 50]


def test_what_cannot_be_meant_is_refused(server: Server) -> None:
    first, kept = package(1)
    client = server.client("lambda")
    created = client.create_function(
        FunctionName="refusing", Runtime="python3.12", Handler="app.handler", Role=ROLE, Code={"ZipFile": first}
    )
    server.wait_until_settled("refusing")
    base = hexadecimal(created["CodeSha256"])
    assert put(server, f"nobody/code?base={base}&kept={kept}")[0] == 404
    assert put(server, f"refusing/code?base={'0' * 64}&kept={kept}")[0] == 409
    assert put(server, f"refusing/code?base={base}&kept={len(first) + 1}")[0] == 400
    for query in ("", f"?base={base}", f"?base={base}&kept=-1", f"?base=x&kept={kept}", f"?base={base}&kept={'9' * 30}"):
        assert put(server, f"refusing/code{query}")[0] == 400
    assert put(server, f"refusing/code?base={base}&kept={kept}", method="POST")[0] == 405
    assert put(server, "refusing")[0] == 404
    status, answer = put(server, f"refusing/code?base={base}&kept={kept}", b"no archive")
    assert (status, answer["message"]) == (400, "Could not unzip uploaded file. Please check your file, then try to upload again.")
    assert succeed(server, "refusing") == [1, 1, 50]
    assert client.get_function_configuration(FunctionName="refusing")["CodeSha256"] == created["CodeSha256"]
