"""Which AWS CLI tests use: that of the environment they run in, whatever else is on PATH; where they ask for it, version 2."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.toolchains import give_up

AWS = str(Path(sys.executable).with_name("aws"))


def require_version_2() -> str:
    """The path of an AWS CLI of version 2 (Debian: `apt-get install awscli`); see `require_tool`."""
    found = next(filter(_is_version_2, _programs()), None)
    return found if found is not None else give_up("the AWS CLI of version 2 (awscli) is not installed")


def _programs() -> Iterator[str]:
    for directory in os.get_exec_path():
        program = shutil.which("aws", path=directory)
        if program is not None and program != AWS:
            yield program


def _is_version_2(program: str) -> bool:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.startswith("aws-cli/2.")
