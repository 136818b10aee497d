"""The same files are the same package, and everything in it is what was there."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo.deployment.packages import Package, PackagePart, Packer

_NAMES = st.text(alphabet="abcdefg", min_size=1, max_size=3)
_FILES = st.dictionaries(st.builds("{}/{}.txt".format, _NAMES, _NAMES), st.binary(max_size=200), min_size=1, max_size=8)


def write(directory: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def read(package: Package) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(set(archive.namelist()))
        return {name: archive.read(name) for name in archive.namelist()}


@settings(max_examples=25)
@given(settled=_FILES, sources=_FILES, changed=_FILES)
def test_holds_what_was_there(
    tmp_path_factory: pytest.TempPathFactory, settled: dict[str, bytes], sources: dict[str, bytes], changed: dict[str, bytes]
) -> None:
    root, packer = tmp_path_factory.mktemp("package"), Packer()
    parts = (
        PackagePart(directory=write(root / "settled", settled), is_settled=True),
        PackagePart(directory=write(root / "sources", sources)),
    )
    first = packer.pack(parts)
    assert read(first) == settled | sources
    assert packer.pack(parts).sha256 == Packer().pack(parts).sha256 == first.sha256
    write(root / "sources", changed)
    assert read(packer.pack(parts)) == settled | sources | changed


def test_modes_and_prefixes(tmp_path: Path) -> None:
    write(tmp_path, {"run.sh": b"#!/bin/sh", "data": b""})
    (tmp_path / "run.sh").chmod(0o700)
    package = Packer().pack([PackagePart(directory=tmp_path, prefix="python/")])
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert modes == {"python/run.sh": 0o755, "python/data": 0o644}


def test_leaves_out_what_tools_leave_behind(tmp_path: Path) -> None:
    names = [
        "app.py",
        "lib/x.py",
        "__pycache__/app.pyc",
        ".git/config",
        ".app.py.swp",
        "app.py~",
        "env/pyvenv.cfg",
        "env/lib/x.py",
        "node_modules/a.js",
    ]
    write(tmp_path, dict.fromkeys(names, b"1"))
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "linked.py").symlink_to(tmp_path / "app.py")
    package = Packer().pack([PackagePart(directory=tmp_path, skipped=frozenset({"node_modules"}))])
    assert sorted(read(package)) == ["app.py", "lib/x.py", "linked.py"]


def test_knows_that_it_is_empty(tmp_path: Path) -> None:
    assert Packer().pack([PackagePart(directory=tmp_path)]).is_empty
