"""Images by their URIs, and which code may follow which."""

import asyncio
import hashlib

import pytest
from tests.support.images import digest_of_name

from alonzo.functions.code.sources import CodeSource, ContainerImage, check_package_type, resolved_image_uri
from alonzo.functions.errors import InvalidParameter
from alonzo.model.function import CodePackage

DIGEST = "0f" * 32
REGISTRY = "111111111111.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("uri", "repository"),
    [
        ("image", "image"),
        ("image:latest", "image"),
        (f"{REGISTRY}/team/image:1.0", f"{REGISTRY}/team/image"),
        ("localhost:5000/image", "localhost:5000/image"),
        ("localhost:5000/image:tag", "localhost:5000/image"),
    ],
)
def test_an_image_is_kept_by_its_digest(uri: str, repository: str) -> None:
    package = _admitted(uri)
    assert (package.image_uri, package.size_bytes) == (uri, 0)
    assert package.shown_sha256 == hashlib.sha256(uri.encode()).hexdigest()
    assert resolved_image_uri(package) == f"{repository}@sha256:{package.sha256}"


@pytest.mark.parametrize("uri", [f"image@sha256:{DIGEST}", f"image:latest@sha256:{DIGEST}"])
def test_an_image_with_a_digest_keeps_it(uri: str) -> None:
    package = _admitted(uri)
    assert package.shown_sha256 == DIGEST
    assert resolved_image_uri(package) == f"image@sha256:{DIGEST}"


@pytest.mark.parametrize("uri", ["", "two words", "image@sha256:short", f"image@md5:{DIGEST}", "image\n"])
def test_what_is_no_image(uri: str) -> None:
    with pytest.raises(InvalidParameter, match="Provide a valid source image"):
        _admitted(uri)


def _admitted(uri: str) -> CodePackage:
    return asyncio.run(ContainerImage(uri).to_package(digest_of_name))


@pytest.mark.parametrize(
    ("code", "package_type", "is_allowed"),
    [(b"", "Zip", True), (b"", "Image", False), (ContainerImage("image"), "Image", True), (ContainerImage("image"), "Zip", False)],
)
def test_code_of_one_kind_is_followed_by_its_own(code: CodeSource, package_type: str, *, is_allowed: bool) -> None:
    if is_allowed:
        check_package_type(code, package_type)
    else:
        with pytest.raises(InvalidParameter, match=f"with packageType {package_type}"):
            check_package_type(code, package_type)
