"""Interpreters are found behind links, shims and virtual environments, and asked only once."""

import asyncio
import sys
import venv
from pathlib import Path

from alonzo.runtimes.discovery import SearchPlaces, discover_interpreters
from alonzo.runtimes.interpreters import PythonInterpreter

REAL_EXECUTABLE = Path(sys.executable).resolve()


def a_search(tmp_path: Path, *, path: tuple[Path, ...] = (), own_executable: Path = REAL_EXECUTABLE) -> SearchPlaces:
    return SearchPlaces(path=path, home=tmp_path / "home", own_executable=own_executable)


def discover(places: SearchPlaces, *, cache_file: Path | None = None) -> tuple[PythonInterpreter, ...]:
    return asyncio.run(discover_interpreters(places, cache_file=cache_file))


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def write_counting_interpreter(path: Path, calls: Path) -> Path:
    return write_program(path, f'#!/bin/sh\necho asked >> {calls}\nexec {REAL_EXECUTABLE} "$@"\n')


def test_finds_the_interpreter_that_runs_this(tmp_path: Path) -> None:
    (interpreter,) = discover(a_search(tmp_path))
    assert interpreter.version == sys.version_info[:3]
    assert interpreter.base_prefix == Path(sys.base_prefix)
    assert interpreter.executable.resolve() == REAL_EXECUTABLE
    assert (interpreter.standard_library / "asyncio").is_dir()


def test_finds_the_base_of_a_virtual_environment_made_of_copies(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=False, with_pip=False)
    copy = tmp_path / "venv" / "bin" / "python3"
    (interpreter,) = discover(a_search(tmp_path, path=(copy.parent,), own_executable=copy))
    assert interpreter.base_prefix == Path(sys.base_prefix)
    assert tmp_path not in interpreter.executable.parents


def test_looks_behind_pyenv_shims_instead_of_running_them(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    write_program(tmp_path / "pyenv" / "shims" / "python3.11", f"#!/bin/sh\necho asked >> {calls}\n")
    installed = tmp_path / "pyenv" / "versions" / "3.99.0" / "bin" / "python3"
    installed.parent.mkdir(parents=True)
    installed.symlink_to(REAL_EXECUTABLE)
    places = a_search(tmp_path, path=(tmp_path / "pyenv" / "shims",), own_executable=installed)
    assert [interpreter.executable.resolve() for interpreter in discover(places)] == [REAL_EXECUTABLE]
    assert not calls.exists()


def test_finds_what_uv_installed(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    write_counting_interpreter(tmp_path / "home" / ".local" / "share" / "uv" / "python" / "cpython-3.99" / "bin" / "python3.99", calls)
    discover(a_search(tmp_path))
    assert calls.read_text() == "asked\n"


def test_asks_again_only_after_a_change(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    program = write_counting_interpreter(tmp_path / "bin" / "python3", calls)
    places = a_search(tmp_path, path=(program.parent,))
    cache_file = tmp_path / "data" / "interpreters.json"
    first = discover(places, cache_file=cache_file)
    assert discover(places, cache_file=cache_file) == first
    assert calls.read_text() == "asked\n"
    program.write_text(program.read_text() + "# changed\n")
    discover(places, cache_file=cache_file)
    assert calls.read_text() == "asked\nasked\n"


def test_starts_a_broken_cache_anew(tmp_path: Path) -> None:
    cache_file = tmp_path / "interpreters.json"
    cache_file.write_text('{"half a')
    assert len(discover(a_search(tmp_path), cache_file=cache_file)) == 1


def test_leaves_out_what_does_not_run_or_is_too_old(tmp_path: Path) -> None:
    answer = '{"version":[3,6,1],"implementation":"cpython","executable":"/old","base_prefix":"/","standard_library":"/","has_ctypes":true,'
    answer += '"is_optimized":false,'
    write_program(tmp_path / "bin" / "python3.6", f"#!/bin/sh\necho '{answer}\"library_directory\":null}}'\n")
    write_program(tmp_path / "bin" / "python3.7", "#!/bin/sh\nexit 1\n")
    write_program(tmp_path / "bin" / "python3.8", "not a program")
    write_program(tmp_path / "bin" / "python3.9", "#!/nowhere/python\n")
    found = discover(a_search(tmp_path, path=(tmp_path / "bin", tmp_path / "absent")))
    assert [interpreter.executable.resolve() for interpreter in found] == [REAL_EXECUTABLE]
