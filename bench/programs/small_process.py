"""The raw limits of a process: what a small one, with nothing imported but this, gets from fork(2). One line of JSON on stdout.

`forks N`           seconds of each of N times fork, exit, wait
`sleepers N S M`    seconds until N forked processes that each write to M MB, then sleep S seconds, are all gone
`children N`        process ids of N forked processes, which stay until stdin is closed
"""

import json
import mmap
import os
import signal
import sys
import time


def _fork_seconds() -> float:
    started_at = time.perf_counter()
    process_id = os.fork()
    if process_id == 0:
        os._exit(0)
    os.waitpid(process_id, 0)
    return time.perf_counter() - started_at


def _sleepers_seconds(count: int, seconds: float, megabytes: float) -> float:
    started_at = time.perf_counter()
    for _ in range(count):
        if os.fork() == 0:
            memory = mmap.mmap(-1, int(megabytes * 1e6) + 1, mmap.MAP_PRIVATE)
            for offset in range(0, len(memory) - 1, mmap.PAGESIZE):
                memory[offset] = 1
            time.sleep(seconds)
            os._exit(0)
    for _ in range(count):
        os.wait()
    return time.perf_counter() - started_at


def _children(count: int) -> None:
    process_ids = []
    for _ in range(count):
        process_id = os.fork()
        if process_id == 0:
            signal.pause()
            os._exit(0)
        process_ids.append(process_id)
    print(json.dumps(process_ids), flush=True)
    sys.stdin.read()
    for process_id in process_ids:
        os.kill(process_id, signal.SIGKILL)
        os.waitpid(process_id, 0)


def main() -> None:
    """Do what the first argument says."""
    kind, count = sys.argv[1], int(sys.argv[2])
    if kind == "forks":
        print(json.dumps([_fork_seconds() for _ in range(count)]))
    elif kind == "sleepers":
        print(json.dumps(_sleepers_seconds(count, float(sys.argv[3]), float(sys.argv[4]))))
    elif kind == "children":
        _children(count)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
