"""Programs from Maven Central, at the versions and with the checksums that the lists beside this file have."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.downloads import fetched

_REPOSITORY = "https://repo1.maven.org/maven2"
_CACHE = Path(__file__).parents[3] / ".alonzo" / "cache" / "jars"
_AT_ONCE = 8


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
    return fetched(f"{_REPOSITORY}/{path}", _CACHE / path.rpartition("/")[2], sha256=sha256)
