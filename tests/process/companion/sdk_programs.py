"""Functions that use AWS's own SDKs, in pinned versions; what is compiled is kept in `.alonzo/cache` until their sources change."""

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from tests.support.toolchains import require_tool

_SOURCES = Path(__file__).parent / "sdks"
_CACHE = Path(__file__).parents[3] / ".alonzo" / "cache"
_BUILD_SECONDS = 1200
"""The SDKs compile for minutes where others compile, too."""


def go_function() -> dict[str, str | bytes]:
    """With aws-lambda-go and aws-sdk-go-v2, at the versions and checksums of go.sum."""
    go = require_tool("go")
    directory = _kept("go")
    program = directory / "bootstrap"
    if not program.exists():
        draft = directory / f"draft.{os.getpid()}"
        command = [go, "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", str(draft), "."]
        _run(command, directory=_SOURCES / "go", environment={"CGO_ENABLED": "0"})
        draft.replace(program)
    return {"bootstrap": program.read_bytes()}


def java_function() -> dict[str, str | bytes]:
    """With AWS's SDK for Java 2 and the jars that it needs, as Maven finds them: classes at the top, jars in `lib`."""
    maven = require_tool("mvn")
    directory = _kept("java")
    if not (directory / ".complete").exists():
        shutil.copytree(_SOURCES / "java", directory, dirs_exist_ok=True)
        goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=target/classes/lib"]
        _run([maven, "--quiet", "--batch-mode", *goals], directory=directory, environment={})
        (directory / ".complete").touch()
    root = directory / "target" / "classes"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _kept(language: str) -> Path:
    """Where what is made of the sources as they are now is kept."""
    digest = sha256()
    for path in sorted((_SOURCES / language).rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    directory = _CACHE / f"sdks-{language}-{digest.hexdigest()[:16]}"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _run(command: list[str], *, directory: Path, environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=directory, env=os.environ | environment, check=True, timeout=_BUILD_SECONDS)
