"""Apache ActiveMQ (Classic), which speaks STOMP."""

import re
from pathlib import Path
from typing import Self

from tests.support.brokers.jars import class_path
from tests.support.brokers.programs import Program
from tests.support.toolchains import require_tool

USER, PASSWORD = "lambda", "correct horse"
_READY = re.compile(r"^ready (\d+)$", re.MULTILINE)
_MAIN = """
import java.util.List;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.SimpleAuthenticationPlugin;

public class Main {
    public static void main(String[] arguments) throws Exception {
        var broker = new BrokerService();
        broker.setPersistent(false);
        broker.setUseJmx(false);
        broker.setPlugins(new BrokerPlugin[] {
            new SimpleAuthenticationPlugin(List.of(new AuthenticationUser(arguments[0], arguments[1], "users")))
        });
        var connector = broker.addConnector("stomp://127.0.0.1:0");
        broker.start();
        broker.waitUntilStarted();
        System.out.println("ready " + connector.getConnectUri().getPort());
        broker.waitUntilStopped();
    }
}
"""


class ActiveMq:
    """`url`: where it listens, without credentials. Its messages are in memory."""

    def __init__(self, program: Program, port: int) -> None:
        self._program = program
        self.port = port
        self.url = f"stomp://127.0.0.1:{port}"

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start it."""
        java = require_tool("java")
        (directory / "Main.java").write_text(_MAIN)
        command = [java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", class_path("activemq"), "Main.java", USER, PASSWORD]
        program = Program.start(command, directory=directory)
        said = program.wait_until(lambda text: _READY.search(text) is not None)
        match = _READY.search(said)
        assert match is not None
        return cls(program, int(match[1]))

    def stop(self) -> None:
        """Kill it."""
        self._program.stop()
