"""`alonzo image`: the container images that functions can be made of."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlencode

import click

from alonzo.cli.client import connect_own, endpoint_option, region_option, upload

IMAGES_PATH = "/_alonzo/images"
_GZIP = b"\x1f\x8b"
_SHOWN_DIGITS = 12


@click.group(short_help="Look after the container images of functions.")
def image() -> None:
    """The container images that functions can be made of (PackageType Image), without Docker and without a registry.

    \b
    Examples:
      docker save hello:latest | gzip > hello.tar.gz && alonzo image load hello.tar.gz
      buildah push hello oci-archive:hello.tar:hello:latest && alonzo image load hello.tar
      alonzo image load ./oci-layout --tag hello:latest
      alonzo image list
      aws lambda create-function --package-type Image --code ImageUri=000000000000.dkr.ecr.us-east-1.amazonaws.com/hello:latest ...
    """


@image.command(short_help="Load an image from an archive or a directory.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--tag", metavar="REPOSITORY:TAG", show_default="as the archive says", help="What the image is called.")
@endpoint_option
@region_option
def load(*, path: Path, tag: str | None, endpoint_url: str, region: str | None) -> None:
    """Load the image at PATH: an archive of `docker save`, `podman save` or `buildah push oci-archive:`, or the directory of an OCI layout.

    Functions find it under its name in any registry: as hello:latest and as 000000000000.dkr.ecr.us-east-1.amazonaws.com/hello:latest. A
    name that includes a registry is found as it is alone.
    """
    query = "" if tag is None else f"?{urlencode({'name': tag})}"
    with _open_archive(path) as archive:
        answer = upload(archive, f"{IMAGES_PATH}{query}", endpoint_url=endpoint_url, region=region)
    for each in answer["images"]:
        click.echo(f"{each['name']} is sha256:{each['digest']}")


@image.command("list", short_help="List the images that were loaded.")
@endpoint_option
@region_option
def list_images(*, endpoint_url: str, region: str | None) -> None:
    """One line a name: the digest of its image, shortened, and the name."""
    with connect_own(endpoint_url=endpoint_url, region=region) as ask:
        images = ask("GET", IMAGES_PATH)["images"]
    for each in images:
        click.echo(f"{each['digest'][:_SHOWN_DIGITS]}  {each['name']}")


@image.command(short_help="Forget the name of an image.")
@click.argument("name")
@endpoint_option
@region_option
def remove(*, name: str, endpoint_url: str, region: str | None) -> None:
    """Forget NAME. The image goes from the disk when it has no other name and no function was made of it."""
    with connect_own(endpoint_url=endpoint_url, region=region) as ask:
        removed = ask("DELETE", f"{IMAGES_PATH}/{quote(name, safe='')}")["removed"]
    click.echo(f"{name} is forgotten; {removed} images were removed from the disk")


@contextmanager
def _open_archive(path: Path) -> Iterator[IO[bytes]]:
    """What is at a path, as a tar file without compression."""
    import gzip
    import shutil
    import tempfile

    if path.is_dir():
        if not (path / "oci-layout").is_file():
            raise click.ClickException(f"{path} is not an OCI image layout: it has no file oci-layout")
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(path, arcname="")
            packed.seek(0)
            yield packed
        return
    with path.open("rb") as file:
        is_compressed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if not is_compressed:
            yield file
            return
        with tempfile.TemporaryFile() as unpacked:
            try:
                with gzip.GzipFile(fileobj=file) as stream:
                    shutil.copyfileobj(stream, unpacked)
            except (OSError, EOFError) as error:
                raise click.ClickException(f"{path} is damaged: {error}") from error
            unpacked.seek(0)
            yield unpacked
