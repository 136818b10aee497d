"""AWS's runtime interface client for Java: fetched from Maven Central when the first Java function needs it, checked, and kept for good."""

import asyncio
import hashlib
import os
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from alonzo import ids
from alonzo.runtimes.interpreters import RuntimeUnavailable
from alonzo.runtimes.searching import client_cache

MAIN_CLASS = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
_REPOSITORY = "https://repo1.maven.org/maven2"
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Jar:
    """An artifact's path in a Maven repository, and the SHA-256 of its bytes."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


_JARS = (
    _Jar(
        "com/amazonaws/aws-lambda-java-runtime-interface-client/2.9.0/aws-lambda-java-runtime-interface-client-2.9.0.jar",
        "26568a5f63bf9e921567e77661be425650abc8972bae2aa0b7e99bab4e4239d9",
    ),
    _Jar(
        "com/amazonaws/aws-lambda-java-core/1.4.0/aws-lambda-java-core-1.4.0.jar",
        "575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed",
    ),
    _Jar(
        "com/amazonaws/aws-lambda-java-serialization/1.2.0/aws-lambda-java-serialization-1.2.0.jar",
        "1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7",
    ),
    _Jar(
        "software/amazon/awssdk/utils-lite/2.34.0/utils-lite-2.34.0.jar",
        "efaf784f07ae526f0b5c89d71ef21cf16636131c47d44616e3df9bedc3f4f89a",
    ),
)
"""The client of 2.9.0 with all that it requires at run time, as Maven Central has them."""


CLIENT_JARS = tuple(jar.name for jar in _JARS)
"""The class path, in its order."""

_MODIFIED_AT = 1_000_000_000
"""Of every copy: archives of classes are good for jars of one size and age."""


async def ensure_java_client(directory: Path, *, cache: Path) -> None:
    """Have the client's jars in `directory`, from `cache` or from Maven Central. `RuntimeUnavailable` says why that cannot be."""
    await asyncio.to_thread(_ensure, directory, cache)


def default_cache() -> Path:
    """Where what is fetched is kept for all data directories of a user."""
    return client_cache() / "maven"


def _ensure(directory: Path, cache: Path) -> None:
    for jar in _JARS:
        target = directory / jar.name
        if not target.exists():
            directory.mkdir(parents=True, exist_ok=True)
            draft = directory / f".{jar.name}.{ids.new_hex_id(4)}"  # two functions may need it first at once
            shutil.copyfile(_cached(jar, cache), draft)
            os.utime(draft, (_MODIFIED_AT, _MODIFIED_AT))
            draft.replace(target)


def _cached(jar: _Jar, cache: Path) -> Path:
    file = cache / jar.name
    if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != jar.sha256:
        content = _fetch(jar)
        cache.mkdir(parents=True, exist_ok=True)
        draft = cache / f".{jar.name}.{ids.new_hex_id(4)}"  # two functions may need it first at once
        draft.write_bytes(content)
        draft.replace(file)
    return file


def _fetch(jar: _Jar) -> bytes:
    url = f"{_REPOSITORY}/{jar.path}"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  # an https address of ours
            content: bytes = response.read()
    except OSError as error:
        raise RuntimeUnavailable(f"Java functions need AWS's runtime client from {url}, which cannot be fetched: {error}") from error
    if hashlib.sha256(content).hexdigest() != jar.sha256:
        raise RuntimeUnavailable(f"{url} is not what it should be: its SHA-256 differs")
    return content
