"""The last steps before code of a function runs: descriptors, limits, user, capabilities, system call filter.

Runs in the runtime's process after its fork from init. The order matters and is explained at each step; nothing here can be undone later.
"""

from __future__ import annotations

import os
import resource
import signal

from alonzo.guest import linux

USER_ID = 993
GROUP_ID = 990
"""What functions see of themselves on AWS (`sbx_user1051`)."""

CLONES_DESCRIPTOR = 60
"""Where the runtime of a sandbox that may be cloned is asked to fork (`template.py`)."""

RUNTIME_API_DESCRIPTOR = 61
"""The runtime's own connection to the Runtime API, for runtimes that know of it."""

TELEMETRY_DESCRIPTOR = 62
"""The descriptor of the framed log protocol, as recorded from AWS (`_LAMBDA_TELEMETRY_LOG_FD`)."""

_FIRST_DESCRIPTOR = 3

RELEASE_DESCRIPTOR = 63
"""The socket to init at which the runtime's process waits to be let go; closed before it runs anything of the function's."""


def attach_descriptors(*, log_pipe: int, release: int, runtime_api: int, clones: int | None) -> None:
    """Standard input is empty; standard output, standard error and the framed log share one pipe, so that their order is kept."""
    os.dup2(release, RELEASE_DESCRIPTOR, inheritable=False)
    if clones is not None:
        os.dup2(clones, CLONES_DESCRIPTOR, inheritable=False)
    _attach_null()
    attach_environment(log_pipe=log_pipe, runtime_api=runtime_api)


def attach_environment(*, log_pipe: int, runtime_api: int) -> None:
    """What belongs to one environment: its connection to the Runtime API, and its log."""
    os.dup2(runtime_api, RUNTIME_API_DESCRIPTOR, inheritable=False)
    os.dup2(log_pipe, TELEMETRY_DESCRIPTOR)
    _attach_output(log_pipe)


def attach_side(log_pipe: int, *, keep: int) -> int:
    """For programs beside the runtime: the same, and nothing else but `keep` (until they are executed), whose new number is returned.

    It may lie above the limit of descriptors, where the fork has put it; 3 is the first behind the streams.
    """
    kept, log_pipe = os.dup(keep), os.dup(log_pipe)  # so that neither lies where the other one goes
    _attach_null()
    _attach_output(log_pipe)
    os.dup2(kept, _FIRST_DESCRIPTOR, inheritable=False)
    return _FIRST_DESCRIPTOR


def _attach_null() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)


def _attach_output(log_pipe: int) -> None:
    for descriptor in (1, 2):
        os.dup2(log_pipe, descriptor)


def close_foreign_descriptors(limit: int, *, clonable: bool) -> None:
    """Close everything else that the fork has copied: control sockets above all."""
    os.closerange(3, CLONES_DESCRIPTOR if clonable else RUNTIME_API_DESCRIPTOR)
    os.closerange(RELEASE_DESCRIPTOR + 1, limit)


def limit_resources(descriptors: int, processes: int | None) -> None:
    """setrlimit(2): no core dumps, so many descriptors; so many processes where they are counted for this sandbox alone.

    The core limit of 1 is special: unlike 0 it also keeps the kernel from starting the host's collector of core dumps (core(5)). Where the
    host has forbidden core dumps already, that stays.
    """
    core = 0 if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    if processes is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def give_up_privileges(seccomp_filter: linux.SeccompFilter | None) -> None:
    """Become the sandbox's user, in the user namespace whose map init has just written, for good."""
    linux.drop_bounding_capabilities()
    os.setresgid(GROUP_ID, GROUP_ID, GROUP_ID)
    os.setresuid(USER_ID, USER_ID, USER_ID)
    # The user namespace has no user 0, so the kernel does not drop capabilities at setresuid by itself (cap_emulate_setxuid()).
    linux.drop_capabilities()
    # A change of user makes a process undumpable, and its /proc/self would belong to root.
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.restrict_scope()
    if seccomp_filter is not None:
        seccomp_filter.install()


def give_up_namespace_privileges() -> None:
    """Of a process that has joined a user namespace, and with it all capabilities in there: keep none, and be nobody's but one's own."""
    linux.drop_bounding_capabilities()
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    linux.restrict_scope()
