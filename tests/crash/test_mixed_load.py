"""Everything at once leaves nothing behind. The same for ten minutes: `make soak`."""

from pathlib import Path

import pytest
from tests.crash.mixed_load import run_mixed_load


@pytest.mark.thorough
def test_nothing_is_left_of_a_mixed_load(tmp_path: Path) -> None:
    report = run_mixed_load(data_directory=tmp_path / "data", seconds=20, seed=1)
    print(report)
    assert not report.leaked
    assert not report.unexpected
