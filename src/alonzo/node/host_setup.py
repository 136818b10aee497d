"""What a node finds and makes on its host before it can build sandboxes."""

import asyncio
import hashlib
import logging
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from alonzo.edge.response_door import address_of, ports_of
from alonzo.edge.tls.settings import trust_file
from alonzo.model import quotas
from alonzo.node.configuration import Configuration
from alonzo.node.programs import Programs
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.interpreters import PythonInterpreter
from alonzo.sandbox.cgroups import Cgroups, has_processes, open_cgroups
from alonzo.sandbox.host import choose_tmp_kind, inspect, is_rootless
from alonzo.sandbox.seccomp import filter_program
from alonzo.sandbox.settings import FIRST_USER_ID, USER_IDS_PER_NODE, Isolation, Network, SandboxSettings, TmpKind
from alonzo.sandbox.tmp_images import TmpImages, find_mkfs
from alonzo.sandbox.users import SharedUser, UserIds

_log = logging.getLogger(__name__)

_NODES_WITH_OWN_USERS = 3_000
_SANDBOXES_END_SECONDS, _POLL_SECONDS = 5.0, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What sandboxes are built with."""

    settings: SandboxSettings
    interpreters: tuple[PythonInterpreter, ...]
    places: SearchPlaces
    """Where programs of other languages are looked for, when a function needs one."""
    tmp_images: TmpImages | None
    users: UserIds


async def set_up_host(configuration: Configuration, *, programs: Programs, endpoint_port: int) -> Host:
    """Make directories and control groups; say by name what the host cannot give. SetupError.

    To be called with the data directory locked: what an earlier node has left there is removed.
    """
    data = configuration.data_directory
    for name in ("code", "tmp", "root"):
        (data / name).mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)  # sandboxes get what they need of it by mounts that are made before they give up privileges
    _remove_leftovers(data / "tmp")
    isolated = configuration.isolation is Isolation.NAMESPACES
    cgroups = _cgroups(configuration) if isolated else Cgroups((), (), configuration.cpu)
    settings = SandboxSettings(
        isolation=configuration.isolation,
        network=configuration.network,
        rootless=is_rootless(),
        tmp_kind=choose_tmp_kind() if isolated else TmpKind.TMPFS,
        default_tmp_mib=quotas.EPHEMERAL_STORAGE_MIN_MIB,
        descriptors=quotas.FILE_DESCRIPTORS_MAX,
        processes=quotas.PROCESSES_MAX if "cpu" in cgroups.controllers else quotas.PROCESSES_WITHOUT_CPU_LIMIT_MAX,
        endpoint_port=endpoint_port,
        response_address=_response_address(configuration),
        trusted_certificates=trust_file(configuration.common_directory),
        first_user=FIRST_USER_ID + _node_number(configuration) * USER_IDS_PER_NODE,
        code_directory=data / "code",
        tmp_directory=data / "tmp",
        root_directory=data / "root",
        packages=programs.packages,
        cgroups=cgroups,
        seccomp_program=filter_program(platform.machine()) if isolated else b"",
        clonable_seccomp_program=filter_program(platform.machine(), joins_namespaces=True) if isolated else b"",
    )
    _say_what_is_missing(configuration, settings.cgroups)
    users = SharedUser() if settings.rootless or not isolated else UserIds(first=settings.first_user, count=USER_IDS_PER_NODE)
    return Host(
        settings=settings,
        interpreters=programs.interpreters,
        places=programs.places,
        tmp_images=await _tmp_images(settings),
        users=users,
    )


def _response_address(configuration: Configuration) -> tuple[str, int] | None:
    """The same for all workers: whose sandbox it is that answers is not known when it is asked."""
    if configuration.network is not Network.ISOLATED or not configuration.has_companion:
        return None
    port = ports_of(configuration.common_directory)[0]
    return address_of(port), port


async def wait_for_sandboxes_to_end(data_directory: Path) -> None:
    """Of a node that has died: its zygotes kill its sandboxes as soon as they see it, which takes a moment."""
    left_seconds = _SANDBOXES_END_SECONDS
    while left_seconds > 0 and await asyncio.to_thread(_has_sandboxes, node_name(data_directory)):
        await asyncio.sleep(_POLL_SECONDS)
        left_seconds -= _POLL_SECONDS


def _has_sandboxes(name: str) -> bool:
    mounts, membership = Path("/proc/self/mountinfo"), Path("/proc/self/cgroup")
    return membership.exists() and has_processes(name, mounts=mounts.read_text(), membership=membership.read_text())


def node_name(data_directory: Path) -> str:
    """A name that is this node's alone on this host, and the same at its next start."""
    return f"alonzo-{hashlib.sha256(bytes(data_directory)).hexdigest()[:12]}"


def _node_number(configuration: Configuration) -> int:
    """Of workers that follow each other the numbers do, too: they have no user id in common."""
    own, number = configuration.data_directory, configuration.worker_number
    shared = own if number is None else own.parent
    first = int.from_bytes(hashlib.sha256(bytes(shared)).digest()[:4], "big")
    return (first + (number or 0)) % _NODES_WITH_OWN_USERS


def _cgroups(configuration: Configuration) -> Cgroups:
    name = node_name(configuration.data_directory)

    def opened() -> Cgroups:
        mounts, membership = Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()
        return open_cgroups(name, configuration.cpu, mounts=mounts, membership=membership)

    opened().remove()  # what a killed node and its killed zygotes have left
    return opened()


async def _tmp_images(settings: SandboxSettings) -> TmpImages | None:
    mkfs = find_mkfs()
    if settings.tmp_kind is not TmpKind.IMAGE or mkfs is None:
        return None
    images = TmpImages(directory=settings.tmp_directory, mkfs=mkfs)
    await images.ensure(settings.default_tmp_mib)
    return images


def _remove_leftovers(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _say_what_is_missing(configuration: Configuration, cgroups: Cgroups) -> None:
    if configuration.isolation is Isolation.PROCESS:
        _log.warning("functions are NOT isolated (--isolation process): they can read, change and stop whatever you can")
        return
    for fact in inspect(cgroups.controllers):
        if not fact.available:
            _log.warning("%s: %s%s", fact.name, fact.detail, f" ({fact.remedy})" if fact.remedy else "")
