"""Images of templates (SAM's `Metadata`: `Dockerfile`, `DockerContext`, ...), built by docker, podman or buildah.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-build.html.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alonzo.deployment.commands import run_command
from alonzo.deployment.errors import DeploymentError, TemplateInvalid, ToolMissing
from alonzo.deployment.project import Report

LoadImage = Callable[[Path, str], str]
"""Gives the server an archive, under a name; the digest of the image in it. `DeploymentError`, and botocore's errors."""

_TOOLS = ("docker", "podman", "buildah")
_ARCHIVE = "image.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """What a function's image is built of. `dockerfile` lies below the directory `context`."""

    logical_id: str
    context: Path
    dockerfile: Path
    tag: str
    target: str | None
    arguments: tuple[tuple[str, str], ...]


class ImageBuilds:
    """Builds images and brings them to the server."""

    def __init__(self, *, load: LoadImage, report: Report) -> None:
        self._load = load
        self._report = report

    def build(self, request: ImageRequest) -> str:
        """The URI of the image, with its digest: another one is another URI. `DeploymentError` and its kinds; what `load` raises."""
        tool = next((path for name in _TOOLS if (path := shutil.which(name)) is not None), None)
        if tool is None:
            raise ToolMissing(
                f"{request.logical_id} is built from a Dockerfile, for which docker, podman or buildah is needed: none is on the PATH; "
                "install one, or load an image (alonzo image load) and name it by ImageUri"
            )
        repository = f"alonzo/{re.sub('[^a-z0-9]+', '-', request.logical_id.lower()).strip('-')}"
        self._report(f"building the image of {request.logical_id} ({Path(tool).name})")
        try:
            return self._build(tool, request, repository)
        except OSError as error:
            raise DeploymentError(f"{request.logical_id}: {error}") from error

    def _build(self, tool: str, request: ImageRequest, repository: str) -> str:
        name = f"{repository}:{request.tag}"
        run_command(_build_command(tool, request, name), directory=request.context, environment={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
        with tempfile.TemporaryDirectory(prefix="alonzo-image-") as place:
            archive = Path(place) / _ARCHIVE
            run_command(_save_command(tool, name, archive), directory=request.context)
            return f"{repository}@sha256:{self._load(archive, name)}"


def image_request(logical_id: str, metadata: dict[str, Any], *, base: Path) -> ImageRequest | None:
    """What a function's metadata say of its image; None if they have none built. `TemplateInvalid`."""
    dockerfile = metadata.get("Dockerfile")
    if dockerfile is None or metadata.get("SkipBuild") in {True, "true", "True"}:
        return None
    arguments = metadata.get("DockerBuildArgs") or {}
    if not isinstance(arguments, dict):
        raise TemplateInvalid(f"DockerBuildArgs of {logical_id} are not a mapping")
    context = (base / str(metadata.get("DockerContext") or ".")).resolve()
    path = context / str(dockerfile)
    if not path.is_file():
        raise TemplateInvalid(f"Dockerfile of {logical_id} is {dockerfile}, and there is no {path}")
    return ImageRequest(
        logical_id=logical_id,
        context=context,
        dockerfile=path,
        tag=str(metadata.get("DockerTag") or "latest"),
        target=None if metadata.get("DockerBuildTarget") is None else str(metadata["DockerBuildTarget"]),
        arguments=tuple((str(name), str(value)) for name, value in arguments.items()),
    )


def _build_command(tool: str, request: ImageRequest, name: str) -> list[str]:
    target = [] if request.target is None else ["--target", request.target]
    arguments = [part for key, value in request.arguments for part in ("--build-arg", f"{key}={value}")]
    # The others keep what each step has made without being asked, and do not repeat it.
    layers = ["--layers"] if Path(tool).name == "buildah" else []
    return [tool, "build", *layers, "--tag", name, "--file", str(request.dockerfile), *target, *arguments, str(request.context)]


def _save_command(tool: str, name: str, archive: Path) -> list[str]:
    match Path(tool).name:
        case "buildah":
            return [tool, "push", name, f"oci-archive:{archive}"]
        case "podman":
            return [tool, "save", "--format", "oci-archive", "--output", str(archive), name]
        case _:
            return [tool, "save", "--output", str(archive), name]
