"""Programs from Maven Central, at the versions and with the checksums that the lists beside this file have."""

import contextlib
import hashlib
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_REPOSITORY = "https://repo1.maven.org/maven2"
_CACHE = Path(__file__).parents[3] / ".alonzo" / "cache" / "jars"
_TIMEOUT_SECONDS = 60.0
_AT_ONCE = 8
_ATTEMPTS = 3


def class_path(name: str) -> str:
    """What `java -cp` takes for the program whose jars `NAME.jars` lists; fetched when they are not here yet."""
    lines = (Path(__file__).parent / f"{name}.jars").read_text().splitlines()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return os.pathsep.join(map(str, pool.map(_fetch, lines)))


def jar_directory() -> Path:
    """Where they are kept, with the native libraries that some have beside them."""
    return _CACHE


def _fetch(line: str) -> Path:
    sha256, path = line.split()
    jar = _CACHE / path.rpartition("/")[2]
    if not jar.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        content = _download(f"{_REPOSITORY}/{path}")
        assert hashlib.sha256(content).hexdigest() == sha256, f"{path} is not what it should be"
        draft = jar.with_suffix(f".{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(jar)
    return jar


def _download(url: str) -> bytes:
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(OSError):
            return _read(url)
    return _read(url)


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
        content: bytes = response.read()
        return content
