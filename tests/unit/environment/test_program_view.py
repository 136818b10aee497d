"""What sandboxes show of a program, and where it is then."""

from pathlib import Path

from alonzo.environment.program_view import ProgramView
from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.programs import Program, SearchDirectory
from alonzo.sandbox.plan import Shown


def a_ruby(prefix: str, *gems: str) -> Program:
    return Program(
        family=RuntimeFamily.RUBY,
        version=(3, 3, 8),
        executable=Path(f"{prefix}/bin/ruby"),
        libraries=tuple(SearchDirectory("GEM_PATH", Path(each)) for each in gems),
        own_libraries=(SearchDirectory("RUBYLIB", Path(f"{prefix}/lib/ruby/3.3.0")),),
    )


def test_a_program_of_the_distribution_is_where_it_was() -> None:
    view = ProgramView.of(a_ruby("/usr", "/usr/lib/ruby/gems/3.3.0"))
    assert view.shown == ()
    assert view.seen == view.program
    assert view.seen.executable == Path("/usr/bin/ruby")
    assert view.seen.libraries == (SearchDirectory("GEM_PATH", Path("/usr/lib/ruby/gems/3.3.0")),)


def test_another_is_shown_elsewhere_and_told_where_its_own_files_are() -> None:
    view = ProgramView.of(a_ruby("/usr/local", "/usr/local/lib/ruby/gems/3.3.0", "/root/gems"))
    assert view.shown == (Shown(Path("/usr/local"), Path("/var/program")), Shown(Path("/root/gems"), Path("/var/libraries/1")))
    assert view.seen.executable == Path("/var/program/bin/ruby")
    assert view.seen.libraries == (
        SearchDirectory("GEM_PATH", Path("/var/program/lib/ruby/gems/3.3.0")),
        SearchDirectory("GEM_PATH", Path("/var/libraries/1")),
        SearchDirectory("RUBYLIB", Path("/var/program/lib/ruby/3.3.0")),
    )
    assert view.program.executable == Path("/usr/local/bin/ruby")
    assert not any(each.variable == "RUBYLIB" for each in view.program.libraries)


def test_packages_for_node_are_where_aws_has_them() -> None:
    modules = Path("/usr/local/lib/node_modules")
    node = Program(
        family=RuntimeFamily.NODEJS,
        version=(22, 1, 0),
        executable=Path("/usr/bin/node"),
        libraries=(SearchDirectory("NODE_PATH", modules),),
    )
    view = ProgramView.of(node)
    assert view.shown == (Shown(modules, Path("/var/runtime/node_modules")),)
    assert view.seen.libraries == (SearchDirectory("NODE_PATH", Path("/var/runtime/node_modules")),)
    assert view.program.libraries == node.libraries


def test_dotnet_has_its_program_beside_its_libraries() -> None:
    dotnet = Program(family=RuntimeFamily.DOTNET, version=(8, 0, 11), executable=Path("/root/.dotnet/dotnet"))
    view = ProgramView.of(dotnet)
    assert view.shown == (Shown(Path("/root/.dotnet"), Path("/var/program")),)
    assert view.seen.executable == Path("/var/program/dotnet")
