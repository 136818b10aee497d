"""Starts a zygote: builds the root file system that its sandboxes share, moves into it and executes the runtime's interpreter there.

Run as a program: `python -I -S launcher.py CONTROL_FD`. The node sends one message with the launch settings; the zygote that takes this
process's place receives the next one on the same socket.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any


def main() -> None:
    """Launch by the first message; a failure is told to the node and ends the process."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from alonzo.guest import channel

    control = socket.socket(fileno=int(sys.argv[1]))
    settings, _ = channel.receive(control)
    if settings is None:
        return
    if os.getpriority(os.PRIO_PROCESS, 0) < 0:
        os.setpriority(os.PRIO_PROCESS, 0, 0)  # the node's own is higher: not for functions
    try:
        _launch(control, settings)
    except OSError as error:
        channel.send(control, {"failed": str(error)})
        sys.exit(1)


def _launch(control: socket.socket, settings: dict[str, Any]) -> None:
    descriptors = {"control": control.fileno()}
    # The launcher runs under the interpreter that it is going to execute again, so its own view of the files does not matter.
    if settings["isolation"] == "namespaces":
        _enter_root(settings)
    for group in settings["cgroups"]:
        descriptors["cgroup:" + group["name"]] = group["descriptor"]
    for descriptor in descriptors.values():
        os.set_inheritable(descriptor, True)
    os.execve(
        settings["interpreter"],
        [settings["interpreter"], "-I", "-S", "-X", "utf8", settings["packages"] + "/alonzo/guest/zygote.py", json.dumps(descriptors)],
        settings["variables"],
    )


def _enter_root(settings: dict[str, Any]) -> None:
    from alonzo.guest import linux, steps

    linux.reset_slice()  # the node's own is shorter, to be let in at once: not for functions
    if settings["rootless"]:
        _become_root_of_a_user_namespace()
    for group in settings["cgroups"]:
        # Opened while the old root is still there.
        group["descriptor"] = os.open(group["path"], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    linux.unshare(linux.CLONE_NEWNS)
    steps.build_root(settings["root"], settings["plan"])
    linux.pivot_into(settings["root"])


def _become_root_of_a_user_namespace() -> None:
    from alonzo.guest import linux

    user, group = os.getuid(), os.getgid()
    linux.unshare(linux.CLONE_NEWUSER)
    # user_namespaces(7): an unprivileged process may map only itself, and groups only once setgroups(2) is given up.
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(content)


if __name__ == "__main__":
    main()
