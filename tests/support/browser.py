"""A real browser, without a window: opens a page and lets its scripts run. What they see they report to the test's own server."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.toolchains import require_tool

_END_SECONDS = 30


def browser_program() -> str:
    """Chromium, without its windows if that is installed: the same engine, whose start takes a fifth of the time."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium") or require_tool("chromium-headless-shell")


@contextmanager
def open_page(url: str, *options: str) -> Iterator[None]:
    """Chromium with a profile of its own, at this page, until the block ends. Names under `localhost` lead to this machine for it."""
    program = browser_program()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        log = Path(profile) / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
                    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio", "--no-zygote"),
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
