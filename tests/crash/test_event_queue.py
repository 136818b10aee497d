"""What was answered with 202 runs, whatever is killed. The same with more of everything: `make soak`."""

from pathlib import Path

from tests.crash.event_storm import run_storm


def test_every_accepted_event_runs_though_node_and_store_are_killed(tmp_path: Path) -> None:
    report = run_storm(data_directory=tmp_path / "data", event_count=500, kill_count=6, seed=1)
    print(report)
    assert report.accepted_count == 500
    assert not report.lost_ids
    assert report.exact_count > 0.6 * report.accepted_count, str(report)
    assert report.unexplained_run_count < 0.1 * report.accepted_count, str(report)
