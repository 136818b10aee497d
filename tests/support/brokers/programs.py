"""Programs that run as long as the tests that need them."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0


class Program:
    """Started by `start`, with all that it starts itself; ended by `stop`."""

    def __init__(self, process: subprocess.Popen[bytes], log_file: Path) -> None:
        self._process = process
        self._log_file = log_file

    @classmethod
    def start(cls, command: Sequence[str], *, directory: Path, environment: dict[str, str] | None = None) -> Self:
        """`directory` becomes its working directory; what it says is in `output` there."""
        log_file = directory / "output"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                # It ends with the process that started it, however that ends.
                [require_tool("setpriv"), "--pdeathsig", "KILL", *command],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
                start_new_session=True,
            )
        return cls(process, log_file)

    def wait_until(self, is_ready: Callable[[str], bool]) -> str:
        """Wait until what it has said so far shows that it is ready; that."""

        def said() -> str | None:
            text = self._log_file.read_text(errors="replace")
            assert self._process.poll() is None, f"it has ended: {text}"
            return text if is_ready(text) else None

        return eventually(said, what=f"{self._process.args!r} is ready", within_seconds=_START_SECONDS)

    def stop(self) -> None:
        """Kill it. Nothing that it holds is needed any more."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_STOP_SECONDS)


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
