"""Functions that look for other environments, the node and its store in the network."""

import os
import socket
from pathlib import Path
from typing import Any

from attempts import attempt

_LISTENING = "0A"
_NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
_GREETING_OF_NATS = b'CONNECT {"verbose":true}\r\nSUB > 1\r\nPING\r\n'
_PATIENCE_SECONDS = 0.4


def attack_loopback(event: list[int], _context: Any) -> dict[str, dict[str, str]]:
    """Speak to everything that listens on the loopback interface, and to the ports in `event`, as a runtime and as a client of NATS."""
    own = int(os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])
    ports = sorted(({*_listening_ports(), *event}) - {own})
    return {str(port): {"runtime": _speak(port, _NEXT), "nats": _speak(port, _GREETING_OF_NATS)} for port in ports}


def wait_in_runtime_api(event: int, _context: Any) -> str:
    """Hold on to another environment's Runtime API for as long as it lets us."""
    return _speak(event, _NEXT)


def tell_runtime_api(_event: Any, _context: Any) -> int:
    return int(os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])


def connect_to_abstract_socket(event: str, _context: Any) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        return attempt(client.connect, "\0" + event)


def leave_the_machine(_event: Any, _context: Any) -> dict[str, str]:
    outcomes = {}
    for address in ("192.0.2.1", "169.254.169.254", "10.0.0.1"):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(_PATIENCE_SECONDS)
            outcomes[address] = attempt(client.connect, (address, 80))
    outcomes["interfaces"] = ",".join(name for _, name in socket.if_nameindex())
    return outcomes


def _listening_ports() -> set[int]:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return {int(field[1].rpartition(":")[2], 16) for field in fields if field[3] == _LISTENING}


def _speak(port: int, words: bytes) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as client:
            client.sendall(words)
            answer = b""
            while data := client.recv(4_096):
                answer += data
    except TimeoutError:
        return "silence" if not answer else answer.decode("latin-1")
    except OSError as error:
        return type(error).__name__
    return answer.decode("latin-1")
