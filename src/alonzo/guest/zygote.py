"""The zygote: a small single-threaded process with the runtime's interpreter and client already imported, which forks sandboxes.

It is trusted and holds what sandboxes must not have: the node's socket, capabilities, the cgroup directories. It has no event loop, no
threads, no logging handlers: nothing that a fork would copy in a broken state. When the node goes away, however it dies, the zygote sees
its socket close, kills every sandbox, removes their cgroups and exits: nothing outlives the node.

Messages from the node: `{"op": "spawn", "id", "user"}` with two descriptors (the sandbox's control socket, the write end of its log pipe)
and `{"op": "kill", "id"}`. Messages to the node: `{"ready"}`, `{"spawned": id, "process"}`,
`{"exited": id}`, `{"failed": …}`.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from typing import Any, NoReturn

_REMOVAL_TRIES, _LAST_REMOVAL_TRIES = 10, 1_000
_REMOVAL_PAUSE_SECONDS = 0.001
_REMOVAL_INTERVAL_MS = 50


class Zygote:
    """One zygote's state: who its sandboxes are."""

    def __init__(self, control: socket.socket, descriptors: dict[str, int], settings: dict[str, Any]) -> None:
        self._control = control
        self._cgroups = {name[len("cgroup:") :]: number for name, number in descriptors.items() if name.startswith("cgroup:")}
        self._settings = settings
        self._isolated = settings["isolation"] == "namespaces"
        self._sandbox_ids: dict[int, str] = {}
        self._busy_groups: set[str] = set()
        """Control groups whose sandbox has ended, and that the kernel has not let go of yet."""

    def run(self) -> None:
        """Serve the node until it is gone, then end everything."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        channel.send(self._control, {"ready": True})
        poll = select.poll()  # not select(): a descriptor may be above 1,023
        poll.register(self._control, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        while True:
            readable = {descriptor for descriptor, _ in poll.poll(_REMOVAL_INTERVAL_MS if self._busy_groups else None)}
            self._remove_groups(self._busy_groups, tries=1)
            if wake_read in readable:
                os.read(wake_read, 4096)
                self._reap()
            if self._control.fileno() in readable and not self._serve():
                break
        self._end_all()

    def _serve(self) -> bool:
        try:
            message, descriptors = channel.receive(self._control)
        except ConnectionError:
            return False
        if message is None:
            return False
        if message["op"] == "spawn":
            self._spawn(message, descriptors)
        elif message["op"] == "kill":
            self._kill(message["id"])
        return True

    def _spawn(self, message: dict[str, Any], descriptors: list[int]) -> None:
        try:
            process_id = self._fork(message, descriptors)
        except OSError as error:
            self._tell({"failed": str(error), "id": message["id"]})
        else:
            self._sandbox_ids[process_id] = message["id"]
            self._tell({"spawned": message["id"], "process": process_id})
        for descriptor in descriptors:
            os.close(descriptor)

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            channel.send(self._control, message)
        except ConnectionError:
            return  # the node is gone: run() sees that next and ends everything

    def _fork(self, message: dict[str, Any], descriptors: list[int]) -> int:
        # The child becomes process 1 of a PID namespace of its own and never comes back from here: it is init until it exits.
        process_id = linux.fork_into(linux.CLONE_NEWPID) if self._isolated else os.fork()
        return process_id or self._become_init(message, descriptors)

    def _become_init(self, message: dict[str, Any], descriptors: list[int]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            self._control.close()
            init.run(
                control=socket.socket(fileno=descriptors[0]),
                log_pipe=descriptors[1],
                sandbox_id=message["id"],
                user=message["user"],
                settings=self._settings,
                cgroups=self._cgroups,
            )
        finally:
            # Whatever happened, this process is not the zygote and must not go on in its loop.
            os._exit(70)

    def _kill(self, sandbox_id: str) -> None:
        for process_id, known_id in self._sandbox_ids.items():
            if known_id == sandbox_id:
                _kill_tree(process_id, self._isolated)

    def _reap(self) -> None:
        while True:
            try:
                process_id, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process_id == 0:
                return
            sandbox_id = self._sandbox_ids.pop(process_id, None)
            if sandbox_id is None:
                continue
            if not self._isolated:
                processes.kill_group(process_id)  # its init may have been killed by the function
            self._clean_up(sandbox_id)
            try:
                channel.send(self._control, {"exited": sandbox_id})
            except OSError:
                # The node is gone: run() sees that next and ends everything.
                return

    def _end_all(self) -> None:
        for process_id in self._sandbox_ids:
            _kill_tree(process_id, self._isolated)
        for process_id, sandbox_id in self._sandbox_ids.items():
            _wait_for(process_id)
            self._clean_up(sandbox_id)
        self._remove_groups(self._busy_groups, tries=_LAST_REMOVAL_TRIES)
        if self._settings["node_group"]:
            _remove_if_empty(self._settings["node_group"], self._cgroups)

    def _clean_up(self, sandbox_id: str) -> None:
        groups = {sandbox_id}
        if self._settings["clonable"]:
            groups |= self._list_clones(sandbox_id)
        self._remove_groups(groups, tries=_REMOVAL_TRIES)
        if not self._isolated:
            shutil.rmtree(f"{self._settings['tmp_directory']}/{sandbox_id}", ignore_errors=True)

    def _list_clones(self, sandbox_id: str) -> set[str]:
        """Named after their sandbox, and gone with it."""
        return {name for group in self._cgroups.values() for name in os.listdir(group) if name.startswith(sandbox_id + "-")}

    def _remove_groups(self, names: set[str], *, tries: int) -> None:
        """Those that stay busy are tried again later: on a loaded machine it takes a while until what was killed has run its last."""
        for name in list(names):
            removed = [_remove_group(name, descriptor, tries) for descriptor in self._cgroups.values()]
            if all(removed):
                self._busy_groups.discard(name)
            else:
                self._busy_groups.add(name)


def _remove_group(name: str, directory: int, tries: int) -> bool:
    for number in range(tries):
        if number:
            time.sleep(_REMOVAL_PAUSE_SECONDS)  # EBUSY while the kernel still takes the last process out
        try:
            os.rmdir(name, dir_fd=directory)
        except FileNotFoundError:
            return True
        except OSError:
            continue
        else:
            return True
    return False


def _wait_for(process_id: int) -> None:
    try:
        os.waitpid(process_id, 0)
    except ChildProcessError:
        return  # reaped already


def _remove_if_empty(name: str, cgroups: dict[str, int]) -> None:
    for descriptor in cgroups.values():
        try:
            os.rmdir("../" + name, dir_fd=descriptor)
        except OSError:
            # Another zygote of the node still has sandboxes in there and removes it after them.
            continue


def _kill_tree(process_id: int, isolated: bool) -> None:
    if isolated:
        processes.kill(process_id)  # process 1 of a PID namespace takes all others with it (pid_namespaces(7))
    else:
        processes.kill_tree(process_id)


def main() -> None:
    """Become a zygote: receive the settings, import what every environment needs, serve."""
    descriptors = json.loads(sys.argv[1])
    for descriptor in descriptors.values():
        os.set_inheritable(descriptor, False)
    control = socket.socket(fileno=descriptors["control"])
    settings, _ = channel.receive(control)
    if settings is None:
        return
    program = base64.b64decode(settings["seccomp"])
    settings["seccomp_filter"] = linux.SeccompFilter(program) if program else None
    processes.ignore_endings()
    runtime_process.load(settings["preload"])
    rehearsal.rehearse()
    # Objects made so far are never collected, so that a collection in a child does not touch, and copy, their pages.
    gc.collect()
    gc.freeze()
    Zygote(control, descriptors, settings).run()


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from alonzo.guest import channel, init, linux, processes, rehearsal, runtime_process

    main()
