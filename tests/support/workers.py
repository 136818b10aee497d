"""The workers of a server that has several."""

import psutil
from tests.support.server import Server


def workers_of(server: Server) -> list[psutil.Process]:
    """Their processes."""
    found = []
    for child in psutil.Process(server.process.pid).children():
        try:
            if "alonzo.node.worker" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found
