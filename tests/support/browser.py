"""A real browser, without a window: opens a page and lets its scripts run. What they see they report to the test's own server."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.toolchains import require_tool

_END_SECONDS = 30


@contextmanager
def open_page(url: str, *options: str) -> Iterator[None]:
    """Chromium with a profile of its own, at this page, until the block ends. Names under `localhost` lead to this machine for it."""
    program = require_tool("chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        log = Path(profile) / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
                    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"),
                    *(f"--user-data-dir={profile}", *options, url),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield
            finally:
                process.terminate()
                try:
                    process.wait(_END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
