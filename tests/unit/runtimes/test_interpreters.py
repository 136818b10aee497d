"""The nearest interpreter runs a runtime, and says so when it is not the one asked for."""

from pathlib import Path

import pytest

from alonzo.runtimes.catalog import RuntimeSpec, find_runtime
from alonzo.runtimes.interpreters import PythonInterpreter, RuntimeUnavailable, choose_interpreter


def a_runtime(identifier: str) -> RuntimeSpec:
    runtime = find_runtime(identifier)
    assert runtime is not None
    return runtime


def an_interpreter(version: str, *, has_ctypes: bool = True, is_optimized: bool = False) -> PythonInterpreter:
    major, minor, micro = map(int, version.split("."))
    prefix = Path("/opt") / version
    return PythonInterpreter(
        version=(major, minor, micro),
        executable=prefix / "bin" / "python3",
        base_prefix=prefix,
        standard_library=prefix / "lib" / f"python{major}.{minor}",
        library_directory=None,
        has_ctypes=has_ctypes,
        is_optimized=is_optimized,
    )


@pytest.mark.parametrize(
    ("installed", "runtime", "chosen"),
    [
        (("3.10.1", "3.11.2", "3.12.3"), "python3.11", "3.11.2"),
        (("3.11.2", "3.11.9", "3.11.4"), "python3.11", "3.11.9"),
        (("3.9.1", "3.13.0", "3.12.3"), "python3.10", "3.12.3"),
        (("3.9.1", "3.11.0"), "python3.14", "3.11.0"),
        (("3.9.1", "3.11.0"), "python3.8", "3.9.1"),
    ],
)
def test_chooses_the_same_minor_version_else_the_nearest_newer_else_the_nearest_older(
    installed: tuple[str, ...], runtime: str, chosen: str
) -> None:
    choice = choose_interpreter(a_runtime(runtime), [an_interpreter(version) for version in installed], strict=False)
    assert choice.interpreter.version_text == chosen


def test_warns_only_when_the_version_is_another() -> None:
    interpreters = [an_interpreter("3.11.2")]
    assert choose_interpreter(a_runtime("python3.11"), interpreters, strict=False).warning is None
    warning = choose_interpreter(a_runtime("python3.12"), interpreters, strict=False).warning
    assert warning == "python3.12 is not installed on this machine: running on Python 3.11.2 (/opt/3.11.2/bin/python3) instead"


def test_prefers_an_interpreter_with_ctypes_over_the_exact_version() -> None:
    interpreters = [an_interpreter("3.11.2", has_ctypes=False), an_interpreter("3.12.0")]
    choice = choose_interpreter(a_runtime("python3.11"), interpreters, strict=False)
    assert choice.interpreter.version_text == "3.12.0"


def test_prefers_an_optimized_build_over_a_higher_patch_release() -> None:
    interpreters = [an_interpreter("3.11.7"), an_interpreter("3.11.2", is_optimized=True)]
    assert choose_interpreter(a_runtime("python3.11"), interpreters, strict=False).interpreter.version_text == "3.11.2"


def test_strict_refuses_another_version_and_names_what_is_there() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"needs Python 3\.12, and this machine has only 3\.11\.2"):
        choose_interpreter(a_runtime("python3.12"), [an_interpreter("3.11.2")], strict=True)


def test_refuses_without_any_interpreter() -> None:
    with pytest.raises(RuntimeUnavailable, match="this machine has none"):
        choose_interpreter(a_runtime("python3.12"), [], strict=False)


def test_refuses_other_families() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"nodejs22\.x"):
        choose_interpreter(a_runtime("nodejs22.x"), [an_interpreter("3.11.2")], strict=False)
