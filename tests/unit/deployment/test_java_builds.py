"""Which projects a build of Java consists of."""

from pathlib import Path

import pytest
from tests.support.deploying import write

from alonzo.deployment.detection import InstalledPrograms, detect_functions
from alonzo.deployment.errors import SourceUnclear
from alonzo.deployment.java_builds import build_root_of, modules_of, refuse_root

_HANDLER = "package com.x; class Hello implements RequestHandler<A, B> {}"
_MODULE = "<project/>"


@pytest.mark.parametrize(
    "files",
    [
        {"pom.xml": "<modules> <module>a</module><module>\n b/c </module><!-- <module>old</module> --><module>gone</module></modules>"},
        {"pom.xml": "<module>a</module><module>b</module>", "b/pom.xml": "<module>c</module>"},
        {"settings.gradle": "rootProject.name = 'x'\ninclude 'a', 'b:c'\n// include 'old'"},
        {"settings.gradle.kts": 'include(":a")\ninclude(\n  ":b:c",\n  "gone",\n)'},
    ],
)
def test_projects_are_those_that_the_build_names(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, {"a/pom.xml": _MODULE, "b/c/build.gradle": "", "b/c/pom.xml": _MODULE, "old/pom.xml": _MODULE} | files)
    wanted = {tmp_path / "a", tmp_path / "b" / "c"}
    assert wanted <= set(modules_of(tmp_path)) <= wanted | {tmp_path / "b"}
    assert build_root_of(tmp_path / "b" / "c") == tmp_path
    assert build_root_of(tmp_path / "old") == tmp_path / "old"
    with pytest.raises(SourceUnclear, match=r"a, b"):
        refuse_root(tmp_path, "app")


def test_a_build_names_nothing_outside_and_not_itself(tmp_path: Path) -> None:
    write(tmp_path, {"other/pom.xml": _MODULE, "own/pom.xml": "<module>../other</module><module>.</module>"})
    assert modules_of(tmp_path / "own") == []


def test_the_projects_with_a_handler_are_functions(tmp_path: Path) -> None:
    release = "<maven.compiler.release>11</maven.compiler.release>"
    files = {"pom.xml": f"<module>a</module><module>b</module>{release}", "a/pom.xml": _MODULE, "b/pom.xml": _MODULE}
    write(tmp_path, files)
    with pytest.raises(SourceUnclear, match=r"none of them has a class that implements RequestHandler: a, b"):
        detect_functions(tmp_path, InstalledPrograms())
    write(tmp_path, {"b/src/main/java/Hello.java": _HANDLER})
    (function,) = detect_functions(tmp_path, InstalledPrograms())
    assert (function.name, function.directory, function.runtime) == ("b", tmp_path / "b", "java11")


def test_two_projects_of_one_name_are_unclear(tmp_path: Path) -> None:
    files = {"pom.xml": "<module>a/x</module><module>b/x</module>"}
    files |= {f"{each}/x/{name}": text for each in "ab" for name, text in {"pom.xml": _MODULE, "src/main/java/H.java": _HANDLER}.items()}
    with pytest.raises(SourceUnclear, match=r"the same name: a/x, b/x; deploy one by its directory"):
        detect_functions(write(tmp_path, files), InstalledPrograms())
