"""SnapStart by fork, the privileged side: process 1 of a sandbox gives each clone of its runtime what an environment has for itself.

The runtime has initialized its function and waits (`template.py`). For a clone this module makes control groups with limits of their own,
and namespaces: a user namespace whose owner is the runtime's user, so that the runtime's child may join it (user_namespaces(7): a process
in the parent namespace whose user owns a namespace has all capabilities in it), and in its hands a mount namespace with another /tmp, and
an IPC namespace. The child joins them by setns(2), which its system call filter allows and nothing of the kind beside, and gives up what
that gave it.

Nothing that the runtime says is believed: processes are known by the credentials that the kernel attaches to messages (unix(7)), and those
of a clone are found by its control group.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from typing import Any, NoReturn

from alonzo.guest import channel, confine, linux
from alonzo.guest.loop_images import LoopImage, copy_nameless

_MESSAGE_BYTES = 4_096
_CREDENTIALS = struct.Struct("iII")
_KILL_ROUNDS, _KILL_PAUSE_SECONDS = 200, 0.001
_OWN_PROCESSES = 2
"""This one and the runtime."""


class _Clone:
    """One clone. `steps` counts what has come over its socket: its parent's message, then its own."""

    __slots__ = ("id", "process", "socket", "steps")

    def __init__(self, clone_id: str) -> None:
        self.id = clone_id
        self.process = -1
        self.socket: socket.socket | None = None
        self.steps = 0

    def close(self) -> None:
        """Hear no more of it."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Family:
    """The runtime of one sandbox and its clones.

    From the node: `{"op": "clone", "clone": id, "limits"}` with the descriptors of its log pipe and its connection to the Runtime API, and
    `{"op": "end_clone", "clone": id}`.
    To the node: `{"snapshot": obstacle}`, once, "" when the runtime can be cloned; and of a clone `{"clone": id}` with `"is_running"`,
    `"exited": status`, `"failed": reason` or `"is_gone"`.
    """

    def __init__(self, node: socket.socket, sandbox_id: str, settings: dict[str, Any], cgroups: dict[str, int]) -> None:
        self.template_end, self._template = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._node = node
        self._sandbox_id = sandbox_id
        self._settings = settings
        self._cgroups = cgroups
        self._runtime = -1
        self._clones: dict[str, _Clone] = {}
        self._images = -1
        self._devices = -1
        self._lock_file = ""
        self._tmp = -1
        self._poll: Any = None

    def adopt(self, runtime: int) -> None:
        """The runtime has been forked."""
        self._runtime = runtime
        self.template_end.close()

    def keep_image(self, image: int, template: str) -> None:
        """`image` is what /tmp lies on by now."""
        if self._tmp >= 0:
            os.close(self._tmp)
        self._tmp, self._lock_file = image, os.path.basename(template)

    def keep_workplaces(self, directory: str) -> None:
        """They are unmounted before code of the function runs; what clones need of them stays open."""
        if self._settings["tmp_kind"] == "image":
            self._images = os.open(f"{directory}/tmp", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._devices = os.open(f"{directory}/dev", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def watch(self, poll: Any) -> None:
        """Have this poll object tell what comes from the runtime and from clones."""
        self._poll = poll
        poll.register(self._template, select.POLLIN)

    def serve(self, message: dict[str, Any], descriptors: list[int]) -> None:
        """Do what the node asks for. The descriptors stay the caller's."""
        if message["op"] == "clone":
            self._start(message["clone"], message["limits"], descriptors)
        elif message["op"] == "end_clone" and message["clone"] in self._clones:
            self._end(self._clones[message["clone"]])

    def serve_processes(self, readable: set[int]) -> None:
        """Take what the runtime or its clones have sent."""
        if self._template.fileno() in readable:
            self._hear_template()
        for clone in list(self._clones.values()):
            if clone.socket is not None and clone.socket.fileno() in readable:
                self._hear_clone(clone)

    def note_exit(self, process: int, code: int) -> None:
        """A process has been reaped that is not the runtime."""
        for clone in self._clones.values():
            if clone.process == process:
                channel.send(self._node, {"clone": clone.id, "exited": code})

    # The snapshot.

    def _hear_template(self) -> None:
        try:
            message = self._template.recv(_MESSAGE_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            message = b""
        if message:
            obstacle = message[1:].decode("utf-8", "replace") or self._find_obstacle()
        else:
            obstacle = "its runtime was started anew by a program of its own"
        self._poll.unregister(self._template)  # it has no more to say
        channel.send(self._node, {"snapshot": obstacle[:500]})

    def _find_obstacle(self) -> str:
        """Why the runtime cannot be cloned, as seen from outside; "" if it can. It does nothing meanwhile, and is alone."""
        if sum(name.isdigit() for name in os.listdir("/proc")) != _OWN_PROCESSES:
            return "it has started other processes that still run"
        if not linux.has_scopes():
            return "this kernel cannot keep its clones from each other (Landlock 6, Linux 6.12)"
        for kind in ("shm", "sem", "msg"):
            if len(_read_lines(f"/proc/sysvipc/{kind}")) > 1:
                return "it uses System V IPC"
        if self._settings["tmp_kind"] != "image":
            return "it has files in /tmp, which lies in memory here" if os.listdir("/tmp") else ""
        tmp = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            linux.sync_file_system(tmp)
        finally:
            os.close(tmp)
        snapshot = copy_nameless(self._tmp, _through(self._images))
        os.close(self._tmp)
        self._tmp = snapshot
        return ""

    # Clones.

    def _start(self, clone_id: str, limits: dict[str, str], descriptors: list[int]) -> None:
        clone = self._clones[clone_id] = _Clone(clone_id)
        log_pipe, runtime_api = descriptors
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clone.socket = ours
        namespaces: list[int] = []
        try:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._make_groups(clone_id, limits)
            namespaces = self._make_namespaces()
            self._mount_tmp(namespaces[1])
            rights = [theirs.fileno(), log_pipe, runtime_api, *namespaces]
            socket.send_fds(self._template, [b"c"], rights, socket.MSG_DONTWAIT)
        except OSError as error:
            self._fail(clone, str(error))
        else:
            self._poll.register(ours, select.POLLIN)
        finally:
            theirs.close()
            for descriptor in namespaces:
                os.close(descriptor)

    def _hear_clone(self, clone: _Clone) -> None:
        assert clone.socket is not None
        process = _sender(clone.socket)
        known = {os.getpid(), self._runtime, *(other.process for other in self._clones.values())}
        if process is None or process in known:
            self._fail(clone, "it went away while it was forked")
            return
        clone.steps += 1
        try:
            if clone.steps == 1:
                for name in self._cgroups:
                    self._write(clone.id, name, "cgroup.procs", str(process))
            else:
                clone.process = process
            clone.socket.send(b"go", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError as error:
            self._fail(clone, str(error))
            return
        if clone.steps > 1:
            self._poll.unregister(clone.socket)
            clone.close()
            channel.send(self._node, {"clone": clone.id, "is_running": True})

    def _fail(self, clone: _Clone, reason: str) -> None:
        channel.send(self._node, {"clone": clone.id, "failed": reason})
        self._end(clone)

    def _end(self, clone: _Clone) -> None:
        """Kill all that is in its control groups, which takes a millisecond or two, and remove them."""
        del self._clones[clone.id]
        if clone.socket is not None:
            with contextlib.suppress(KeyError):  # it did not come so far
                self._poll.unregister(clone.socket)
            clone.close()
        for name in ("pids", "unified"):
            if name in self._cgroups:
                self._write(clone.id, name, "pids.max", "0")  # nobody forks away from what follows
        self._kill_group(clone)
        for descriptor in self._cgroups.values():
            _remove_directory(clone.id, descriptor)
        channel.send(self._node, {"clone": clone.id, "is_gone": True})

    def _kill_group(self, clone: _Clone) -> None:
        for _ in range(_KILL_ROUNDS):
            processes = self._processes(clone.id)
            if not processes:
                return
            for process in processes:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(_KILL_PAUSE_SECONDS)

    def _processes(self, clone_id: str) -> list[int]:
        descriptor = next(iter(self._cgroups.values()))
        try:
            file = os.open(f"{clone_id}/cgroup.procs", os.O_RDONLY | os.O_CLOEXEC, dir_fd=descriptor)
        except FileNotFoundError:
            return []
        with open(file, "rb") as listing:
            return [int(line) for line in listing.read().split()]

    def _make_groups(self, clone_id: str, limits: dict[str, str]) -> None:
        for descriptor in self._cgroups.values():
            os.mkdir(clone_id, 0o755, dir_fd=descriptor)
        for path, value in limits.items():
            name, _, file = path.partition("/")
            self._write(clone_id, name, file, value)

    def _write(self, clone_id: str, name: str, file: str, value: str) -> None:
        try:
            descriptor = os.open(f"{clone_id}/{file}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._cgroups[name])
        except FileNotFoundError:
            return  # a group that could not be made, or a limit that this kernel does not have
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def _make_namespaces(self) -> list[int]:
        """Descriptors of a user namespace below the runtime's, owned by its user, and of a mount and an IPC namespace that belong to it."""
        report, reported = os.pipe()
        middle = os.fork()
        if middle == 0:
            try:
                _hold_namespaces(self._runtime, reported)
            finally:
                os._exit(71)
        os.close(reported)
        with open(report, "rb") as told:
            holder = told.read()
        os.waitpid(middle, 0)
        if not holder:
            raise OSError("namespaces for a clone could not be made")
        process = int(holder)
        try:
            return [os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("user", "mnt", "ipc")]
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)

    def _mount_tmp(self, namespace: int) -> None:
        """Over the runtime's /tmp, which shows through nowhere: nobody in there may unmount."""
        process = os.fork()
        if process == 0:
            code = 255
            try:
                self._mount_tmp_in(namespace)
                code = 0
            except OSError as error:
                code = error.errno or code
            finally:
                os._exit(code)
        code = os.WEXITSTATUS(os.waitpid(process, 0)[1])
        if code != 0:
            raise OSError(code, f"mount /tmp of a clone: {os.strerror(code)}")

    def _mount_tmp_in(self, namespace: int) -> None:
        if self._settings["tmp_kind"] != "image":
            size = os.statvfs("/tmp")
            owner = os.stat("/tmp").st_uid
            linux.join_namespace(namespace, linux.CLONE_NEWNS)
            linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"size={size.f_blocks * size.f_frsize},mode=700")
            os.chown("/tmp", owner, owner)
            return
        # A path through a descriptor means the same wherever this process is.
        images = _through(self._images)
        image = LoopImage(self._tmp, images, _through(self._devices), f"{images}/{self._lock_file}")
        linux.join_namespace(namespace, linux.CLONE_NEWNS)
        image.mount("/tmp")


def _hold_namespaces(runtime: int, reported: int) -> NoReturn:
    """In a process of its own: make them, in a child that keeps them until it is killed, and tell its number.

    This process stays the host's root in the runtime's user namespace: it maps the users of the new one, and whoever is in there can
    neither look into the child nor stop it, since neither it nor its memory belongs to a user namespace of theirs.
    """
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    parent_namespace = os.open(f"/proc/{runtime}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    linux.join_namespace(parent_namespace, linux.CLONE_NEWUSER)
    unshared, done = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reported)
        os.setresgid(confine.GROUP_ID, confine.GROUP_ID, confine.GROUP_ID)
        os.setresuid(confine.USER_ID, confine.USER_ID, confine.USER_ID)
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWIPC)
        os.write(done, b"1")
        while True:
            signal.pause()
    os.close(done)
    if os.read(unshared, 1):
        for name, number in (("uid_map", confine.USER_ID), ("gid_map", confine.GROUP_ID)):
            linux.write_file(f"/proc/{child}/{name}", f"{number} {number} 1")
        os.write(reported, str(child).encode())
    os._exit(0)


def _sender(connection: socket.socket) -> int | None:
    """The process that has sent a message, as the kernel says; None when there is no more."""
    try:
        message, rights, _, _ = connection.recvmsg(16, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_DONTWAIT)
    except OSError:
        return None
    for level, kind, content in rights:
        if message and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return int(_CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0])
    return None


def _through(directory: int) -> str:
    return f"/proc/self/fd/{directory}"


def _read_lines(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []  # a kernel without it


def _remove_directory(name: str, parent: int) -> None:
    for _ in range(_KILL_ROUNDS):
        try:
            os.rmdir(name, dir_fd=parent)
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(_KILL_PAUSE_SECONDS)  # EBUSY while the kernel still takes the last process out
        else:
            return
