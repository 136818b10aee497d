"""Functions that look for, and write to, what is not theirs."""

import ctypes
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from attempts import attempt, read_from, write_to

_PLACES = (
    "/",
    "/var/task",
    "/var/runtime",
    "/var/lang",
    "/opt",
    "/usr",
    "/etc",
    "/dev",
    "/bin",
    "/.alonzo",
    "/proc",
    "/root",
    "/home",
    "/sys",
)
_KERNEL_SWITCHES = (
    "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward",
    "/proc/sysrq-trigger", "/proc/1/mem", "/proc/1/oom_score_adj", "/proc/1/attr/current", "/proc/self/uid_map", "/proc/self/setgroups",
    "/dev/kmsg", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/cgroup.procs", "/etc/passwd", "/etc/resolv.conf", "/etc/ld.so.cache",
)  # fmt: skip


def write_outside_tmp(_event: Any, _context: Any) -> dict[str, str]:
    outcomes = {place: attempt(write_to, f"{place}/intruder") for place in _PLACES}
    outcomes |= {path: attempt(write_to, path) for path in _KERNEL_SWITCHES}
    for path in ("/var/task/files.py", "/var/runtime/alonzo/guest/init.py", sys.executable):
        outcomes[f"overwrite {path}"] = attempt(write_to, path)
        outcomes[f"unlink {path}"] = attempt(os.unlink, path)
        outcomes[f"chmod {path}"] = attempt(os.chmod, path, 0o777)
    outcomes["rename /var/task"] = attempt(os.rename, "/var/task", "/var/mine")
    outcomes["rename file"] = attempt(os.rename, "/var/task/files.py", "/var/task/mine.py")
    outcomes["hard link"] = attempt(os.link, "/var/task/files.py", "/tmp/linked")
    outcomes["reopen through /proc"] = attempt(_reopen_for_writing, "/var/task/files.py")
    return outcomes


def read(event: list[str], _context: Any) -> dict[str, str]:
    return {path: attempt(read_from, path) for path in event}


def find(event: str, _context: Any) -> list[str]:
    """Where a text stands in the name of any visible file, or in any process's environment, arguments, or mounts."""
    found = []
    for directory, names, files in os.walk("/"):
        if directory in {"/", "/var"}:
            names[:] = [name for name in names if name not in {"proc", "usr", "lang"}]
        found += [f"{directory}/{name}" for name in [*names, *files] if event in name]
    for process in _visible_processes():
        for file in ("environ", "cmdline", "mountinfo", "maps"):
            try:
                text = Path(f"/proc/{process}/{file}").read_bytes()
            except OSError:
                continue
            if event.encode() in text:
                found.append(f"/proc/{process}/{file}")
    return found


def look_around(_event: Any, _context: Any) -> dict[str, Any]:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return {
        "processes": _visible_processes(),
        "own": os.getpid(),
        "status": {
            name: status[name] for name in ("Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
        },
        "mounts": [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()],
        "descriptors": {name: _link("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd")},
        "devices": sorted(os.listdir("/dev")),
        "root": sorted(os.listdir("/")),
        "cgroup": Path("/proc/self/cgroup").read_text(),
        "variables": dict(os.environ),
        "initial_variables": Path("/proc/self/environ").read_text(),
    }


def follow_links(_event: Any, _context: Any) -> dict[str, str]:
    outcomes = {}
    targets = (
        "/etc/shadow",
        "/proc/1/root/etc/shadow",
        "/proc/1/cwd",
        "/proc/1/fd/3",
        "../" * 9 + "root",
        "/.alonzo/code",
        "/.alonzo/dev/loop0",
    )
    for number, target in enumerate(targets):
        os.symlink(target, f"/tmp/link-{number}")
        outcomes[target] = attempt(read_from, f"/tmp/link-{number}")
    return outcomes


def become_root(_event: Any, _context: Any) -> dict[str, Any]:
    """Through set-user-ID programs: the distribution's and one of its own."""
    own = Path("/tmp/own-id")
    own.write_bytes(Path("/usr/bin/id").read_bytes())
    own.chmod(0o6755)
    programs = [path for path in Path("/usr/bin").iterdir() if path.is_file() and path.stat().st_mode & stat.S_ISUID]
    return {
        "own": subprocess.run([own, "-u"], capture_output=True, text=True, check=False).stdout.strip(),
        "su": subprocess.run(["/usr/bin/su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode,
        "found": len(programs),
        "setuid": attempt(os.setuid, 0),
        "setgid": attempt(os.setgid, 0),
        "setgroups": attempt(os.setgroups, [0]),
        "chown": attempt(os.chown, own, 0, 0),
    }


def open_devices(_event: Any, _context: Any) -> dict[str, str]:
    devices = (
        "mem",
        "kmem",
        "port",
        "kmsg",
        "loop0",
        "loop-control",
        "vda",
        "sda",
        "tty",
        "tty0",
        "console",
        "ptmx",
        "kvm",
        "fuse",
        "net/tun",
        "shm",
    )
    outcomes = {name: attempt(read_from, f"/dev/{name}") for name in devices}
    outcomes["mknod"] = attempt(os.mknod, "/tmp/device", 0o600 | stat.S_IFBLK, os.makedev(7, 0))
    return outcomes


def poison_memory(_event: Any, _context: Any) -> dict[str, str]:
    """Write over memory that was copied from the zygote: a string object and the interpreter's own machine code."""
    text = sys.version
    address = id(text) + sys.getsizeof(text) - len(text) - 1
    code = ctypes.cast(ctypes.pythonapi.Py_GetVersion, ctypes.c_void_p).value or 0

    def poke(place: int, data: bytes) -> None:
        descriptor = os.open("/proc/self/mem", os.O_RDWR)
        try:
            os.pwrite(descriptor, data, place)
        finally:
            os.close(descriptor)

    return {"object": attempt(poke, address, b"poisoned"), "code": attempt(poke, code, b"\xcc"), "now": sys.version[:8]}


def tell_version(_event: Any, _context: Any) -> list[str]:
    version = ctypes.pythonapi.Py_GetVersion
    version.restype = ctypes.c_char_p
    return [sys.version[:8], version().decode()[:8]]


def _reopen_for_writing(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR))
    finally:
        os.close(descriptor)


def _visible_processes() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
