"""Installs peers from PyPI and npm, in the versions that are pinned, below a directory of the bench's own."""

import hashlib
import subprocess
import sys
from pathlib import Path

from bench.peers.peer import Peer

ROOT = Path(__file__).parents[2] / ".alonzo" / "peers"
"""Not part of what is checked in; `make clean` removes it."""

_DONE = "installed"


class CannotInstall(RuntimeError):
    """What pip or npm said."""


def is_installed(peer: Peer) -> bool:
    """Whether `install` has nothing left to do."""
    return (_home_of(peer) / _DONE).exists()


def install(peer: Peer) -> Path:
    """Where it is: `venv/` has its Python packages, `node_modules/` those of npm. Once for each set of versions. CannotInstall."""
    home = _home_of(peer)
    if is_installed(peer):
        return home
    home.mkdir(parents=True, exist_ok=True)
    if peer.python:
        _run([sys.executable, "-m", "venv", "--clear", str(home / "venv")], home)
        _run([str(home / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.python], home)
    if peer.npm:
        (home / "package.json").write_text('{"private": true}\n')
        _run(["npm", "install", "--no-audit", "--no-fund", "--silent", *peer.npm], home)
    (home / _DONE).write_text(_pinned(peer))
    return home


def _home_of(peer: Peer) -> Path:
    return ROOT / f"{peer.name}-{hashlib.sha256(_pinned(peer).encode()).hexdigest()[:12]}"


def _pinned(peer: Peer) -> str:
    return "\n".join((*peer.python, *peer.npm))


def _run(command: list[str], directory: Path) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotInstall(f"{command[0]} is not installed here") from error
    except subprocess.CalledProcessError as error:
        raise CannotInstall(f"{' '.join(command)}: {error.stderr[-500:]}") from error
