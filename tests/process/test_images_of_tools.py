"""Images as people have them: with AWS's runtime interface client, built by Buildah, from a registry; and in every kind of sandbox."""

import asyncio
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.security.unprivileged import start_unprivileged
from tests.support.image_functions import create_image_function, load_image
from tests.support.image_programs import base_layer, runtime_layer
from tests.support.image_registry import serving
from tests.support.images import Entry, Image, directory, files_of_host, layer_of, tree_of_host
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import ALONZO, ROLE, Server
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

ECR = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
_HANDLER = """import os, sys
print("loaded")
def handler(event, context):
    print("handled", event)
    return {"event": event, "name": context.function_name, "directory": os.getcwd(), "python": sys.version_info[:2]}
"""


def _python_layers() -> list[bytes]:
    """This machine's Python with its library, AWS's client and a function, as AWS's documentation has it for images that are not AWS's."""
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    extensions = sorted((library / "lib-dynload").glob("*.so"))
    client = distribution("awslambdaric")
    packages = {Path(str(client.locate_file(file.parts[0]))) for file in client.files or () if file.parts[0] != ".."}
    packages |= {
        Path(str(distribution(name).locate_file(package)))
        for name, package in (("snapshot-restore-py", "snapshot_restore_py"), ("simplejson", "simplejson"))
        if _is_installed(name)
    }
    trees = [entry for each in packages if each.is_dir() for entry in tree_of_host(each, f"function/{each.name}", without=["__pycache__"])]
    modules = {each: f"function/{each.name}" for each in packages if each.is_file()}
    without = ["__pycache__", "test", "site-packages", "dist-packages", "idlelib", "tkinter", "ensurepip", "turtledemo"]
    return [
        layer_of([directory("bin"), *files_of_host([python, *extensions]), *tree_of_host(library, str(library), without=without)]),
        layer_of([*trees, *files_of_host(modules, renamed=modules)]),
        layer_of([Entry(name="function/app.py", content=_HANDLER.encode())]),
    ]


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except ModuleNotFoundError:
        return False
    return True


def test_an_image_with_awslambdaric_runs(server: Server) -> None:
    python = str(Path(sys.executable).resolve())
    image = Image(
        _python_layers(), Entrypoint=[python, "-m", "awslambdaric"], Cmd=["app.handler"], WorkingDir="/function", Env=["PATH=/usr/bin"]
    )
    load_image(server, image.layout(), "ric:1")
    name = create_image_function(server, "image-ric", f"{ECR}/ric:1", MemorySize=512)
    expected = {"event": {"a": 1}, "name": name, "directory": "/function", "python": list(sys.version_info[:2])}
    assert succeed(server, name, {"a": 1}) == expected
    assert "loaded\n" in wait_for_log(server, name, "handled")


def _shell_image() -> Image:
    return Image([layer_of(base_layer()), layer_of(runtime_layer())], Entrypoint=["/runtime"], Cmd=["handler"], Env=["PATH=/bin"])


def _works(server: Server) -> None:
    load_image(server, _shell_image().docker_archive("shell:1"))
    name = create_image_function(server, "image-anywhere", "shell:1")
    answer = invoke(server, name, "id -u; touch /new; touch /tmp/new && ls /tmp/new; ls /.alonzo /proc/1; cat /etc/hosts")
    assert answer.error is None, answer.payload
    said = answer.payload.decode()
    assert said.startswith("993\n")
    assert "cannot touch '/new': Read-only file system" in said
    assert "\n/tmp/new\n" in said
    assert "cannot access '/.alonzo'" in said
    assert "sandbox.localdomain" in said


