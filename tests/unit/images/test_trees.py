"""Layers laid over each other: what they hide, what they may not do, and that nothing outside of the tree ever changes."""

import gzip
import hashlib
import io
import os
import random
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.images import Entry, directory, hard_link, layer_of, link

from alonzo.images.errors import ImageInvalid
from alonzo.images.streams import LayerStream
from alonzo.images.trees import ImageTree

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAX_BYTES = 1 << 20


def lay(root: Path, *layers: Iterable[Entry], max_bytes: int = _MAX_BYTES, max_entries: int = 1_000) -> None:
    tree = ImageTree(root, max_bytes=max_bytes, max_entries=max_entries)
    for entries in layers:
        tree.apply(LayerStream(io.BytesIO(layer_of(entries)), max_bytes=10 * _MAX_BYTES))
    tree.finish()


def file(name: str, content: str = "x", mode: int = 0o644) -> Entry:
    return Entry(name=name, content=content.encode(), mode=mode)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    return tree


def names_below(root: Path) -> set[str]:
    """Without what is there for sandboxes to mount on."""
    found = {str(path.relative_to(root)) for path in root.rglob("*")}
    return found - {"proc", "dev", "tmp", "etc", "etc/hosts", "etc/resolv.conf"}


def test_later_layers_lie_above_earlier_ones(root: Path) -> None:
    lay(root, [file("a/one", "old"), file("a/two")], [file("./a/one", "new"), file("/b", "absolute")])
    assert names_below(root) == {"a", "a/one", "a/two", "b"}
    assert (root / "a/one").read_text() == "new"


def test_whiteouts_hide_what_is_below_and_nothing_of_their_own_layer(root: Path) -> None:
    lay(root, [file("a/gone"), file("a/kept"), file("d/deep/gone")], [file("a/own"), file("a/.wh.gone"), file("a/.wh.own"), file(".wh.d")])
    assert names_below(root) == {"a", "a/kept", "a/own"}


@pytest.mark.parametrize("is_first", [True, False])
def test_an_opaque_directory_has_what_its_own_layer_brings(root: Path, *, is_first: bool) -> None:
    opaque, own = file("a/.wh..wh..opq"), [file("a/own"), file("a/sub/own")]
    lay(root, [file("a/lower"), file("a/sub/lower")], [opaque, *own] if is_first else [*own, opaque])
    assert names_below(root) == {"a", "a/own", "a/sub", "a/sub/own"}


