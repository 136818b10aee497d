"""The companion as a program: `python -m alonzo.companion`, started by the node alone."""

import contextlib
import importlib
import logging
import os
import sys

from alonzo.companion.environment import prepare_environment
from alonzo.companion.settings import read_settings


def main() -> int:
    """Serve until SIGTERM, or until the node has ended; the exit status."""
    settings = read_settings(sys.stdin)
    prepare_environment(endpoint_url=settings.endpoint_url)
    logging.basicConfig(level=logging.WARNING, format="companion: %(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, max(0, os.getpriority(os.PRIO_PROCESS, 0)))  # the node's own is higher
    server = importlib.import_module("alonzo.companion.server")  # not before: moto reads the environment when it is imported
    server.serve(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
