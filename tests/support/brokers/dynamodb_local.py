"""Amazon's own DynamoDB Local, which has streams; its tables are in memory."""

import platform
from pathlib import Path
from typing import Self

from tests.support.brokers.jars import class_path, jar_directory
from tests.support.brokers.programs import Program, listens
from tests.support.ports import free_port
from tests.support.toolchains import give_up, require_tool

_JVM = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_MAIN = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"


class DynamoDbLocal:
    """`url`: where it listens."""

    def __init__(self, program: Program, port: int) -> None:
        self._program = program
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start it."""
        if platform.machine() != "x86_64":
            give_up("Maven Central has the native part of DynamoDB Local's store for x86_64 only")
        port = free_port()
        libraries = f"-Djava.library.path={jar_directory()}"
        options = ("-inMemory", "-disableTelemetry", "-port", str(port))
        command = [require_tool("java"), *_JVM, libraries, "-cp", class_path("dynamodb_local"), _MAIN, *options]
        program = Program.start(command, directory=directory)
        program.wait_until(lambda _: listens(port))
        return cls(program, port)

    def stop(self) -> None:
        """Kill it."""
        self._program.stop()
