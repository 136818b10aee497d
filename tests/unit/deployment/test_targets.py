"""What a person has saved is told from what a build has written."""

from pathlib import Path

from alonzo.deployment.assembly import Assembly
from alonzo.deployment.build_methods import BuildMethod, BuildRequest
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.packages import Packer
from alonzo.deployment.targets import Target
from alonzo.deployment.watching import differences, fingerprint

GENERATES = "build-app:\n\tdate +%N > generated.txt\n\tcp source.txt generated.txt $(ARTIFACTS_DIR)\n"


def a_request(directory: Path, method: BuildMethod) -> BuildRequest:
    return BuildRequest(
        label="app",
        logical_id="app",
        directory=directory,
        method=method,
        runtime="provided.al2023",
        handler="bootstrap",
        architecture="x86_64",
    )


def an_assembly(directory: Path) -> Assembly:
    return Assembly(Workshop(directory=directory, report=lambda _: None), Packer())


def test_what_a_build_writes_into_its_sources_does_not_build_it_forever(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "Makefile").write_text(GENERATES)
    (sources / "source.txt").write_text("1")
    target, assembly = Target(a_request(sources, BuildMethod.MAKEFILE)), an_assembly(tmp_path / "work")
    before = fingerprint((sources,))
    builds = 0
    changed = frozenset({sources / "source.txt"})
    while target.touched_by(changed):
        target.assemble(assembly)
        builds += 1
        after = fingerprint((sources,))
        changed, before = differences(before, after), after
    assert builds == 2
    assert target.touched_by({sources / "generated.txt"}) == frozenset()
    assert target.touched_by({sources / "source.txt"}) == {sources / "source.txt"}


def test_ignores_what_is_no_source(tmp_path: Path) -> None:
    target = Target(a_request(tmp_path, BuildMethod.NODEJS))
    names = ["index.js~", ".git/index", "node_modules/ms/index.js", "__pycache__/a.pyc", ".#index.js", "4913"]
    assert target.touched_by(tmp_path / name for name in names) == frozenset()
    assert target.touched_by([tmp_path / "lib" / "x.js", tmp_path.parent / "other.js"]) == {tmp_path / "lib" / "x.js"}


def test_differences_are_what_is_new_other_or_gone(tmp_path: Path) -> None:
    for name in ("same", "other", "gone"):
        (tmp_path / name).write_text("1")
    before = fingerprint((tmp_path,))
    (tmp_path / "other").write_text("22")
    (tmp_path / "new").write_text("1")
    (tmp_path / "gone").unlink()
    assert differences(before, fingerprint((tmp_path,))) == {tmp_path / "other", tmp_path / "new", tmp_path / "gone"}