def test_an_image_runs_without_root() -> None:
    with tempfile.TemporaryDirectory(prefix="alonzo-rootless-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        with start_unprivileged(Path(place)) as server:
            _works(server)


def test_an_image_runs_in_a_network_of_its_own_and_after_a_restart(start_server: StartServer, tmp_path: Path) -> None:
    with start_server("--network", "isolated", data_directory=tmp_path / "alonzo") as server:
        _works(server)
    with start_server("--network", "isolated", data_directory=tmp_path / "alonzo") as server:
        assert invoke(server, "image-anywhere", "echo again").payload == b"again\n"


def test_an_image_runs_with_several_workers(start_server: StartServer) -> None:
    with start_server("--workers", "2") as server:
        _works(server)
        for number in range(6):
            assert invoke(server, "image-anywhere", f"echo {number}").payload == f"{number}\n".encode()


def test_without_namespaces_an_image_is_failed_and_says_why(start_server: StartServer) -> None:
    server = start_server("--isolation", "process")
    load_image(server, _shell_image().layout(), "shell:1")
    client = server.client("lambda")
    client.create_function(FunctionName="image", Role=ROLE, PackageType="Image", Code={"ImageUri": "shell:1"})
    eventually(lambda: client.get_function_configuration(FunctionName="image")["State"] != "Pending", what="the end of the creation")
    failed = client.get_function_configuration(FunctionName="image")
    assert (failed["State"], failed["StateReasonCode"]) == ("Failed", "InvalidImage")
    assert "--isolation process" in failed["StateReason"]


@contextmanager
def _registry(image: Image) -> Iterator[str]:
    """In a thread of its own: the test waits for the server, which waits for the registry."""
    ready, stop, urls = threading.Event(), threading.Event(), list[str]()

    async def serve() -> None:
        async with serving({"team/shell:1": image}, password="secret", gives_tokens=True) as registry:
            urls.append(registry.url.replace("http://", "http://user:secret@"))
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield urls[0]
    finally:
        stop.set()
        thread.join()


def test_an_image_is_fetched_from_a_registry(start_server: StartServer) -> None:
    image = _shell_image()
    with _registry(image) as url:
        server = start_server("--image-registry", f"*.amazonaws.com={url}")
        name = create_image_function(server, "image-fetched", f"{ECR}/team/shell:1")
        assert server.client("lambda").get_function(FunctionName=name)["Configuration"]["CodeSha256"] == image.digest
        assert invoke(server, name, "echo fetched").payload == b"fetched\n"
        with pytest.raises(ClientError, match="does not exist"):
            create_image_function(server, "image-missing", f"{ECR}/team/shell:2")


@pytest.mark.parametrize(
    "form", ["oci-archive", "docker-archive", "oci", "oci --compression-format=zstd", "oci --compression-format=zstd:chunked"]
)
def test_an_image_of_buildah_runs(server: Server, tmp_path: Path, form: str) -> None:
    (tmp_path / "root.tar").write_bytes(layer_of([*base_layer(), *runtime_layer()]))
    (tmp_path / "Dockerfile").write_text(
        'FROM scratch\nADD root.tar /\nENV BUILT_BY=buildah PATH=/bin\nWORKDIR /work\nENTRYPOINT ["/runtime"]\nCMD ["handler"]\n'
    )
    place = tmp_path / "saved"
    form, *options = form.split()

    def buildah(*arguments: str) -> Any:
        storage = ("--storage-driver", "vfs", "--root", str(tmp_path / "storage"), "--runroot", str(tmp_path / "run"))
        return subprocess.run([require_tool("buildah"), *storage, *arguments], check=True, capture_output=True)

    buildah("build", "--isolation", "chroot", "--tag", "built:1", str(tmp_path))
    buildah("push", *options, "built:1", f"{form}:{place}:built:1")
    if form == "oci":
        is_zstandard = any(path.read_bytes().startswith(b"\x28\xb5\x2f\xfd") for path in place.glob("blobs/sha256/*"))
        assert is_zstandard == bool(options)
        archive = subprocess.run(["tar", "-c", "-C", str(place), "."], check=True, capture_output=True).stdout
        load_image(server, archive, "built:1")
    else:
        load_image(server, place.read_bytes(), "built:1")
    name = create_image_function(server, f"image-{tmp_path.name}", "built:1")
    assert invoke(server, name, "echo $BUILT_BY; pwd").payload == b"buildah\n/work\n"


_TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  OfSam:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: image-of-sam
      PackageType: Image
      ImageUri: !Sub ${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/stacked:1
      ImageConfig: {Command: [given]}
  OfCloudFormation:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: image-of-cloudformation
      Role: arn:aws:iam::000000000000:role/test
      PackageType: Image
      Code: {ImageUri: 'stacked:1'}
"""


def test_templates_have_functions_of_images(server: Server, tmp_path: Path) -> None:
    load_image(server, _shell_image().layout(), "stacked:1")
    template = tmp_path / "template.yaml"
    template.write_text(_TEMPLATE)
    done = subprocess.run([ALONZO, "deploy", str(template)], env=server.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert invoke(server, "image-of-sam", "echo $_HANDLER").payload == b"given\n"
    assert invoke(server, "image-of-cloudformation", "echo $_HANDLER").payload == b"handler\n"


_BUILT_TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Built:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: image-built-of-template, PackageType: Image}
    Metadata: {Dockerfile: Dockerfile, DockerContext: ./context, DockerTag: v1, DockerBuildArgs: {GREETING: hello}}
"""
_DOCKERFILE = """FROM scratch
ARG GREETING
ADD root.tar /
COPY message /message
ENV PATH=/bin GREETING=$GREETING
ENTRYPOINT ["/runtime"]
"""


def test_a_template_has_its_image_built(server: Server, tmp_path: Path) -> None:
    context, tools = tmp_path / "context", tmp_path / "tools"
    for each in (context, tools):
        each.mkdir()
    (tools / "buildah").symlink_to(require_tool("buildah"))
    (tmp_path / "storage.conf").write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    (context / "root.tar").write_bytes(layer_of([*base_layer(), *runtime_layer()]))
    (context / "Dockerfile").write_text(_DOCKERFILE)
    (tmp_path / "template.yaml").write_text(_BUILT_TEMPLATE)
    own = {"PATH": str(tools), "BUILDAH_ISOLATION": "chroot", "CONTAINERS_STORAGE_CONF": str(tmp_path / "storage.conf")}

    def deploy(**environment: str) -> subprocess.CompletedProcess[str]:
        command = [ALONZO, "deploy", str(tmp_path / "template.yaml"), "--name", "built"]
        return subprocess.run(command, env=server.environment() | environment, capture_output=True, text=True, check=False)

    for message in ("one", "two"):
        (context / "message").write_text(message)
        done = deploy(**own)
        assert done.returncode == 0, done.stdout + done.stderr
        assert invoke(server, "image-built-of-template", "echo $GREETING; cat /message").payload.decode() == f"hello\n{message}"
    (context / "Dockerfile").write_text("FROM scratch\nCOPY missing /\n")
    failed = deploy(**own)
    assert failed.returncode == 1
    assert "missing" in failed.stderr
    (tools / "buildah").unlink()
    assert "docker, podman or buildah is needed" in deploy(**own).stderr
