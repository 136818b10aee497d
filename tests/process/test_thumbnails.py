"""A function with a compiled dependency, built by pip and deployed by the AWS CLI, works on real images."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

EXAMPLE = Path(__file__).parents[2] / "examples" / "thumbnails"

SMALL, LARGE = 64, 256

TOLERANCE = {"JPEG": 12, "WEBP": 12, "PNG": 1}
"""Of 255. JPEG and WebP halve the colours' resolution, which costs 10 in the small sizes; the mirrored image is 65 away."""


class RunningServer(Protocol):
    """What these tests need of the `server` fixture."""

    endpoint_url: str

    def client(self, service: str) -> Any:
        """A boto3 client of the server."""


def run_script(name: str, **variables: str) -> None:
    """Run a script of the example with this installation's python3 and aws first on PATH."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [EXAMPLE / name],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | credentials | {"PATH": path} | variables,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the built package."""
    build = tmp_path_factory.mktemp("thumbnails")
    run_script("build.sh", BUILD=str(build), PYTHON=sys.executable)
    return build


@pytest.fixture(scope="module")
def thumbnails(server: RunningServer, package: Path) -> Any:
    """Calls the function, which was deployed and deployed again, with an event; gives the whole answer."""
    for _ in range(2):
        run_script("deploy.sh", BUILD=str(package), AWS_ENDPOINT_URL=server.endpoint_url)
    client = server.client("lambda")

    def call(event: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        answer = client.invoke(FunctionName="thumbnails", Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    return call


def decode(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def difference(left: Image.Image, right: Image.Image) -> float:
    """How far two images are from each other on a white ground: the mean over all pixels and channels, of 255."""
    channels = ImageStat.Stat(ImageChops.difference(on_white(left), on_white(right))).mean
    return sum(channels) / len(channels)


def on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


@pytest.mark.parametrize(
    ("name", "image_format", "width", "height"),
    [("waves.jpg", "JPEG", 1200, 800), ("turned.jpg", "JPEG", 400, 600), ("rings.png", "PNG", 512, 512), ("waves.webp", "WEBP", 900, 600)],
)
def test_makes_thumbnails_that_look_like_the_image(thumbnails: Any, name: str, image_format: str, width: int, height: int) -> None:
    file = (EXAMPLE / "images" / name).read_bytes()
    result, error = thumbnails({"image": base64.b64encode(file).decode(), "sizes": [SMALL, LARGE]})
    assert error is None, result
    assert (result["format"], result["width"], result["height"]) == (image_format, width, height)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    for thumbnail, size in zip(result["thumbnails"], (SMALL, LARGE), strict=True):
        image = decode(thumbnail["image"])
        assert image.format == image_format
        assert image.size == (thumbnail["width"], thumbnail["height"])
        assert max(image.size) == size
        assert difference(image, upright.resize(image.size, Image.Resampling.LANCZOS)) < TOLERANCE[image_format]


def test_what_is_no_image_is_an_error_of_the_function(thumbnails: Any) -> None:
    result, error = thumbnails({"image": base64.b64encode(b"GIF89a, not really").decode()})
    assert error == "Unhandled"
    assert result["errorType"] == "UnidentifiedImageError"
