"""RabbitMQ, as Debian packages it."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Self

from tests.support.brokers.programs import Program, listens
from tests.support.ports import free_ports
from tests.support.toolchains import give_up, require_tool

USER, PASSWORD = "lambda", "correct horse"
OTHER_HOST = "elsewhere"
"""A virtual host beside the usual one."""
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The program itself: the one on the path insists on running as a user of its own, with its data in /var."""


def is_installed() -> bool:
    """Whether this machine has it."""
    return _SERVER.exists()


class RabbitMq:
    """`url`: where it listens, without credentials."""

    def __init__(self, programs: tuple[Program, Program], port: int) -> None:
        self._programs = programs
        self.url = f"amqp://127.0.0.1:{port}"
        self.url_with_credentials = f"amqp://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}"

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start it with its data in that directory."""
        if not is_installed():
            give_up("rabbitmq-server is not installed")
        port, distribution, names = free_ports(3)
        (directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\nlog.console = true\nlog.file = false\n"
            # It would fill half a gigabyte with zeros.
            f"load_definitions = {directory}/definitions.json\nraft.wal_max_size_bytes = 1048576\n"
        )
        (directory / "definitions.json").write_text(json.dumps(_definitions()))
        (directory / "enabled_plugins").write_text("[].\n")
        environment = {
            "HOME": str(directory),
            "RABBITMQ_NODENAME": f"alonzo-{port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
            # For each one that it enables it would compile a module anew: a third of what a start costs the processor.
            "RABBITMQ_FEATURE_FLAGS": "",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        registry = directory / "names"
        registry.mkdir()
        # RabbitMQ would start Erlang's registry of names itself, and leave it behind.
        epmd = Program.start([require_tool("epmd"), "-port", str(names), "-address", "127.0.0.1"], directory=registry)
        epmd.wait_until(lambda _: listens(names))
        program = Program.start([str(_SERVER)], directory=directory, environment=environment)
        broker = cls((program, epmd), port)
        program.wait_until(lambda _: listens(port))
        return broker

    def stop(self) -> None:
        """Kill it, and the registry of names beside it."""
        for program in self._programs:
            program.stop()


def _definitions() -> dict[str, object]:
    """The user may do everything. How passwords are kept: https://www.rabbitmq.com/docs/passwords#computing-password-hash."""
    salt = b"salt"
    password_hash = base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()
    user = {"name": USER, "password_hash": password_hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "administrator"}
    hosts = ("/", OTHER_HOST)
    return {
        "vhosts": [{"name": host} for host in hosts],
        "users": [user],
        "permissions": [{"user": USER, "vhost": host, "configure": ".*", "write": ".*", "read": ".*"} for host in hosts],
    }
