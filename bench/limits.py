"""Raw limits: what this machine does at best, measured with the programs of `bench/programs`."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.processes import read_pss_mb

_PROGRAMS = Path(__file__).parent / "programs"
_TIME_OF_IMPORT = "import time; started_at = time.perf_counter(); import {}; print(time.perf_counter() - started_at)"


@contextlib.contextmanager
def started_echo_server() -> Iterator[tuple[str, int]]:
    """The address of a bare HTTP echo server."""
    command = [sys.executable, str(_PROGRAMS / "echo_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield "127.0.0.1", int(process.stdout.readline())
        finally:
            process.stdin.close()


def fork_seconds(count: int) -> list[float]:
    """Of each fork, exit and wait of a small process."""
    seconds: list[float] = _run_small_process("forks", count)
    return seconds


def sleepers_seconds(count: int, seconds: float, *, megabytes: float = 0.0) -> float:
    """Until so many forked processes that write to so much memory and sleep so long are gone."""
    return float(_run_small_process("sleepers", count, seconds, megabytes))


def exec_seconds(count: int) -> list[float]:
    """Of each start, and end, of an interpreter that does nothing."""
    durations = []
    for _ in range(count):
        started_at = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        durations.append(time.perf_counter() - started_at)
    return durations


def import_seconds(modules: str, count: int) -> list[float]:
    """Of importing these modules (`a, b`) in a new interpreter; its own start does not count."""
    command = [sys.executable, "-c", _TIME_OF_IMPORT.format(modules)]
    return [float(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(count)]


def forked_child_mb(count: int) -> float:
    """Memory of one forked child that does nothing, among so many of them."""
    with _small_process("children", count) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process_ids = json.loads(process.stdout.readline())
        megabytes = read_pss_mb(process_ids)
        process.stdin.close()
    return megabytes / count


def bare_interpreter_mb() -> float:
    """Memory of an interpreter that does nothing."""
    with _small_process("children", 0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        megabytes = read_pss_mb([process.pid])
        process.stdin.close()
    return megabytes


def _small_process(kind: str, *arguments: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-I", "-S", str(_PROGRAMS / "small_process.py"), kind, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _run_small_process(kind: str, *arguments: float) -> Any:
    with _small_process(kind, *arguments) as process:
        return json.loads(process.communicate()[0])
