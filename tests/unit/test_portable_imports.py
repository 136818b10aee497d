"""Every module can be imported where nothing is Linux's own: what is Linux's alone is asked for when it is used, and guarded."""

import subprocess
import sys
from pathlib import Path

import pytest

import alonzo

SOURCE = Path(alonzo.__file__).parent
SUPPORT = Path(__file__).parents[1] / "support"


def modules() -> list[str]:
    paths = (path.relative_to(SOURCE.parent).with_suffix("") for path in sorted(SOURCE.rglob("*.py")))
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


def run(program: str) -> str:
    command = [
        sys.executable,
        "-c",
        f"import psutil, sys, uvloop; sys.path.insert(0, {str(SUPPORT)!r}); import without_linux; del sys.path[0]\n{program}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_can_be_imported() -> None:
    names = modules()
    assert {"alonzo.node.main", "alonzo.guest.linux", "alonzo.guest.zygote", "alonzo.sandbox.cgroups"} <= set(names)
    assert run(f"import importlib\nfor name in {names!r}: importlib.import_module(name)\nprint(sys.platform)") == "darwin\n"


@pytest.mark.parametrize(
    "attempt",
    [
        "os.pipe2(0)",
        "socket.socketpair(socket.AF_UNIX, 5)",
        "socket.socket(16, socket.SOCK_RAW)",
        "open('/proc/self/status')",
        "os.listdir('/sys/fs/cgroup')",
        "os.stat('/proc/self')",
        "ctypes.CDLL(None).prctl",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (10_241, 20_000))",
        "os.sched_setscheduler",
    ],
)
def test_the_test_itself_takes_things_away(attempt: str) -> None:
    program = "import ctypes, os, resource, socket\ntry:\n    {}\nexcept (AttributeError, OSError, ValueError): print('refused')"
    assert run(program.format(attempt)) == "refused\n"