def test_a_link_on_the_way_is_followed_within_the_image(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    links = [link("absolute", str(outside)), link("relative", "../outside"), link("far", "../../../../usr/lib"), link("chain", "far")]
    lay(root, links, [file("absolute/a"), file("relative/b"), file("far/c"), file("chain/d")])
    assert list(outside.iterdir()) == []
    below = str(outside).lstrip("/")
    assert {f"{below}/a", "outside/b", "usr/lib/c", "usr/lib/d"} <= names_below(root)


def test_a_file_takes_the_place_of_a_link_and_is_not_written_through_it(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    lay(root, [link("name", str(outside)), hard_link("again", "name")], [file("name", "new"), file("again", "new")])
    assert outside.read_text() == "untouched"
    assert (root / "name").read_text() == (root / "again").read_text() == "new"


def test_a_hard_link_is_one_within_the_image(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    lay(root, [file("a/one", "content"), hard_link("two", "a/one"), hard_link("three", "/a/one")])
    assert (root / "two").stat().st_ino == (root / "three").stat().st_ino == (root / "a/one").stat().st_ino
    for target in (str(tmp_path / "secret"), "../secret", "missing", "a", ""):
        with pytest.raises(ImageInvalid):
            lay(root, [hard_link("stolen", target)])


def test_a_link_to_itself_is_no_way(root: Path) -> None:
    with pytest.raises(ImageInvalid, match="too many links"):
        lay(root, [link("loop", "loop"), file("loop/a")])


@pytest.mark.parametrize("name", ["../out", "a/../../out", "..", ".wh...", ".wh.", "a/.wh..", "a" * 5_000])
def test_names_that_leave_the_image_are_refused(root: Path, name: str) -> None:
    with pytest.raises((ImageInvalid, OSError)):
        lay(root, [file(name)])
    assert {path.name for path in root.parent.iterdir()} == {"tree"}


def test_what_needs_privileges_is_left_out(root: Path) -> None:
    devices = [Entry(name=f"dev-{kind.decode()}", kind=kind) for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)]
    lay(
        root,
        [*devices, file("setuid", mode=0o6755), directory("sticky", mode=0o1777), file("unreadable", mode=0), directory("shut", mode=0)],
    )
    assert names_below(root) == {"setuid", "sticky", "unreadable", "shut"}
    modes = {name: os.lstat(root / name).st_mode & 0o7777 for name in names_below(root)}
    assert modes == {"setuid": 0o755, "sticky": 0o777, "unreadable": 0o400, "shut": 0o700}


def test_times_are_kept(root: Path) -> None:
    lay(root, [Entry(name="module.py", mtime=1_600_000_000), Entry(name="odd", mtime=-(1 << 62))])
    assert (root / "module.py").stat().st_mtime == 1_600_000_000


def test_there_is_always_something_to_mount_on(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "hosts"
    outside.write_text("untouched")
    lay(root, [link("tmp", "/var/tmp"), link("dev", str(tmp_path)), file("proc"), directory("etc"), link("etc/hosts", str(outside))])
    assert outside.read_text() == "untouched"
    assert all((root / name).is_dir() and not (root / name).is_symlink() for name in ("tmp", "dev", "proc", "etc"))
    assert all((root / "etc" / name).is_file() and not (root / "etc" / name).is_symlink() for name in ("hosts", "resolv.conf"))


def test_bombs_are_refused(root: Path) -> None:
    with pytest.raises(ImageInvalid, match="10 GB"):
        lay(root, [file("a", "x" * 100)], [file("a", "x" * 100)], max_bytes=150)
    with pytest.raises(ImageInvalid, match="too many files"):
        lay(root, [file(f"{number}") for number in range(11)], max_entries=10)
    with pytest.raises(ImageInvalid, match="directories within each other"):
        lay(root, [file("d/" * 300 + "b")])


def test_a_layer_that_never_ends_is_cut_off(root: Path) -> None:
    bomb = gzip.compress(layer_of([file("a")]) + bytes(4 * _MAX_BYTES))
    stream = LayerStream(io.BytesIO(bomb), max_bytes=_MAX_BYTES)
    ImageTree(root, max_bytes=_MAX_BYTES).apply(stream)
    with pytest.raises(ImageInvalid, match="larger than all layers"):
        stream.digests()


_SKIPPED = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"table"


@pytest.mark.parametrize("size", [0, 3, 1_000_000])
def test_a_layer_is_compressed_with_zstandard(size: int) -> None:
    """In several frames, with parts to be skipped, as tools write it that compress in parallel or find files in it later."""
    plain = random.Random(size).randbytes(size)
    packed = _SKIPPED + zstd.compress(plain[: size // 2]) + _SKIPPED + zstd.compress(plain[size // 2 :]) + _SKIPPED
    stream = LayerStream(io.BytesIO(packed), max_bytes=_MAX_BYTES)
    assert stream.read(size + 1) == plain
    assert stream.digests() == (hashlib.sha256(packed).hexdigest(), hashlib.sha256(plain).hexdigest())


def test_zstandard_is_no_way_around_what_a_layer_may_be() -> None:
    bomb = zstd.compress(bytes(64 * _MAX_BYTES))
    assert len(bomb) < 10_000
    stream = LayerStream(io.BytesIO(bomb), max_bytes=_MAX_BYTES)
    with pytest.raises(ImageInvalid, match="larger than all layers"):
        stream.digests()


def test_a_frame_that_wants_gigabytes_of_memory_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 30, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    frame = compressor.compress(b"x", compressor.FLUSH_BLOCK)
    with pytest.raises(ImageInvalid, match="damaged"):
        LayerStream(io.BytesIO(frame), max_bytes=_MAX_BYTES).digests()


def test_a_header_that_announces_gigabytes_is_refused(root: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 7 << 30
    with pytest.raises(ImageInvalid, match="header is too large"):
        ImageTree(root, max_bytes=_MAX_BYTES).apply(LayerStream(io.BytesIO(header.tobuf() + bytes(1024)), max_bytes=16 << 30))


_CUT = (gzip.compress(bytes(100_000))[:-20], zstd.compress(bytes(100_000))[:-8])


@pytest.mark.parametrize("content", [b"no tar file", b"\x1f\x8bdamaged", b"\x28\xb5\x2f\xfdzstd", *_CUT])
def test_what_is_no_layer(root: Path, content: bytes) -> None:
    with pytest.raises(ImageInvalid):  # noqa: PT012 - a cut is seen at the end only
        stream = LayerStream(io.BytesIO(content), max_bytes=_MAX_BYTES)
        ImageTree(root, max_bytes=_MAX_BYTES).apply(stream)
        stream.digests()


def test_an_empty_layer_changes_nothing(root: Path) -> None:
    lay(root, [file("a")], [])
    assert names_below(root) == {"a"}


_PARTS = st.sampled_from(["a", "b", "c", "..", ".", "", "/", ".wh.a", ".wh..wh..opq", ".wh..", "tmp", "etc"])
_PATHS = st.lists(_PARTS, min_size=1, max_size=4).map("/".join)
_KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
_ENTRIES = st.builds(Entry, name=_PATHS, kind=_KINDS, target=_PATHS | st.just("/canary"), mode=st.integers(0, 0o7777))


@settings(max_examples=80)
@given(st.lists(st.lists(_ENTRIES, max_size=6), max_size=3))
def test_whatever_layers_say_nothing_outside_changes(layers: list[list[Entry]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        canary, root = Path(place) / "canary", Path(place) / "tree"
        canary.write_text("untouched")
        root.mkdir()
        before = canary.stat()
        try:
            lay(root, *layers)
        except ImageInvalid:
            pass
        else:
            assert (root / "etc/hosts").is_file()
        assert {path.name for path in Path(place).iterdir()} == {"canary", "tree"}
        after = canary.stat()
        assert (after.st_mtime_ns, after.st_nlink, after.st_mode, canary.read_text()) == (
            *(before.st_mtime_ns, before.st_nlink, before.st_mode),
            "untouched",
        )
