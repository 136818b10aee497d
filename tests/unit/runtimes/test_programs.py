"""Which program of the machine runs which runtime."""

import asyncio
from pathlib import Path

import pytest

from alonzo.runtimes.catalog import RuntimeFamily, RuntimeSpec, find_runtime
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.interpreters import RuntimeUnavailable
from alonzo.runtimes.program_discovery import discover_programs
from alonzo.runtimes.programs import Program, choose_program

NODES = [
    Program(family=RuntimeFamily.NODEJS, version=version, executable=Path(f"/opt/node-{version[0]}/bin/node"))
    for version in ((24, 1, 0), (22, 9, 1), (20, 20, 2))
]


def runtime(identifier: str) -> RuntimeSpec:
    found = find_runtime(identifier)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("identifier", "chosen", "warns"),
    [("nodejs22.x", 22, False), ("nodejs20.x", 20, False), ("nodejs18.x", 20, True), ("nodejs26.x", 24, True)],
)
def test_the_same_version_else_the_nearest_newer_one_else_the_nearest(identifier: str, chosen: int, warns: bool) -> None:
    choice = choose_program(runtime(identifier), NODES, strict=False)
    assert choice.program.version[0] == chosen
    assert (choice.warning is not None) is warns


def test_strictly_only_the_same_version() -> None:
    assert choose_program(runtime("nodejs22.x"), NODES, strict=True).program.version[0] == 22
    with pytest.raises(RuntimeUnavailable, match=r"nodejs18\.x needs Node\.js 18, and this machine has only 20\.20\.2, 22\.9\.1, 24\.1\.0"):
        choose_program(runtime("nodejs18.x"), NODES, strict=True)


RUBIES = [
    Program(family=RuntimeFamily.RUBY, version=version, executable=Path(f"/opt/ruby-{version[0]}.{version[1]}/bin/ruby"))
    for version in ((4, 0, 1), (3, 3, 8), (3, 1, 2))
]


@pytest.mark.parametrize(
    ("identifier", "chosen", "warns"),
    [
        ("ruby3.3", (3, 3), False),
        ("ruby3.2", (3, 3), True),
        ("ruby3.4", (4, 0), True),
        ("ruby4.0", (4, 0), False),
        ("ruby2.7", (3, 1), True),
    ],
)
def test_of_ruby_minor_versions_count(identifier: str, chosen: tuple[int, int], warns: bool) -> None:
    choice = choose_program(runtime(identifier), RUBIES, strict=False)
    assert (choice.program.version[:2], choice.warning is not None) == (chosen, warns)
    if warns:
        with pytest.raises(
            RuntimeUnavailable, match=rf"{identifier} needs Ruby {identifier.removeprefix('ruby')}, and this machine has only"
        ):
            choose_program(runtime(identifier), RUBIES, strict=True)


def test_without_any_the_message_names_the_language() -> None:
    with pytest.raises(RuntimeUnavailable, match="java21 needs Java, and this machine has none"):
        choose_program(runtime("java21"), [], strict=False)


def test_programs_are_found_on_the_path_and_where_version_managers_put_them(tmp_path: Path) -> None:
    home, on_path = tmp_path / "home", tmp_path / "path"
    nvm = home / ".nvm" / "versions" / "node" / "v99.1.2" / "bin"
    for directory, version in ((on_path, "v98.0.1"), (nvm, "v99.1.2")):
        directory.mkdir(parents=True)
        (directory / "node").write_text(f"#!/bin/sh\necho {version}\n")
        (directory / "node").chmod(0o755)
    jdk = home / ".sdkman" / "candidates" / "java" / "97.0.3-tem"
    (jdk / "bin").mkdir(parents=True)
    (jdk / "bin" / "java").touch(mode=0o755)
    (jdk / "release").write_text('IMPLEMENTOR="X"\nJAVA_VERSION="97.0.3"\n')
    places = SearchPlaces(path=(on_path,), home=home, own_executable=Path("/usr/bin/python3"))
    nodes = asyncio.run(discover_programs(RuntimeFamily.NODEJS, places))
    assert [program.version for program in nodes][:2] == [(99, 1, 2), (98, 0, 1)]
    javas = asyncio.run(discover_programs(RuntimeFamily.JAVA, places))
    assert (javas[0].version, javas[0].executable) == ((97, 0, 3), jdk / "bin" / "java")
