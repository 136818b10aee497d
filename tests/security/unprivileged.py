"""A server started by a user who is nobody: rootless sandboxes, in user namespaces."""

import os
import sys
from pathlib import Path

from tests.support.server import ALONZO, Server

import alonzo

_USER = 65_533
_PROCESSES_MAX = 1_500
"""For all that this user runs, so that a fork bomb that gets through does not take the machine along."""


def start_unprivileged(directory: Path, *options: str) -> Server:
    """Start a server as an unprivileged user, with a home directory in `directory`."""
    if os.geteuid() != 0:
        return Server.start(*options, data_directory=directory / "data")
    data_directory = directory / "data"
    data_directory.mkdir()
    for own in (directory, data_directory):
        os.chown(own, _USER, _USER)
    packages = [str(Path(alonzo.__file__).parents[1]), *(path for path in sys.path if path.endswith("site-packages"))]
    command = (
        *("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", "prlimit", f"--nproc={_PROCESSES_MAX}"),
        *(_interpreter_for_all(), "-c", "from alonzo.cli.main import main; main()"),
    )
    environment = {
        "HOME": str(directory),
        "PATH": f"{Path(ALONZO).parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(packages),
    }
    return Server.start(*options, data_directory=data_directory, command=command, environment=environment)


def _interpreter_for_all() -> str:
    """The tests' own interpreter may lie in a home directory that is closed to others."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.executable).resolve(), Path("/usr/bin") / version, Path("/usr/local/bin") / version):
        if candidate.exists() and all(parent.stat().st_mode & 0o001 for parent in candidate.parents):
            return str(candidate)
    raise RuntimeError(f"no {version} that every user may execute: install one in /usr, or run the tests as an ordinary user")
