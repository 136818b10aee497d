"""A function that prints much: no line is lost without being counted, and others' lines come at once."""

import re

import pytest
from tests.conftest import StartServer
from tests.support.invoking import read_log, succeed, wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

PRINTS = """
import sys

def handler(event, context):
    for start in range(0, event, 1000):
        sys.stdout.write("".join(f"line {number}\\n" for number in range(start, start + 1000)))
    sys.stdout.flush()
"""


def test_no_line_of_a_flood_is_lost_uncounted(server: Server) -> None:
    name = server.deploy("floods", PRINTS, Timeout=60)
    quiet = server.deploy("quiet-beside", "def handler(event, context):\n    print('said', event)\n")
    succeed(server, name, 50_000)
    succeed(server, quiet, 1)
    assert any("said 1" in message for message in wait_for_log(server, quiet, "REPORT RequestId"))
    wait_for_log(server, name, "REPORT RequestId")
    messages = read_log(server, name)
    numbers = [int(message.split()[1]) for message in messages if message.startswith("line ")]
    dropped = sum(int(found[1]) for message in messages if (found := re.match(r"\[alonzo\] (\d+) lines were dropped", message)))
    assert numbers == sorted(set(numbers))
    assert len(numbers) + dropped == 50_000


@pytest.mark.thorough
def test_what_is_beyond_the_size_limit_goes_the_oldest_first(start_server: StartServer) -> None:
    server = start_server("--companion", "off", "--logs-max-size", "1m")
    source = "import os\ndef handler(event, context):\n    for _ in range(100): print(event, os.urandom(3000).hex())\n"
    name = server.deploy("beyond", source, Timeout=60)
    for number in range(5):
        succeed(server, name, number)

    def left() -> list[int] | None:
        numbers = [int(message.split()[0]) for message in read_log(server, name) if message[0].isdigit()]
        return numbers if numbers.count(4) == 100 and 0 not in numbers else None

    assert len(eventually(left, what="the newest is there, and the oldest has gone")) < 200
