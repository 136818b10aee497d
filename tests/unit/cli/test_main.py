"""The command line as a whole: quick to start, with help that teaches."""

import subprocess
import sys

from click.testing import CliRunner

from alonzo.cli.main import alonzo

HEAVY_MODULES = {"asyncio", "boto3", "botocore", "msgspec", "nats", "uvicorn"}


def test_help_imports_nothing_heavy() -> None:
    program = "import sys, alonzo.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert HEAVY_MODULES.isdisjoint(loaded)


def test_every_command_shows_examples_in_its_help() -> None:
    for name in alonzo.commands:
        shown = CliRunner().invoke(alonzo, [name, "--help"])
        assert shown.exit_code == 0
        assert f"  alonzo {name}" in shown.output.partition("Examples:")[2]


def test_a_client_says_in_one_line_that_nobody_answers() -> None:
    tried = CliRunner().invoke(alonzo, ["invoke", "hello", "--payload", "{}", "--endpoint-url", "http://127.0.0.1:1"])
    assert tried.exit_code == 1
    assert "is `alonzo up` running there?" in tried.output
    assert "Traceback" not in tried.output
