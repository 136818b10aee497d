"""Process 1 of a sandbox: builds it, forks the runtime's process, waits to be assigned a function, reaps, reports the runtime's end.

A sandbox may wait here complete but for its function, the runtime's process already confined (`sandbox/pool.py`): what a cold start then
costs is one mount, one more with layers, and the function's own imports.
Messages to the node: `{"ready"}` with the node's end of the runtime's own connection to the Runtime API, the Runtime API's listening socket
and, with a network of its own, the AWS endpoint's, and last the UDP socket that tracers send to; `{"started"}`, `{"exited"}`;
`{"failed"}`; of programs that run beside the runtime `{"side_log"}` with the pipe that they write to, and `{"side", "exited" | "failed"}`;
`{"connected"}` with a socket that was asked for. From the node: perhaps `{"prestart"}` (`prestart.py`), one assignment, then what it wants
done (`{"op"}`: see `_Sandbox.serve`). When the node
closes the socket, the sandbox ends: with namespaces because this process does, without them because it kills all that it can find below
itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from alonzo.guest import channel, confine, family, image_root, linux, prestart, processes, runtime_process, side_programs
from alonzo.guest.loop_images import LoopImage

WORKPLACE = "/.alonzo"
RUNTIME_API_PORT = 9001
TRACE_PORT = 2000
LISTEN_BACKLOG = 128
_MAPPED = b"1"
_READ_ONLY = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV


def run(
    *,
    control: socket.socket,
    log_pipe: int,
    sandbox_id: str,
    user: int,
    settings: dict[str, Any],
    cgroups: dict[str, int],
) -> NoReturn:
    """Live the life of one sandbox; never returns."""
    isolated = settings["isolation"] == "namespaces"
    try:
        _protect(isolated)
        sandbox = _Sandbox(control=control, log_pipe=log_pipe, sandbox_id=sandbox_id, user=user, settings=settings, cgroups=cgroups)
        sandbox.prepare()
        assignment, _ = channel.receive(control)
        if assignment is not None and "prestart" in assignment:
            assignment = sandbox.prestart(assignment)
        if assignment is not None:
            sandbox.start(assignment)
            _watch(control, sandbox)
    except OSError as error:
        channel.send(control, {"failed": str(error)})
    finally:
        if not isolated:
            processes.kill_tree(os.getpid())
        os._exit(1)


def _protect(isolated: bool) -> None:
    """Against what happens around this process, and its surroundings against it."""
    processes.give_way()
    if isolated:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)


class _Sandbox:
    def __init__(
        self, *, control: socket.socket, log_pipe: int, sandbox_id: str, user: int, settings: dict[str, Any], cgroups: dict[str, int]
    ) -> None:
        self._control = control
        self._log_pipe = log_pipe
        self._sandbox_id = sandbox_id
        self._user = user
        self._settings = settings
        self._cgroups = cgroups
        self._isolated = settings["isolation"] == "namespaces"
        self._release: socket.socket
        """To the runtime's process."""
        self.family = family.Family(control, sandbox_id, settings, cgroups) if settings["clonable"] else None
        """Of a sandbox whose runtime may be cloned."""
        self._sent: list[socket.socket] = []
        """The node has them; open here until it has answered (`channel.py`)."""
        self.runtime = -1
        """The process that will be, or is, the runtime."""
        self._runtime_assignment = b""
        self._sides: side_programs.SidePrograms | None = None

    def prepare(self) -> None:
        """Everything that does not depend on the function."""
        self._join_cgroups()
        own_network = self._isolated and self._settings["network"] == "isolated"
        if self._isolated:
            self._enter_namespaces(own_network)
            self._mount_proc()
        # A Unix socket: a message over the loopback costs three times as much, and here nobody need ask whose connection it is.
        runtime_end, node_end = socket.socketpair()
        # Early: what this process has written to by then is copied for the runtime, and what both write to afterwards once more. And while
        # the one is being confined, the other goes on building.
        unshared = self._fork_runtime(runtime_end)
        if self._isolated:
            self._mount_tmp(self._settings["tmp_mib"])
        else:
            os.mkdir(f"{self._settings['tmp_directory']}/{self._sandbox_id}", 0o700)
        listeners = [_listen(RUNTIME_API_PORT if own_network else 0)]
        if own_network:
            listeners.append(_listen(self._settings["endpoint_port"]))
            if self._settings["response_address"] is not None:
                host, port = self._settings["response_address"]
                listeners.append(_listen(port, host))
        self._map_users(unshared)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", TRACE_PORT if own_network else 0))
        self._sent = [node_end, *listeners, datagrams]
        channel.send(self._control, {"ready": True}, [each.fileno() for each in self._sent])

    def prestart(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Have the runtime's program started before its function is known; then the assignment, None if there is none."""
        self._limit(order["limits"])
        self._release.sendall(json.dumps(order).encode() + b"\n")
        return prestart.wait_for_assignment(self._control, self._release)

    def start(self, assignment: dict[str, Any]) -> None:
        """Give the sandbox its function and let the runtime go."""
        self._limit(assignment["limits"])
        if self._isolated:
            if assignment["tmp_mib"] != self._settings["tmp_mib"]:
                linux.unmount("/tmp")  # the sandbox's own /tmp
                self._mount_tmp(assignment["tmp_mib"])
            if assignment["image"] is not None:
                image_root.enter(f"{WORKPLACE}/images/{assignment['image']}")
            else:
                self._show_code(assignment)
        for each in self._sent:
            each.close()
        self._runtime_assignment = (
            json.dumps({name: assignment[name] for name in ("directory", "variables", "commands", "image")}).encode() + b"\n"
        )
        if assignment["side"] is None:
            self._start_runtime()
        else:
            self._start_sides(assignment["side"])

    def _show_code(self, assignment: dict[str, Any]) -> None:
        linux.bind(f"{WORKPLACE}/code/{assignment['code']}", "/var/task", _READ_ONLY)
        if assignment["layers"] is not None:
            linux.bind(f"{WORKPLACE}/code/{assignment['layers']}", "/opt", _READ_ONLY)
        if self.family is not None:
            self.family.keep_workplaces(WORKPLACE)
        for name in self._settings["workplaces"]:
            linux.unmount(f"{WORKPLACE}/{name}")

    def serve(self, message: dict[str, Any], descriptors: list[int]) -> None:
        """Do what the node wants done after the assignment. The descriptors stay the caller's."""
        operation = message["op"]
        if operation == "start_runtime":
            self._start_runtime()
        elif operation == "signal_runtime":
            if self.runtime > 0:
                os.kill(self.runtime, message["signal"])
        elif operation == "kill_side":
            if self._sides is not None:
                self._sides.kill(message["side"])
        elif operation == "connect":
            self._connect(message["port"], message["id"])
        elif self.family is not None:
            self.family.serve(message, descriptors)

    def note_ended(self, process_id: int, status: int) -> None:
        """A child has been reaped: tell the node if it is the runtime or a program beside it."""
        ended = os.WTERMSIG(status) * -1 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        if process_id == self.runtime:
            self.runtime = -1  # the number may soon be another's
            channel.send(self._control, {"exited": ended})
            return
        side = None if self._sides is None else self._sides.take_ended(process_id)
        if side is not None:
            channel.send(self._control, {"side": side, "exited": ended})
        elif self.family is not None:
            self.family.note_exit(process_id, ended)

    def _start_runtime(self) -> None:
        self._release.sendall(self._runtime_assignment)
        self._release.close()

    def _start_sides(self, side: dict[str, Any]) -> None:
        """Programs that run beside the runtime, each the executable of its own; the node says when the runtime starts."""
        self._sides = side_programs.SidePrograms(runtime=self.runtime, settings=self._settings, isolated=self._isolated)
        log_read, log_write = os.pipe()
        os.set_blocking(log_read, False)
        if self._isolated:
            os.fchown(log_write, self._user, self._user)
        channel.send(self._control, {"side_log": True}, [log_read])
        os.close(log_read)
        for path in side["paths"]:
            try:
                self._sides.start(path, side["variables"], log_write)
            except OSError as error:
                name = os.path.basename(path)
                channel.send(self._control, {"side": name, "failed": error.strerror or str(error), "error_number": error.errno or 0})
                break
        os.close(log_write)

    def _connect(self, port: int, request: int) -> None:
        """A connection from within the sandbox's network, for the node. It may not be made yet, or never be: the node finds out."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            channel.send(self._control, {"connected": request}, [connection.fileno()])

    def _join_cgroups(self) -> None:
        for name, descriptor in self._cgroups.items():
            os.mkdir(self._sandbox_id, 0o755, dir_fd=descriptor)
            self._write_cgroup(name, "cgroup.procs", "0")  # 0: the writer itself (cgroups(7))

    def _limit(self, limits: dict[str, str]) -> None:
        for name, value in limits.items():
            group, _, file = name.partition("/")
            self._write_cgroup(group, file, value)

    def _write_cgroup(self, name: str, file: str, value: str) -> None:
        path = f"{self._sandbox_id}/{file}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._cgroups[name])
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def _enter_namespaces(self, own_network: bool) -> None:
        kinds = linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
        if self.family is None:
            kinds |= linux.CLONE_NEWCGROUP
        linux.unshare(kinds | (linux.CLONE_NEWNET if own_network else 0))
        socket.sethostname("sandbox")
        if own_network:
            linux.raise_loopback()

    def _mount_proc(self) -> None:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC, "hidepid=2")
        for name in self._settings["masked_proc_files"]:
            linux.bind("/dev/null", f"/proc/{name}", _READ_ONLY)

    def _mount_tmp(self, mib: int) -> None:
        if self._settings["tmp_kind"] == "image":
            path = f"{WORKPLACE}/tmp/template-{mib}.img"
            template = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                image = LoopImage(template, f"{WORKPLACE}/tmp", f"{WORKPLACE}/dev", path)
            finally:
                os.close(template)
            try:
                image.mount("/tmp")
            finally:
                if self.family is None:
                    os.close(image.file)
                else:
                    self.family.keep_image(image.file, path)
            if os.path.isdir("/tmp/lost+found"):
                os.rmdir("/tmp/lost+found")
        else:
            linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"size={mib}m")
        os.chown("/tmp", self._user, self._user)
        os.chmod("/tmp", 0o700)

    def _fork_runtime(self, runtime_api: socket.socket) -> int:
        """Returns the descriptor on which the runtime's process says that it is in its user namespace."""
        if self._isolated:
            os.fchown(self._log_pipe, self._user, self._user)  # so that opening /dev/stdout works for the function's user
        else:
            os.setsid()
            processes.adopt_orphans()
        unshared_read, unshared_write = os.pipe()
        self._release, release = socket.socketpair()
        self.runtime = linux.fork() if self._isolated else os.fork()
        if self.runtime == 0:
            try:
                self._become_runtime(unshared_write, release.fileno(), runtime_api.fileno())
            except BaseException:
                sys.excepthook(*sys.exc_info())  # to the function's log, once that is attached
            finally:
                os._exit(71)
        os.close(unshared_write)
        release.close()
        os.close(self._log_pipe)
        runtime_api.close()
        if self.family is not None:
            self.family.adopt(self.runtime)
        return unshared_read

    def _map_users(self, unshared: int) -> None:
        if self._isolated:
            os.read(unshared, 1)
            for name, inside in (("uid_map", confine.USER_ID), ("gid_map", confine.GROUP_ID)):
                linux.write_file(f"/proc/{self.runtime}/{name}", f"{inside} {self._user} 1")
            self._release.sendall(_MAPPED)
        os.close(unshared)

    def _become_runtime(self, unshared: int, release: int, runtime_api: int) -> NoReturn:
        processes.reset_signals()
        limits = self._settings["runtime_limits"]
        if self._isolated:
            self._enter_user_namespace(unshared, release)
        clones = None if self.family is None else self.family.template_end.fileno()
        confine.attach_descriptors(log_pipe=self._log_pipe, release=release, runtime_api=runtime_api, clones=clones)
        confine.close_foreign_descriptors(limits["descriptors"], clonable=clones is not None)
        # Processes are counted by user and user namespace (Linux 5.14): for this sandbox alone, even where it shares its user with others.
        confine.limit_resources(limits["descriptors"], limits["processes"] if self._isolated else None)
        if self._isolated:
            confine.give_up_privileges(self._settings["seccomp_filter"])
        if processes.RUNTIME_IS_EXECUTED:
            runtime_process.execute(self._settings["preload"])
        runtime_process.wait_and_run()

    def _enter_user_namespace(self, unshared: int, release: int) -> None:
        os.setsid()
        # When the sandbox or the machine runs out of memory, the kernel shall kill the function, not the one who reports it.
        linux.write_file("/proc/self/oom_score_adj", "500")
        if self.family is not None:
            # Here and not in process 1, which moves clones between groups that are not below its own (cgroups(7), nsdelegate).
            linux.unshare(linux.CLONE_NEWCGROUP)
        if not self._settings["rootless"]:
            os.setgroups([])
            # What the kernel counts by user (inotify instances, pending signals, message queues, locked memory) it counts for the owners of
            # enclosing namespaces too: that shall be the sandbox's own user and not root, whom all sandboxes and the host share.
            linux.prctl(linux.PR_SET_SECUREBITS, linux.SECBIT_NO_SETUID_FIXUP)  # keeps the capabilities that unshare needs
            os.setresuid(self._user, self._user, self._user)
            linux.prctl(linux.PR_SET_DUMPABLE, 1)  # else the namespace's maps would belong to root
        linux.unshare(linux.CLONE_NEWUSER)
        os.write(unshared, _MAPPED)
        os.read(release, len(_MAPPED))


def _listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(LISTEN_BACKLOG)
    return listener


def _watch(control: socket.socket, sandbox: _Sandbox) -> None:
    """Reap whatever ends, do what the node says, serve who wants to be cloned; return when the node lets go."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    _reap(sandbox)  # some may have ended before the handler was there
    poll = select.poll()  # not select(): a descriptor may be above 1,023
    poll.register(control, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    if sandbox.family is not None:
        sandbox.family.watch(poll)
    while True:
        readable = {descriptor for descriptor, _ in poll.poll()}
        if wake_read in readable:
            os.read(wake_read, 4096)
            _reap(sandbox)
        if control.fileno() in readable:
            message, descriptors = channel.receive(control)
            if message is None:
                return
            try:
                sandbox.serve(message, descriptors)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
        if sandbox.family is not None:
            sandbox.family.serve_processes(readable)


def _reap(sandbox: _Sandbox) -> None:
    while True:
        try:
            process_id, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process_id == 0:
            return
        sandbox.note_ended(process_id, status)
