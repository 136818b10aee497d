"""Archives from strangers: what is unpacked is the tree they describe, below the directory, within the quotas, or nothing."""

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alonzo.functions.code import packages
from alonzo.functions.code.packages import unpack
from alonzo.functions.errors import InvalidParameter, PackageEmpty, PackageUnreadable, UnzippedCodeTooLarge
from alonzo.model import quotas

Fill = Callable[[zipfile.ZipFile], None]


def an_archive(fill: Fill, *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        fill(archive)
    return buffer.getvalue()


def an_entry(name: str, *, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = mode << 16
    return entry


def a_link(name: str, target: str) -> Fill:
    return lambda archive: archive.writestr(an_entry(name, mode=stat.S_IFLNK | 0o777), target)


def all_of(*fills: Fill) -> Fill:
    def fill_all(archive: zipfile.ZipFile) -> None:
        for fill in fills:
            fill(archive)

    return fill_all


def a_file(name: str, content: bytes = b"x") -> Fill:
    return lambda archive: archive.writestr(an_entry(name), content, compress_type=archive.compression)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where to unpack; beside it lies what must not be touched."""
    (tmp_path / "outside").write_text("untouched")
    target = tmp_path / "target"
    target.mkdir()
    return target


def test_a_package_becomes_a_tree(directory: Path) -> None:
    content = an_archive(
        all_of(
            a_file("./index.py", b"print()\n"),
            a_file("package/deep/er/module.py", b"1"),
            lambda archive: archive.writestr(an_entry("bootstrap", mode=stat.S_IFREG | 0o500), b"#!"),
            lambda archive: archive.writestr(an_entry("secret", mode=stat.S_IFREG | 0o600), b"s"),
            lambda archive: archive.writestr(an_entry("empty/", mode=stat.S_IFDIR | 0o700), b""),
            a_link("package/link.py", "deep/er/module.py"),
        )
    )
    assert unpack(content, directory) == 12
    modes = {str(path.relative_to(directory)): stat.S_IMODE(path.lstat().st_mode) for path in directory.rglob("*") if not path.is_symlink()}
    assert modes == {
        "index.py": 0o644,
        "package": 0o755,
        "package/deep": 0o755,
        "package/deep/er": 0o755,
        "package/deep/er/module.py": 0o644,
        "bootstrap": 0o755,
        "secret": 0o644,
        "empty": 0o755,
    }
    assert (directory / "package/link.py").read_bytes() == b"1"


@pytest.mark.parametrize("flagged", [True, False])
def test_names_in_utf8_with_and_without_the_flag(directory: Path, flagged: bool) -> None:
    content = an_archive(a_file("größe.py"))
    if not flagged:  # bit 11 of the flags, in the local header and in the central directory
        content = content.replace(struct.pack("<H", 0x800), struct.pack("<H", 0))
    unpack(content, directory)
    assert (directory / "größe.py").exists()


@pytest.mark.parametrize(
    "fill",
    [
        a_file("../outside"),
        a_file("a/../../outside"),
        a_file("/etc/passwd"),
        a_file("//etc/passwd"),
        a_link("link", "/etc/passwd"),
        a_link("link", "../outside"),
        a_link("a/link", "../../outside"),
        a_link("link", ""),
        a_link("link", "a" * 5000),
        all_of(a_link("here", "."), a_link("link", "here/../../outside")),
        all_of(a_link("here", "."), a_link("link", "here/..")),
        all_of(a_link("link", ".."), a_file("link/outside")),
        all_of(a_file("link/file"), a_link("link", "..")),
        all_of(a_file("same"), a_file("same")),
        all_of(a_file("same"), a_file("./same")),
        all_of(a_file("a"), a_file("a/b")),
        all_of(a_file("a/b"), a_file("a")),
        a_file("."),
        a_file("a" * 300),
        a_file("a/" * 1100 + "a"),
        a_file("a/" * 256 + "a"),
        lambda archive: archive.writestr(an_entry("fifo", mode=stat.S_IFIFO | 0o644), b""),
        lambda archive: archive.writestr(an_entry("device", mode=stat.S_IFCHR | 0o644), b""),
        lambda archive: archive.writestr(an_entry("socket", mode=stat.S_IFSOCK | 0o644), b""),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_entries_are_refused(directory: Path, fill: Fill) -> None:
    with pytest.raises(PackageUnreadable):
        unpack(an_archive(fill), directory)
    assert_nothing_outside_was_touched(directory)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_decompressors_are_unbounded_are_refused(directory: Path, compression: int) -> None:
    with pytest.raises(PackageUnreadable):
        unpack(an_archive(a_file("index.py"), compression=compression), directory)


@pytest.mark.parametrize("content", [b"", an_archive(lambda archive: None)])
def test_nothing_at_all_is_refused(directory: Path, content: bytes) -> None:
    with pytest.raises(PackageEmpty):
        unpack(content, directory)


@pytest.mark.parametrize(
    "content",
    [
        b"this is no archive",
        an_archive(a_file("index.py"))[:-10],
        an_archive(a_file("index.py", os.urandom(1000)))[500:],
        an_archive(a_file("index.py", b"contents"), compression=zipfile.ZIP_STORED).replace(b"contents", b"CONTENTS"),
        b"PK\x05\x06" + bytes(18) + b"trailing",
    ],
)
def test_broken_archives_are_refused(directory: Path, content: bytes) -> None:
    with pytest.raises((PackageUnreadable, PackageEmpty)):
        unpack(content, directory)


def test_encrypted_entries_are_refused(directory: Path) -> None:
    content = bytearray(an_archive(a_file("index.py")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(PackageUnreadable, match="encrypted"):
        unpack(bytes(content), directory)


def test_names_with_a_nul_are_refused(directory: Path) -> None:
    content = an_archive(a_file("index.py_nul")).replace(b"index.py_nul", b"index.py\0nul")
    with pytest.raises(PackageUnreadable):
        unpack(content, directory)


def test_names_that_are_not_the_utf8_they_claim_are_refused(directory: Path) -> None:
    content = an_archive(a_file("größe.py")).replace("ö".encode(), b"\xff\xff")
    with pytest.raises(PackageUnreadable):
        unpack(content, directory)


def test_a_bomb_that_admits_its_size_is_refused_before_it_is_unpacked(directory: Path) -> None:
    megabyte = bytes(1_000_000)
    content = an_archive(all_of(*(a_file(f"{number}", megabyte) for number in range(263))))
    with pytest.raises(UnzippedCodeTooLarge):
        unpack(content, directory)
    assert list(directory.iterdir()) == []


def test_sizes_are_counted_and_not_believed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "CODE_UNZIPPED_MAX_BYTES", 1_000_000)
    content = an_archive(a_file("bomb", bytes(50_000_000)))
    lying = content.replace(struct.pack("<I", 50_000_000), struct.pack("<I", 1_000))
    with pytest.raises(InvalidParameter):
        unpack(lying, directory)
    assert sum(path.stat().st_size for path in directory.iterdir()) <= 1_000_000


def test_overlapping_entries_do_not_multiply(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in David Fifield's "A better zip bomb": many entries of one body."""
    monkeypatch.setattr(quotas, "CODE_UNZIPPED_MAX_BYTES", 1_000_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", bytes(100_000))
        for number in range(1, 100):
            twin = zipfile.ZipInfo(str(number))
            original = archive.filelist[0]
            for field in ("header_offset", "compress_size", "file_size", "CRC", "compress_type", "external_attr"):
                setattr(twin, field, getattr(original, field))
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
    with pytest.raises(InvalidParameter):
        unpack(buffer.getvalue(), directory)


def test_the_number_of_entries_is_bounded(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "ENTRIES_MAX", 50)
    with pytest.raises(PackageUnreadable, match="too many"):
        unpack(an_archive(all_of(*(a_file(str(number)) for number in range(51)))), directory)


def test_directories_that_are_only_implied_count_as_entries(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "ENTRIES_MAX", 50)
    with pytest.raises(PackageUnreadable, match="too many"):
        unpack(an_archive(a_file("a/" * 60 + "a")), directory)


NAMES = st.text("ab./\\\0é", min_size=1, max_size=12) | st.sampled_from(["../x", "a/../../x", "/x", "a/b", "a", "."])
ENTRIES = st.lists(
    st.tuples(
        NAMES, st.sampled_from([stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, 0]), st.binary(max_size=20) | NAMES.map(str.encode)
    ),
    max_size=8,
)


@given(ENTRIES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_entries_stay_inside_or_are_refused(tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, int, bytes]]) -> None:
    directory = a_guarded_directory(tmp_path_factory)

    def fill(archive: zipfile.ZipFile) -> None:
        for name, kind, content in entries:
            archive.writestr(an_entry(name, mode=kind | 0o644), content)

    unpack_or_refuse(an_archive(fill), directory)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_damage_is_refused_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = a_guarded_directory(tmp_path_factory)
    content = bytearray(an_archive(all_of(a_file("index.py", b"x" * 100), a_link("link", "index.py"), a_file("a/b", b"y"))))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    unpack_or_refuse(bytes(content[: data.draw(st.integers(0, len(content)))]), directory)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_refused_or_harmless(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    unpack_or_refuse(noise, a_guarded_directory(tmp_path_factory))


def a_guarded_directory(factory: pytest.TempPathFactory) -> Path:
    parent = factory.mktemp("guarded")
    (parent / "outside").write_text("untouched")
    (parent / "target").mkdir()
    return parent / "target"


def unpack_or_refuse(content: bytes, directory: Path) -> None:
    try:
        unpack(content, directory)
    except InvalidParameter:
        pass
    else:
        root = directory.resolve()  # realpath, unlike resolve, bears links that lead to themselves
        assert all(Path(os.path.realpath(path)).is_relative_to(root) for path in directory.rglob("*"))
    assert_nothing_outside_was_touched(directory)


def assert_nothing_outside_was_touched(directory: Path) -> None:
    assert sorted(path.name for path in directory.parent.iterdir()) == ["outside", "target"]
    assert (directory.parent / "outside").read_text() == "untouched"
