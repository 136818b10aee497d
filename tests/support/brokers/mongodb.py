"""What stands in for MongoDB and DocumentDB, neither of which any package registry has: mongo-java-server, which speaks MongoDB's protocol
and has change streams of collections, with positions, resume tokens and full documents; one of a database
it takes for one of a collection `1`."""

import re
from pathlib import Path
from typing import Self

from tests.support.brokers.jars import class_path
from tests.support.brokers.programs import Program
from tests.support.toolchains import require_tool

_READY = re.compile(r"^ready (\d+)$", re.MULTILINE)
_MAIN = """
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

public class Main {
    public static void main(String[] arguments) throws Exception {
        var server = new MongoServer(new MemoryBackend().version(ServerVersion.MONGO_5_0));
        server.enableOplog();
        System.out.println("ready " + server.bind().getPort());
        Thread.currentThread().join();
    }
}
"""


class MongoDb:
    """`url`: where it listens. It takes any credentials or none."""

    def __init__(self, program: Program, port: int) -> None:
        self._program = program
        self.url = f"mongodb://127.0.0.1:{port}"

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start it."""
        java = require_tool("java")
        (directory / "Main.java").write_text(_MAIN)
        command = [java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", class_path("mongodb"), "Main.java"]
        program = Program.start(command, directory=directory)
        said = program.wait_until(lambda text: _READY.search(text) is not None)
        match = _READY.search(said)
        assert match is not None
        return cls(program, int(match[1]))

    def stop(self) -> None:
        """Kill it."""
        self._program.stop()
