"""What a directory without a template is."""

from pathlib import Path

import pytest

from alonzo.deployment.build_methods import BuildMethod
from alonzo.deployment.detection import InstalledPrograms, detect_functions, method_of_runtime, name_of, python_runtime
from alonzo.deployment.errors import NothingToDeploy, SourceUnclear


class NoPrograms(InstalledPrograms):
    """A machine without any language."""

    def version(self, name: str) -> str:
        return ""


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def found(directory: Path) -> list[tuple[str, BuildMethod, str, str]]:
    return [(function.name, function.method, function.runtime, function.handler) for function in detect_functions(directory, NoPrograms())]


POM = "<project><properties><maven.compiler.release>17</maven.compiler.release></properties></project>"
HANDLER = "package com.x; class Hello implements RequestHandler<A, B> {}"


@pytest.mark.parametrize(
    ("files", "method", "runtime", "handler"),
    [
        ({"app.py": "def handler(e, c): ..."}, BuildMethod.PYTHON, python_runtime(), "app.handler"),
        ({"index.mjs": "export const handler = 1"}, BuildMethod.NODEJS, "nodejs22.x", "index.handler"),
        ({"index.ts": "export const handler = 1", "package.json": "{}"}, BuildMethod.ESBUILD, "nodejs22.x", "index.handler"),
        ({"go.mod": "module x", "main.go": "package main"}, BuildMethod.GO, "provided.al2023", "bootstrap"),
        ({"Cargo.toml": "", "src/main.rs": "fn main() {}"}, BuildMethod.RUST, "provided.al2023", "bootstrap"),
        ({"pom.xml": POM, "src/main/java/Hello.java": HANDLER}, BuildMethod.MAVEN, "java17", "com.x.Hello::handleRequest"),
        ({"build.gradle": "", "src/main/java/Hello.java": HANDLER}, BuildMethod.GRADLE, "java21", "com.x.Hello::handleRequest"),
        ({"app.rb": "def handler(event:, context:) = 1"}, BuildMethod.RUBY, "ruby3.2", "app.handler"),
        (
            {"app.py": "def handler(e, c): ...", "package.json": '{"devDependencies": {}}'},
            BuildMethod.PYTHON,
            python_runtime(),
            "app.handler",
        ),
    ],
)
def test_recognizes_a_function(tmp_path: Path, files: dict[str, str], method: BuildMethod, runtime: str, handler: str) -> None:
    directory = write(tmp_path / "my function", files)
    assert found(directory) == [("my-function", method, runtime, handler)]


def test_recognizes_a_bootstrap(tmp_path: Path) -> None:
    write(tmp_path / "run", {"bootstrap": "#!/bin/sh"})
    (tmp_path / "run" / "bootstrap").chmod(0o755)
    assert found(tmp_path / "run") == [("run", BuildMethod.AS_IS, "provided.al2023", "bootstrap")]


def test_takes_a_dockerfile_where_nothing_says_more(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM scratch", "bin/main.pl": ""})
    assert [function.dockerfile for function in detect_functions(tmp_path, NoPrograms())] == [tmp_path / "Dockerfile"]
    write(tmp_path, {"app.py": "def handler(e, c): ..."})
    assert [function.dockerfile for function in detect_functions(tmp_path, NoPrograms())] == [None]


def test_takes_a_subdirectory_for_a_function(tmp_path: Path) -> None:
    files = {
        "a/app.py": "def handler(e, c): ...",
        "b/index.mjs": "export const handler = 1",
        "docs/x.md": "",
        ".git/app.py": "def handler(): ...",
    }
    assert [name for name, *_ in found(write(tmp_path, files))] == ["a", "b"]


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        ({"notes.txt": ""}, NothingToDeploy, "neither a template"),
        ({"go.mod": "", "cmd/a/a.go": "package main", "cmd/b/b.go": "package main"}, SourceUnclear, "cmd/a, cmd/b"),
        ({"pom.xml": "<project/>"}, SourceUnclear, "say --handler"),
        ({"build.gradle.kts": ""}, SourceUnclear, "say --handler"),
        ({"package.json": "{", "index.js": ""}, SourceUnclear, "is not JSON"),
    ],
)
def test_says_what_is_unclear(tmp_path: Path, files: dict[str, str], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        detect_functions(write(tmp_path, files), NoPrograms())


def test_methods_of_runtimes(tmp_path: Path) -> None:
    assert method_of_runtime("python3.12", tmp_path) is BuildMethod.PYTHON
    assert method_of_runtime("provided.al2023", tmp_path) is BuildMethod.AS_IS
    write(tmp_path, {"go.mod": "", "pom.xml": ""})
    assert method_of_runtime("provided.al2023", tmp_path) is BuildMethod.GO
    assert method_of_runtime("java21", tmp_path) is BuildMethod.MAVEN
    write(tmp_path, {"build.gradle.kts": ""})
    assert method_of_runtime("java21", tmp_path) is BuildMethod.GRADLE
    assert method_of_runtime("java21", tmp_path / "src") is BuildMethod.AS_IS


@pytest.mark.parametrize(
    "text",
    [
        "sourceCompatibility = 17",
        "sourceCompatibility = '17'",
        'sourceCompatibility = "1.17"',
        "java { targetCompatibility = JavaVersion.VERSION_17 }",
        "java { sourceCompatibility = JavaVersion.toVersion('17') }",
        "java { toolchain { languageVersion = JavaLanguageVersion.of(17) } }",
        "tasks.withType<JavaCompile> { options.release.set(17) }",
        "tasks.withType(JavaCompile) { options.release = 17 }",
        "kotlin { jvmToolchain(17) }",
    ],
)
def test_the_release_is_read_from_a_build_of_gradle(tmp_path: Path, text: str) -> None:
    write(tmp_path / "app", {"build.gradle": f"plugins {{ id 'java' version '21' }}\n{text}\n", "src/main/java/Hello.java": HANDLER})
    assert [runtime for _, _, runtime, _ in found(tmp_path / "app")] == ["java17"]


def test_names_are_what_lambda_takes(tmp_path: Path) -> None:
    assert name_of(tmp_path / "my.api v2") == "my-api-v2"
    assert name_of(tmp_path / "ä") == "function"
    assert len(name_of(tmp_path / ("x" * 100))) == 64
