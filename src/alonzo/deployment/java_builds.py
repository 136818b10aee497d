"""Java builds of several projects: Maven's modules and Gradle's subprojects. One of them is a function; the others are built with it.

Sources: https://maven.apache.org/guides/mini/guide-multiple-modules.html,
https://docs.gradle.org/current/userguide/multi_project_builds.html.
"""

import re
from pathlib import Path

from alonzo.deployment.build_methods import BuildMethod
from alonzo.deployment.errors import SourceUnclear

MAVEN_BUILD_FILE = "pom.xml"

_GRADLE_SETTINGS = ("settings.gradle", "settings.gradle.kts")
_GRADLE_BUILD_FILES = ("build.gradle", "build.gradle.kts", *_GRADLE_SETTINGS)  # the root of several projects may have settings alone
_MAVEN_MODULE = re.compile(r"<module>\s*([^<>]+?)\s*</module>")
_GRADLE_INCLUDE = re.compile(r"""^\s*include\b[\s(]*((?:["'][^"'\n]+["'][\s,]*)+)""", re.MULTILINE)
_QUOTED = re.compile(r"""["']([^"'\n]+)["']""")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_NESTED_MAX = 5


def build_file_of(directory: Path) -> Path | None:
    """What makes a directory a project of Java's: Gradle's file before Maven's, as SAM has it. None if it is not one."""
    return _first(directory, (*_GRADLE_BUILD_FILES, MAVEN_BUILD_FILE))


def modules_of(directory: Path) -> list[Path]:
    """The projects of which a build consists beside its own, those of them included; empty if it is not one of several."""
    found: list[Path] = []
    _find_modules(directory.resolve(), found, depth=0)
    return found


def build_root_of(directory: Path) -> Path:
    """Where the larger build begins that a project is part of; the project itself if there is none."""
    own = directory.resolve()
    roots = [parent for parent in own.parents if build_file_of(parent) is not None]
    return next((root for root in reversed(roots) if own in modules_of(root)), own)


def build_around(method: BuildMethod, directory: Path) -> Path | None:
    """`build_root_of` what these tools build, where it is another directory."""
    if method not in {BuildMethod.MAVEN, BuildMethod.GRADLE}:
        return None
    root = build_root_of(directory)
    return None if root == directory.resolve() else root


def wrapper_of(directory: Path, name: str) -> Path | None:
    """The project's own `gradlew` or `mvnw`, or that of the build around it."""
    own = directory.resolve()
    return next((path for path in (each / name for each in (own, *own.parents)) if path.is_file()), None)


def refuse_root(directory: Path, label: str) -> None:
    """`SourceUnclear` for a build of several projects that has no code itself: nobody can tell which one is meant."""
    modules = modules_of(directory)
    if modules and not (directory / "src").is_dir():
        names = ", ".join(str(module.relative_to(directory.resolve())) for module in modules)
        raise SourceUnclear(f"{label}: {directory} is a build of several projects; name the directory of the function's: {names}")


def _find_modules(directory: Path, found: list[Path], *, depth: int) -> None:
    for name in (*_maven_modules(directory), *_gradle_projects(directory)):
        module = (directory / name).resolve()
        if module not in found and module.is_relative_to(directory) and module != directory and build_file_of(module) is not None:
            found.append(module)
            if depth < _NESTED_MAX:
                _find_modules(module, found, depth=depth + 1)


def _maven_modules(directory: Path) -> list[str]:
    return _MAVEN_MODULE.findall(_COMMENT.sub("", _read(directory / MAVEN_BUILD_FILE)))


def _gradle_projects(directory: Path) -> list[str]:
    """By their paths (`:services:hello`), which are those of their directories unless the build says otherwise."""
    settings = _first(directory, _GRADLE_SETTINGS)
    included = _GRADLE_INCLUDE.findall(_read(settings)) if settings is not None else []
    return [name.strip(":").replace(":", "/") for names in included for name in _QUOTED.findall(names)]


def _first(directory: Path, names: tuple[str, ...]) -> Path | None:
    return next((path for path in (directory / name for name in names) if path.is_file()), None)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
