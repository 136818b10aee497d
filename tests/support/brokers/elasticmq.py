"""ElasticMQ, another implementation of SQS; its messages are in memory."""

from pathlib import Path
from typing import Self

from tests.support.brokers.jars import class_path
from tests.support.brokers.programs import Program, listens
from tests.support.ports import free_port
from tests.support.toolchains import require_tool

ACCOUNT = "000000000000"
_JVM = ("-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_SETTINGS = """
include classpath("application.conf")
rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = "127.0.0.1" }}
rest-stats {{ enabled = false }}
aws {{ region = us-east-1, accountId = {account} }}
"""


class ElasticMq:
    """`url`: where it listens."""

    def __init__(self, program: Program, port: int) -> None:
        self._program = program
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start it."""
        port = free_port()
        settings = directory / "elasticmq.conf"
        settings.write_text(_SETTINGS.format(port=port, account=ACCOUNT))
        command = [require_tool("java"), *_JVM, f"-Dconfig.file={settings}", "-cp", class_path("elasticmq"), "org.elasticmq.server.Main"]
        program = Program.start(command, directory=directory)
        program.wait_until(lambda _: listens(port))
        return cls(program, port)

    def stop(self) -> None:
        """Kill it."""
        self._program.stop()
