"""A package that begins as an earlier one does is unpacked to the same files, some of them linked."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo.functions.code.packages import EarlierPackage, unpack

_FILES = st.dictionaries(st.sampled_from([f"{folder}{name}" for folder in ("", "a/", "b/c/") for name in "xyz"]), st.binary(max_size=50))


def archive_of(files: dict[str, bytes], base: bytes = b"") -> bytes:
    buffer = io.BytesIO(base)
    with zipfile.ZipFile(buffer, "a" if base else "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def kept_bytes_of(content: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.start_dir


def read(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def unpacked(content: bytes, directory: Path, earlier: EarlierPackage | None = None) -> Path:
    directory.mkdir()
    unpack(content, directory, earlier=earlier)
    return directory


@settings(max_examples=40)
@given(settled=_FILES.filter(bool), first=_FILES, second=_FILES.filter(bool), shared_share=st.floats(0, 1))
def test_the_files_are_those_of_the_package(
    tmp_path_factory: pytest.TempPathFactory,
    settled: dict[str, bytes],
    first: dict[str, bytes],
    second: dict[str, bytes],
    shared_share: float,
) -> None:
    root = tmp_path_factory.mktemp("shared")
    first, second = ({f"own/{name}": content for name, content in files.items()} for files in (first, second))
    base = archive_of(settled)
    before, after = archive_of(first, base), archive_of(second, base)
    earlier = EarlierPackage(before, unpacked(before, root / "before"), int(kept_bytes_of(base) * shared_share))
    assert read(unpacked(after, root / "after", earlier)) == settled | second
    assert read(root / "before") == settled | first


def test_what_is_shared_is_linked_and_nothing_else(tmp_path: Path) -> None:
    base = archive_of({"lib/a": b"1", "lib/b": b"2"})
    before, after = archive_of({"app": b"3"}, base), archive_of({"app": b"4"}, base)
    earlier = EarlierPackage(before, unpacked(before, tmp_path / "before"), kept_bytes_of(base))
    unpacked(after, tmp_path / "after", earlier)
    same = {name: (tmp_path / "after" / name).samefile(tmp_path / "before" / name) for name in ("lib/a", "lib/b", "app")}
    assert same == {"lib/a": True, "lib/b": True, "app": False}


def test_a_false_claim_is_not_believed(tmp_path: Path) -> None:
    before, after = archive_of({"lib": b"1"}), archive_of({"lib": b"2"})
    earlier = EarlierPackage(before, unpacked(before, tmp_path / "before"), len(before))
    assert read(unpacked(after, tmp_path / "after", earlier)) == {"lib": b"2"}
