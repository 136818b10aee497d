"""A program of its own, which `pacemaker.py` starts: each processor has something wake up and sleep again, as long as it is asked to.

Whatever comes on standard input asks for it, for a moment. It ends with standard input, or when it was not asked for a while. It is run by
its path, without Alonzo.
"""

import os
import select
import sys
import threading
import time
from typing import NoReturn

_ASKED_SECONDS = 0.1
"""So long it goes on after it was asked."""
_READ_BYTES = 4096


def _beat(processor: int, is_asked: threading.Event, interval_seconds: float) -> NoReturn:
    os.sched_setaffinity(0, {processor})  # of this thread
    while True:
        is_asked.wait()
        time.sleep(interval_seconds)


def main(interval_seconds: float, idle_seconds: float) -> None:
    """Until standard input ends, or nothing has come for so long."""
    is_asked = threading.Event()
    for processor in sorted(os.sched_getaffinity(0)):
        threading.Thread(target=_beat, args=(processor, is_asked, interval_seconds), daemon=True).start()
    while True:
        readable, _, _ = select.select([0], [], [], _ASKED_SECONDS if is_asked.is_set() else idle_seconds)
        if readable and os.read(0, _READ_BYTES):
            is_asked.set()
        elif not readable and is_asked.is_set():
            is_asked.clear()
        else:
            return


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
