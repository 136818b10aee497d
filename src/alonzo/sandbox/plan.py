"""The root file system of sandboxes, as a list of steps.

Pure: looks at the host's layout through what it is given, changes nothing. The guest's `steps.py` carries the list out. What a function
sees is in this file and nowhere else: the distribution's programs and libraries (read-only), the interpreter at /var/lang, the runtime's
packages at /var/runtime, a few devices, and files in /etc that say nothing of the host but how to resolve names and trust certificates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Step = dict[str, Any]

_MERGED_DIRECTORIES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_TRUST_DIRECTORIES = ("/etc/ssl", "/etc/pki", "/etc/ca-certificates")
_KEY_DIRECTORIES = ("/etc/ssl/private", "/etc/pki/tls/private")
_COPIED_FILES = ("resolv.conf", "services", "protocols", "mime.types")
_MASKED_DIRECTORIES = ("/usr/local", "/usr/src", "/usr/share/doc")

_USERS_FILE = """root:x:0:0:root:/root:/sbin/nologin
sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
"""
_GROUP = "root:x:0:\nsbx_user1051:x:990:\nnogroup:x:65534:\n"
_NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
_HOSTS = "127.0.0.1 localhost sandbox sandbox.localdomain\n::1 localhost\n"


@dataclass(frozen=True, slots=True)
class Shown:
    """A directory of the host and where a sandbox shows it, read-only."""

    source: Path
    place: Path


MASKED_PROC_FILES = ("kcore", "keys", "kallsyms", "config.gz")
"""The kernel's memory, and what any user may read of the host. Others (kmsg, timer_list, …) are for root alone, which nobody is."""


def root_plan(
    *,
    interpreter_prefix: Path,
    interpreter_version: tuple[int, int],
    packages: Path,
    shown: Sequence[Shown] = (),
    workplaces: dict[str, Path],
    host: Path = Path("/"),
    recursive: bool = False,
) -> Sequence[Step]:
    """The steps for one interpreter.

    `shown` are further directories; below `packages` their places must be there already.
    `workplaces` are directories of the host that inits need while they set up; they are unmounted before code of a function runs.
    `recursive` binds whole trees with what is mounted in them: inside a user namespace the kernel refuses to take them apart
    (mount_namespaces(7), locked mounts).
    """
    return [
        *(_directory(path) for path in ("/var/task", "/var/lang", "/var/runtime", "/opt", "/tmp", "/proc", "/dev", "/etc", "/.alonzo")),
        *_programs(host, recursive),
        *_interpreter(interpreter_prefix, interpreter_version, recursive),
        {"kind": "bind", "source": str(packages), "path": "/var/runtime", "recursive": recursive},
        *({"kind": "bind", "source": str(each.source), "path": str(each.place), "recursive": recursive} for each in shown),
        *_devices(),
        *_etc(host, recursive),
        *({"kind": "workplace", "source": str(source), "path": f"/.alonzo/{name}"} for name, source in workplaces.items()),
    ]


def masked_proc_files(host: Path = Path("/")) -> list[str]:
    """Those of the telling files in /proc that this kernel has."""
    return [name for name in MASKED_PROC_FILES if (host / "proc" / name).exists()]


def _directory(path: str) -> Step:
    return {"kind": "directory", "path": path}


def _programs(host: Path, recursive: bool) -> Iterator[Step]:
    yield {"kind": "bind", "source": str(host / "usr"), "path": "/usr", "recursive": recursive}
    for path in _MASKED_DIRECTORIES:
        yield {"kind": "mask", "path": path}
    for name in _MERGED_DIRECTORIES:
        directory = host / name
        if directory.is_symlink():
            yield {"kind": "symlink", "target": str(directory.readlink()), "path": f"/{name}"}
        elif directory.is_dir():
            yield {"kind": "bind", "source": str(directory), "path": f"/{name}", "recursive": recursive}


def _interpreter(prefix: Path, version: tuple[int, int], recursive: bool) -> Iterator[Step]:
    yield {"kind": "bind", "source": str(prefix), "path": "/var/lang", "recursive": recursive}
    # What the host's owner has installed there is not for functions: on AWS they see boto3 and nothing else.
    yield {"kind": "mask", "path": f"/var/lang/lib/python{version[0]}.{version[1]}/site-packages"}
    for path in _MASKED_DIRECTORIES:
        # The distribution's own interpreter has /usr as its prefix: what is masked there shall not come back here.
        yield {"kind": "mask", "path": path.replace("/usr", "/var/lang", 1)}


def _devices() -> Iterator[Step]:
    for name in _DEVICES:
        yield {"kind": "device", "source": f"/dev/{name}", "path": f"/dev/{name}"}
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        yield {"kind": "symlink", "target": target, "path": f"/dev/{name}"}


def _etc(host: Path, recursive: bool) -> Iterator[Step]:
    for name, content in (("passwd", _USERS_FILE), ("group", _GROUP), ("nsswitch.conf", _NSSWITCH), ("hosts", _HOSTS)):
        yield {"kind": "file", "path": f"/etc/{name}", "content": content}
    for name in _COPIED_FILES:
        source = host / "etc" / name
        if source.is_file():
            yield {"kind": "file", "path": f"/etc/{name}", "content": source.read_text(errors="replace")}
    for path in ("/etc/ld.so.cache", "/etc/alternatives", *_TRUST_DIRECTORIES):
        source = host / path.lstrip("/")
        if source.exists():
            yield {"kind": "bind", "source": str(source.resolve()), "path": path, "recursive": recursive}
    for directory in sorted((host / "etc").glob("java-*-openjdk")):  # where Debian keeps what a Java home links to
        yield {"kind": "bind", "source": str(directory), "path": f"/etc/{directory.name}", "recursive": recursive}
    # Rootless sandboxes are in the groups of the node's user, which may be one that reads keys.
    for path in _KEY_DIRECTORIES:
        if (host / path.lstrip("/")).exists():
            yield {"kind": "mask", "path": path}
