"""A function that prints much: no line is lost without being counted, and others' lines come at once."""

import re

from tests.support.invoking import read_log, succeed, wait_for_log
from tests.support.server import Server

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
