"""Programs of other languages are found where people install them, with the packages that lie beside them."""

import asyncio
import json
from pathlib import Path

import pytest

from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.program_discovery import discover_programs
from alonzo.runtimes.programs import Program, SearchDirectory


@pytest.fixture
def places(tmp_path: Path) -> SearchPlaces:
    """Nothing but an empty home and an empty directory on the PATH."""
    for name in ("home", "path"):
        (tmp_path / name).mkdir()
    return SearchPlaces(path=(tmp_path / "path",), home=tmp_path / "home", own_executable=Path("/usr/bin/python3"))


def put(path: Path, *lines: str) -> Path:
    """A program that says these lines, whatever it is asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", "cat <<'END'", *lines, "END", ""]))
    path.chmod(0o755)
    return path


def found(family: RuntimeFamily, places: SearchPlaces) -> list[Program]:
    """Those of this test: the machine may have others."""
    programs = asyncio.run(discover_programs(family, places))
    return [program for program in programs if program.executable.is_relative_to(places.home.parent)]


def a_ruby(prefix: Path, **changes: object) -> str:
    answer: dict[str, object] = {
        "version": "3.3.8",
        "engine": "ruby",
        "executable": str(prefix / "bin" / "ruby"),
        "prefix": str(prefix),
        "load_path": [f"{prefix}/lib/ruby/3.3.0", f"{prefix}/lib/ruby/3.3.0/x86_64-linux"],
        "library_directory": f"{prefix}/lib",
        "gem_path": [f"{prefix}/lib/ruby/gems/3.3.0", "/nowhere"],
    }
    return json.dumps(answer | changes)


def test_a_shim_is_found_as_the_ruby_that_it_runs(places: SearchPlaces) -> None:
    prefix = places.home / ".rbenv" / "versions" / "3.3.8"
    (prefix / "lib/ruby/gems/3.3.0").mkdir(parents=True)
    for path in (prefix / "bin" / "ruby", places.path[0] / "ruby"):
        put(path, a_ruby(prefix))
    (program,) = found(RuntimeFamily.RUBY, places)
    assert (program.version, program.executable, program.prefix) == ((3, 3, 8), prefix / "bin/ruby", prefix)
    assert program.libraries == (SearchDirectory("GEM_PATH", prefix / "lib/ruby/gems/3.3.0"),)
    assert program.own_libraries == (
        SearchDirectory("RUBYLIB", prefix / "lib/ruby/3.3.0"),
        SearchDirectory("RUBYLIB", prefix / "lib/ruby/3.3.0/x86_64-linux"),
        SearchDirectory("LD_LIBRARY_PATH", prefix / "lib"),
    )


def test_gems_elsewhere_count_if_the_sdk_is_among_them(places: SearchPlaces) -> None:
    prefix, own, other = places.home / ".rubies" / "ruby-3.3", places.home / "gems", places.home / "others"
    for directory, gem in ((own, "aws-sdk-core-3.1.0"), (other, "rake-1.0.0")):
        (directory / "specifications").mkdir(parents=True)
        (directory / "specifications" / f"{gem}.gemspec").touch()
    put(prefix / "bin" / "ruby", a_ruby(prefix, gem_path=[str(own), str(other)]))
    (program,) = found(RuntimeFamily.RUBY, places)
    assert program.libraries == (SearchDirectory("GEM_PATH", own),)


@pytest.mark.parametrize("changes", [{"engine": "jruby"}, {"version": "2.6.10"}, {"gem_path": None}])
def test_what_cannot_run_functions_is_left_out(places: SearchPlaces, changes: dict[str, object]) -> None:
    prefix = places.home / ".rubies" / "other"
    put(prefix / "bin" / "ruby", a_ruby(prefix, **changes))
    put(places.home / ".rubies" / "broken" / "bin" / "ruby", "ruby: no such file")
    assert found(RuntimeFamily.RUBY, places) == []


def test_one_dotnet_is_as_many_programs_as_it_has_versions(places: SearchPlaces) -> None:
    lines = [f"Microsoft.NETCore.App {version} [/x]" for version in ("8.0.11", "10.0.0-rc.1.25451.107")]
    program = put(places.home / ".dotnet" / "dotnet", "Microsoft.AspNetCore.App 9.0.1 [/x]", *lines)
    programs = found(RuntimeFamily.DOTNET, places)
    assert [(each.version, each.executable, each.prefix) for each in programs] == [
        ((10, 0, 0), program, program.parent),
        ((8, 0, 11), program, program.parent),
    ]


def test_packages_for_node_are_those_that_the_owner_names_or_global_ones_with_the_sdk(places: SearchPlaces, tmp_path: Path) -> None:
    node = put(places.home / ".nvm" / "versions" / "node" / "v99.0.0" / "bin" / "node", "v99.0.0")
    beside = node.parent.parent / "lib" / "node_modules"
    (beside / "npm").mkdir(parents=True)
    without = found(RuntimeFamily.NODEJS, places)[0]
    assert without.libraries == () or not without.libraries[0].path.is_relative_to(tmp_path)
    (beside / "@aws-sdk").mkdir()
    assert found(RuntimeFamily.NODEJS, places)[0].libraries == (SearchDirectory("NODE_PATH", beside),)
    named = SearchPlaces(path=places.path, home=places.home, own_executable=places.own_executable, node_modules=tmp_path)
    assert found(RuntimeFamily.NODEJS, named)[0].libraries == (SearchDirectory("NODE_PATH", tmp_path),)
