"""The peak of a group's memory can be asked for at any time, also after the group."""

import subprocess
from pathlib import Path

from alonzo.sandbox.peak_memory import PeakMemory


def test_what_was_read_last_stays_when_the_group_is_gone() -> None:
    process = subprocess.Popen(["sleep", "60"])
    peak = PeakMemory()
    # A number that the kernel does not tell of a process that is gone (ESRCH), as it does not of a group (ENODEV).
    peak.open(Path(f"/proc/{process.pid}/oom_score"))
    known = peak.read()
    assert known is not None
    process.kill()
    process.wait()
    assert peak.read() == known
    peak.close()
    peak.close()
    assert peak.read() == known


def test_where_nothing_is_counted_nothing_is_told() -> None:
    peak = PeakMemory()
    peak.open(None)
    assert peak.read() is None
    peak.close()
