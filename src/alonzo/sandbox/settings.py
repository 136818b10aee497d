"""How sandboxes are built on this host: decided once at start, the same for every zygote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alonzo.sandbox.cgroups import Cgroups, SandboxLimits
from alonzo.sandbox.resource_usage import ResourceReader

FIRST_USER_ID = 1_900_000_000
"""User ids of sandboxes: above everything that distributions and container tools hand out (systemd, "Users, Groups, UIDs and GIDs")."""
USER_IDS_PER_NODE = 65_536


class Isolation(StrEnum):
    """What separates functions from the host and from each other."""

    NAMESPACES = "namespaces"
    PROCESS = "process"


class Network(StrEnum):
    """What an environment's network is."""

    HOST = "host"
    ISOLATED = "isolated"


TRUSTED_CERTIFICATES = "/etc/alonzo-ca.pem"
"""Where isolated sandboxes see that file."""


class TmpKind(StrEnum):
    """What /tmp of a sandbox lies on."""

    IMAGE = "image"
    """A sparse ext4 image on disk, mounted through a loop device: not counted as memory, capped by its size."""
    TMPFS = "tmpfs"
    """Memory, capped: where loop devices are not to be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """Everything that the sandboxes of a node have in common."""

    isolation: Isolation
    network: Network
    rootless: bool
    tmp_kind: TmpKind
    default_tmp_mib: int
    descriptors: int
    processes: int
    endpoint_port: int
    response_address: tuple[str, int] | None
    """Where custom resources are answered in a network of a sandbox's own; None: nowhere."""
    trusted_certificates: Path
    """A file that all sandboxes see, whatever is written into it: the certificate of the node's own authority, once there is one."""
    first_user: int
    code_directory: Path
    tmp_directory: Path
    root_directory: Path
    packages: Path
    cgroups: Cgroups
    seccomp_program: bytes
    clonable_seccomp_program: bytes
    """Of sandboxes that may be cloned."""

    def find_trusted_certificates(self) -> str | None:
        """Where a sandbox finds them from now on; None while there are none. One `stat`."""
        if not self.trusted_certificates.stat().st_size:
            return None
        return TRUSTED_CERTIFICATES if self.isolated else str(self.trusted_certificates)

    @property
    def may_clone(self) -> bool:
        """Whether a runtime may be forked into environments of their own: each must be counted, limited and ended alone."""
        return self.isolated and not self.rootless and {"memory", "pids"} <= self.cgroups.controllers

    @property
    def isolated(self) -> bool:
        """Whether sandboxes have namespaces of their own."""
        return self.isolation is Isolation.NAMESPACES

    def resource_reader(self, sandbox_id: str, processes: Callable[[], Sequence[int]]) -> ResourceReader:
        """What a sandbox or clone has used is read with."""
        return ResourceReader(
            processes=processes,
            cpu_file=self.cgroups.cpu_file(sandbox_id),
            has_own_network=self.isolated and self.network is Network.ISOLATED,
            has_own_tmp=self.isolated,
        )

    def limits(self, *, memory_mib: int, crowd: int = 1) -> dict[str, str]:
        """The control group files to write for one sandbox."""
        return self.cgroups.limits(SandboxLimits(memory_mib=memory_mib, processes=self.processes, crowd=crowd))
