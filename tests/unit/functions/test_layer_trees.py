import stat
from pathlib import Path

import pytest

from alonzo.functions.layers import trees as layer_trees
from alonzo.functions.layers.trees import lay_over, name_of_layers


def a_tree(root: Path, entries: dict[str, str | None]) -> Path:
    """Files with contents, links as `->target`, directories as None."""
    root.mkdir()
    for path, content in entries.items():
        entry = root / path
        entry.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            entry.mkdir()
        elif content.startswith("->"):
            entry.symlink_to(content[2:])
        else:
            entry.write_text(content)
    return root


def contents(root: Path) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"->{path.readlink()}"
        elif path.is_file():
            found[name] = path.read_text()
        elif not any(path.iterdir()):
            found[name] = None
    return found


def merged(tmp_path: Path, *trees: dict[str, str | None]) -> Path:
    sources = [a_tree(tmp_path / str(number), entries) for number, entries in enumerate(trees)]
    directory = tmp_path / "merged"
    directory.mkdir()
    lay_over(sources, directory)
    return directory


def test_later_layers_are_above_earlier_ones(tmp_path: Path) -> None:
    first: dict[str, str | None] = {"a": "1", "python/x.py": "1", "python/deep/y.py": "1", "empty": None}
    second: dict[str, str | None] = {"a": "2", "python/z.py": "2", "python/deep/y.py": "2"}
    assert contents(merged(tmp_path, first, second, {"a": "3"})) == {
        "a": "3",
        "empty": None,
        "python/deep/y.py": "2",
        "python/x.py": "1",
        "python/z.py": "2",
    }


def test_a_file_hides_a_directory_and_a_directory_a_file(tmp_path: Path) -> None:
    assert contents(merged(tmp_path, {"a/b": "1", "c": "1"}, {"a": "2", "c/d": "2"})) == {"a": "2", "c/d": "2"}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    trees: list[dict[str, str | None]] = [{"lib/x": "1", "bin": f"->{outside}"}, {"lib": f"->{outside}", "bin/y": "2"}, {"etc": "->lib"}]
    directory = merged(tmp_path, *trees)
    assert contents(directory) == {"lib": f"->{outside}", "bin/y": "2", "etc": "->lib"}
    assert list(outside.iterdir()) == []


def test_files_are_those_of_the_packages(tmp_path: Path) -> None:
    directory = merged(tmp_path, {"bin/run": "x"}, {"other": "y"})
    assert (directory / "bin/run").samefile(tmp_path / "0/bin/run")
    assert stat.S_IMODE((directory / "bin").stat().st_mode) == 0o755


def test_without_hard_links_files_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(31, "Too many links")

    monkeypatch.setattr(layer_trees.os, "link", refuse)
    directory = merged(tmp_path, {"bin/run": "x", "link": "->bin/run"}, {"other": "y"})
    assert contents(directory) == {"bin/run": "x", "link": "->bin/run", "other": "y"}
    assert not (directory / "bin/run").samefile(tmp_path / "0/bin/run")


def test_the_order_is_part_of_the_name() -> None:
    one, two = "1" * 64, "2" * 64
    assert name_of_layers([one]) == one
    assert len({name_of_layers(packages) for packages in ([one, two], [two, one], [one], [two], [one, two, one])}) == 5
    assert len(name_of_layers([one, two])) == 64
