"""Files from the network, which may fail once."""

import contextlib
import hashlib
import os
import urllib.request
from pathlib import Path

_TIMEOUT_SECONDS = 60.0
_ATTEMPTS = 3


def fetched(url: str, path: Path, *, sha256: str) -> Path:
    """The path, with the file there. Several processes may want it at the same time."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        content = _download(url)
        assert hashlib.sha256(content).hexdigest() == sha256, f"{url} is not what it should be"
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(path)
    return path


def _download(url: str) -> bytes:
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(OSError):
            return _read(url)
    return _read(url)


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
        content: bytes = response.read()
        return content
