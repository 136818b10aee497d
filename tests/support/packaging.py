"""Packages of others for functions: fetched once, in pinned versions, and kept in `.alonzo/cache`."""

import io
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

from tests.support.toolchains import completed, require_tool

_CACHE = Path(__file__).parents[2] / ".alonzo" / "cache"
_SITE_PACKAGES = Path(sysconfig.get_paths()["purelib"])
PYTHON_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""Of functions whose packages are these tests' own."""


def python_packages(name: str, *, pinned: tuple[str, ...], own: tuple[str, ...]) -> Path:
    """A directory with these packages: `pinned` ones fetched, without what they depend on, and `own` ones that the tests run with."""
    directory = _CACHE / name
    if not (directory / ".complete").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"]
        completed([*command, "--target", directory, *pinned])
        for package in own:
            _copy(package, directory)
        (directory / ".complete").touch()
    return directory


def node_packages(name: str, *, pinned: tuple[str, ...]) -> Path:
    """A directory whose `node_modules` holds these packages and theirs."""
    directory = _CACHE / name
    if not (directory / ".complete").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / "package.json").write_text("{}")
        npm = [require_tool("npm"), "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"]
        completed([*npm, *pinned], directory=directory)
        (directory / ".complete").touch()
    return directory


def layer_of(directory: Path, *, prefix: str) -> bytes:
    """A layer of all that is in a directory: as it is, since compressing takes longer than sending."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and path.name != ".complete":
                archive.write(path, Path(prefix) / path.relative_to(directory))
    return buffer.getvalue()


def _copy(package: str, directory: Path) -> None:
    source = _SITE_PACKAGES / package
    if source.is_dir():
        shutil.copytree(source, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, directory / package)
    for metadata in _SITE_PACKAGES.glob(f"{package.removesuffix('.py')}-*.dist-info"):  # some ask for their version
        shutil.copytree(metadata, directory / metadata.name)
