"""The findings of `alonzo doctor` that do not depend on the kernel."""

import socket
from pathlib import Path

from click.testing import CliRunner

from alonzo.cli.doctor import doctor


def test_finds_what_it_takes_to_run_here(tmp_path: Path) -> None:
    report = CliRunner().invoke(doctor, ["--isolation", "process", "--port", "0", "--data-dir", str(tmp_path / "not" / "yet")])
    assert report.exit_code == 0
    families = ("runtime nodejs", "runtime java", "runtime ruby", "runtime dotnet", "runtime provided")
    for name in ("runtime python3.12", *families, "nats-server", "data directory", "port 0"):
        assert name in report.output


def test_fails_with_the_remedy_when_somebody_else_has_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        report = CliRunner().invoke(doctor, ["--isolation", "process", "--port", str(port), "--data-dir", str(tmp_path)])
    assert report.exit_code == 1
    assert f"MISSING  port {port}" in report.output
    assert "choose another with --port" in report.output
