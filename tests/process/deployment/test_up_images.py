"""`alonzo up DIR` where functions are images: a saved file of what a Dockerfile copies is live without a deployment of the stack."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.deploying import Watched, deploy, watching, write
from tests.support.image_programs import base_layer, runtime_layer
from tests.support.images import layer_of
from tests.support.invoking import invoke
from tests.support.server import Server
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

_TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Stage: {Type: String, Default: dev}}
Resources:
  Greeter:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: image-watched, PackageType: Image, Environment: {Variables: {STAGE: !Ref Stage}}}
    Metadata: {Dockerfile: Dockerfile, DockerContext: ./context, DockerTag: v1}
"""
_DOCKERFILE = """FROM scratch
ADD root.tar /
ENV PATH=/bin
COPY message /message
ENTRYPOINT ["/runtime"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def with_buildah(place: Path) -> dict[str, str]:
    """Variables with which nothing else builds, and nothing is left behind."""
    (place / "tools").mkdir()
    (place / "tools" / "buildah").symlink_to(require_tool("buildah"))
    (place / "storage.conf").write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{place}/graph"\nrunroot = "{place}/run"\n')
    return {
        "PATH": str(place / "tools"),
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "XDG_CACHE_HOME": str(place / "cache"),
    }


@pytest.fixture(scope="module")
def watched_image(place: Path, with_buildah: dict[str, str]) -> Iterator[Watched]:
    directory = write(place / "shop", {"template.yaml": _TEMPLATE, "context/Dockerfile": _DOCKERFILE, "context/message": "1"})
    (directory / "context" / "root.tar").write_bytes(layer_of([*base_layer(), *runtime_layer()]))
    with Server.start(str(directory), data_directory=place / "alonzo", environment=with_buildah) as server:
        running = Watched(server, directory)
        running.wait_for_line("watching ")
        yield running


def _answer(watched: Watched) -> str:
    return invoke(watched.server, "image-watched", "echo $STAGE; cat /message").payload.decode()


def test_a_saved_file_of_the_context_is_live(watched_image: Watched) -> None:
    assert _answer(watched_image) == "dev\n1"
    (watched_image.directory / "context" / "message").write_text("2")
    watched_image.wait_for_line("context/message changed: Greeter is live after ")
    assert _answer(watched_image) == "dev\n2"


def test_a_saved_dockerfile_is_live_and_one_that_fails_leaves_what_was(watched_image: Watched) -> None:
    dockerfile = watched_image.directory / "context" / "Dockerfile"
    dockerfile.write_text(_DOCKERFILE.replace("COPY message", "COPY missing"))
    watched_image.wait_for_line("what was live stays so")
    watched_image.wait_for_line("missing")
    assert _answer(watched_image) == "dev\n2"
    dockerfile.write_text(_DOCKERFILE.replace("COPY message /", "COPY message /other-"))
    eventually(lambda: "No such file" in _answer(watched_image), what="the image of the new Dockerfile")
    dockerfile.write_text(_DOCKERFILE)
    eventually(lambda: _answer(watched_image) == "dev\n2", what="the image of the old one")


def test_a_changed_template_keeps_the_saved_image(watched_image: Watched) -> None:
    (watched_image.directory / "template.yaml").write_text(_TEMPLATE.replace("Default: dev", "Default: prod"))
    watched_image.wait_for_line("stack shop is live after ")
    assert _answer(watched_image) == "prod\n2"


def test_a_stack_that_is_as_it_was_still_gets_its_image_back(watched_image: Watched, place: Path, with_buildah: dict[str, str]) -> None:
    """What is live may have gone past the stack, which then sees no change."""
    copy = shutil.copytree(watched_image.directory, place / "copy" / "shop")
    (watched_image.directory / "context" / "message").write_text("3")
    eventually(lambda: _answer(watched_image) == "prod\n3", what="the saved file is live")
    assert "stack shop is as it was" in deploy(watched_image.server, str(copy), cache=place / "cache", environment=with_buildah)
    assert _answer(watched_image) == "prod\n2"


def test_a_directory_with_a_dockerfile_is_a_function(watched_image: Watched, place: Path, with_buildah: dict[str, str]) -> None:
    server, directory = watched_image.server, shutil.copytree(watched_image.directory / "context", place / "image-of-directory")

    (directory / "message").write_text("3")

    def run(*options: str, expect: int = 0) -> str:
        return deploy(server, str(directory), *options, cache=place / "cache", expect=expect, environment=with_buildah)

    said = run("--memory", "256", "--env", "GREETING=hello")
    assert "image-of-directory is live after" in said
    assert invoke(server, "image-of-directory", "echo $GREETING; cat /message").payload == b"hello\n3"
    with watching(server, directory, cache=place / "cache", environment=with_buildah) as watched:
        (directory / "message").write_text("4")
        watched.wait_for_line("message changed: image-of-directory is live")
    assert invoke(server, "image-of-directory", "echo $GREETING; cat /message").payload == b"hello\n4"
    assert "ENTRYPOINT and CMD" in run("--handler", "app.handler", expect=1)
