"""Every record is processed at least once and in order, whatever is killed. The same with more of everything: `make soak-streams`."""

from pathlib import Path

import pytest
from tests.crash.stream_storm import run_storm


@pytest.mark.thorough
def test_every_record_is_processed_in_order_though_the_node_is_killed(tmp_path: Path) -> None:
    report = run_storm(data_directory=tmp_path / "data", record_count=1_000, kill_count=3, seed=1)
    print(report)
    assert report.record_count == 1_000
    assert not report.lost
    assert not report.early
    assert not report.untold_poison
