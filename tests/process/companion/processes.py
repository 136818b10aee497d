"""What the tests of the companion share."""

import psutil
from tests.support.server import Server


def companions_of(server: Server) -> list[psutil.Process]:
    """Its processes: one, or none."""
    found = []
    for child in psutil.Process(server.process.pid).children(recursive=True):
        try:
            if "alonzo.companion" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found
