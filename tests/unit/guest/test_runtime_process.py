"""How the runtime's process hears from init."""

import json
import socket
from contextlib import closing

from alonzo.guest import runtime_process


def test_an_assignment_right_behind_an_order_is_left_to_the_program_that_starts() -> None:
    init, runtime = socket.socketpair()
    with closing(init), closing(runtime):
        init.sendall(json.dumps({"prestart": {"command": ["/bin/true"]}}).encode() + b"\n" + b'{"variables": {}}\n')
        assert runtime_process.receive(runtime.fileno()) == {"prestart": {"command": ["/bin/true"]}}
        assert runtime.recv(100) == b'{"variables": {}}\n'


def test_a_message_may_come_in_parts_and_be_long() -> None:
    init, runtime = socket.socketpair()
    message = {"variables": {"LONG": "x" * 100_000}}
    with closing(init), closing(runtime):
        init.sendall(json.dumps(message).encode() + b"\n")
        assert runtime_process.receive(runtime.fileno()) == message
