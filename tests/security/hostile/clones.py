"""Attacks of an environment that was forked from a template, on the template and on others that were forked from it."""

from __future__ import annotations

import ctypes
import errno
import os
import pathlib
import signal
import time
from typing import Any

SEED = pathlib.Path("/tmp/seed")
SEED.write_text("from INIT")
OPEN = SEED.open()
OPEN.read(5)
BORN = os.urandom(8).hex()
LIBC = ctypes.CDLL(None, use_errno=True)
_NAMESPACES = {"mnt": 0x00020000, "uts": 0x04000000, "ipc": 0x08000000, "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}


def live(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Leave a mark and look for those of others; stay for `seconds`."""
    del context
    mark = event["mark"]
    pathlib.Path(f"/tmp/{mark}").write_text(mark)
    own_key = 4000 + int(mark)
    shared = LIBC.shmget(own_key, 4096, 0o1666)
    deadline = time.monotonic() + event["seconds"]
    while time.monotonic() < deadline:
        time.sleep(0.02)
    keys = range(4000, 4016)
    return {
        "born": BORN,
        "rest of the open file": OPEN.read(),
        "files": sorted(path.name for path in pathlib.Path("/tmp").iterdir()),
        "tmp_mib": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize >> 20,
        "shared": shared >= 0,
        "keys of others": [key for key in keys if key != own_key and LIBC.shmget(key, 0, 0) >= 0],
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()),
    }


def fill_memory(event: dict[str, Any], context: object) -> int:
    """Beyond any limit."""
    del event, context
    return len(bytearray(os.urandom(1)) * (1 << 30))


def attack(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Everything that a clone might have kept of what it was given to become one; with a mark, be a clone that is attacked."""
    if "mark" in event:
        return live(event, context)
    status = dict(line.split(":\t", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    outcome: dict[str, Any] = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")}
    for name, kind in _NAMESPACES.items():
        descriptor = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
        outcome[f"setns {name}"] = _try(LIBC.setns, descriptor, kind)
        os.close(descriptor)
    outcome["unshare"] = _try(LIBC.unshare, _NAMESPACES["user"])
    outcome["umount"] = _try(LIBC.umount2, b"/tmp", 2)
    outcome["mount"] = _try(LIBC.mount, b"none", b"/tmp", b"tmpfs", 0, None)
    outcome["chroot"] = _try(LIBC.chroot, b"/tmp")
    LIBC.kill(-1, int(signal.SIGKILL))  # it answers the same, whomever it has reached
    outcome["reached"] = [process for process in range(1, 400) if process != os.getpid() and _reaches(process)]
    return outcome


def _reaches(process: int) -> bool:
    """By a signal, or by a look into it."""
    try:
        os.kill(process, 0)
    except OSError:
        pass
    else:
        return True
    for path in (f"/proc/{process}/mem", f"/proc/{process}/environ", f"/proc/{process}/root", f"/proc/{process}/ns/user"):
        try:
            if path.endswith(("root", "user")):
                os.readlink(path)
            else:
                os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        return True
    return False


def _try(call: Any, *arguments: Any) -> str:
    return "worked" if call(*arguments) == 0 else errno.errorcode[ctypes.get_errno()]
