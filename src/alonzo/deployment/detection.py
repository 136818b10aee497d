"""What a directory without a template is: which functions are in it, in which language, with which handler.

Each language is recognized by the file that its own tools look for. What was found is a suggestion: options of the command win.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alonzo.deployment import handler_search, java_builds
from alonzo.deployment.build_methods import BuildMethod
from alonzo.deployment.builders.nodejs import read_package
from alonzo.deployment.errors import NothingToDeploy, SourceUnclear
from alonzo.deployment.source_files import NEVER_PACKAGED_DIRECTORIES
from alonzo.model.names import BARE_NAME_MAX_LENGTH

PROVIDED = "provided.al2023"
_NODEJS_VERSIONS = (20, 22, 24)
_NODEJS_DEFAULT = 22
_RUBY_VERSIONS = ("3.2", "3.3", "3.4")
_JAVA_VERSIONS = (11, 17, 21, 25)
_JAVA_DEFAULT = 21
_JAVA_RELEASE = re.compile(r"<(?:maven\.compiler\.)?(?:release|target|source|java\.version)>\s*(?:1\.)?(\d+)\s*<")
_GRADLE_RELEASE = re.compile(
    r"""
    (?: \b(?:release|sourceCompatibility|targetCompatibility|jvmToolchain) \b [\s.=(]* (?:set\s*\()? | JavaLanguageVersion\.of\s*\( )
    [\s"']* (?:JavaVersion\.(?:VERSION_|toVersion\(\s*["']?))? (?:1[._])? (\d+)
    """,
    re.VERBOSE,
)
"""In Groovy or Kotlin: `options.release = 17`, `sourceCompatibility = JavaVersion.VERSION_17`, `JavaLanguageVersion.of(21)`."""

_ASK_SECONDS = 10.0
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_CONTAINER_FILES = ("Dockerfile", "Containerfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedFunction:
    """A function in a directory. `main`: the directory of Go's main program. `dockerfile`: of an image, which says itself what it runs."""

    directory: Path
    name: str
    method: BuildMethod
    runtime: str
    handler: str
    main: Path | None = None
    dockerfile: Path | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    method: BuildMethod
    runtime: str
    handler: str
    main: Path | None = None


class InstalledPrograms:
    """What programs of this machine say of their version; each is asked once."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}

    def version(self, name: str) -> str:
        """What `name --version` prints; empty if there is no such program."""
        if name not in self._versions:
            self._versions[name] = _ask(name, "--version")
        return self._versions[name]


def detect_functions(directory: Path, programs: InstalledPrograms) -> list[DetectedFunction]:
    """The function that a directory is, or those that its subdirectories are. `NothingToDeploy`, `SourceUnclear`."""
    own = _detect_here(directory, programs)
    if own:
        return own
    try:
        below = sorted(path for path in directory.iterdir() if path.is_dir() and not _is_ignored(path.name))
    except OSError as error:
        raise NothingToDeploy(f"{directory} cannot be read: {error.strerror}") from error
    functions = [function for path in below for function in _detect_here(path, programs)]
    if not functions:
        raise NothingToDeploy(
            f"there is neither a template (template.yaml) nor a function in {directory}. A function is recognized by a Python file with "
            "`def handler` or `def lambda_handler`, an index.js or index.mjs that exports handler, a Ruby file with `def handler`, go.mod, "
            "Cargo.toml, pom.xml, build.gradle, an executable named bootstrap, or a Dockerfile; or name it: --runtime python3.12 "
            "--handler app.main"
        )
    return functions


def detect_function(directory: Path, programs: InstalledPrograms) -> DetectedFunction | None:
    """The function that this directory itself is, if it is one. `SourceUnclear` if it is one and its handler cannot be made out."""
    for detect in _DETECTORS:
        found = detect(directory, programs)
        if found is not None:
            return DetectedFunction(
                directory=directory,
                name=name_of(directory),
                method=found.method,
                runtime=found.runtime,
                handler=found.handler,
                main=found.main,
            )
    for path in (directory / name for name in _CONTAINER_FILES):
        if path.is_file():
            return DetectedFunction(
                directory=directory, name=name_of(directory), method=BuildMethod.AS_IS, runtime="", handler="", dockerfile=path
            )
    return None


def _detect_here(directory: Path, programs: InstalledPrograms) -> list[DetectedFunction]:
    """The function that a directory is, or those among the projects of a larger build of Java's."""
    modules = java_builds.modules_of(directory)
    if not modules or handler_search.find_java_handlers(directory):
        own = detect_function(directory, programs)
        return [] if own is None else [own]
    with_handlers = [module for module in modules if handler_search.find_java_handlers(module)]
    functions = [function for module in with_handlers if (function := detect_function(module, programs)) is not None]
    names = [function.name for function in functions]
    if not functions or len(set(names)) < len(names):
        shown = ", ".join(str(module.relative_to(directory.resolve())) for module in with_handlers or modules)
        problem = "two of them have the same name" if functions else "none of them has a class that implements RequestHandler"
        raise SourceUnclear(f"{directory} is a build of several projects, and {problem}: {shown}; deploy one by its directory, with --name")
    return functions


def name_of(directory: Path) -> str:
    """A function's name from its directory's: what Lambda does not take in one becomes a hyphen."""
    return _NOT_IN_NAMES.sub("-", directory.resolve().name).strip("-")[:BARE_NAME_MAX_LENGTH] or "function"


def host_architecture() -> str:
    """This machine's, in AWS's words."""
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def method_of_runtime(runtime: str, directory: Path) -> BuildMethod:
    """How sources of a runtime are built when nothing else is said."""
    for family, method in (
        ("python", BuildMethod.PYTHON),
        ("nodejs", BuildMethod.NODEJS),
        ("ruby", BuildMethod.RUBY),
        ("go", BuildMethod.GO),
    ):
        if runtime.startswith(family):
            return method
    if runtime.startswith("java"):
        return _method_of_java(directory)
    if runtime.startswith("provided"):
        if (directory / "go.mod").is_file():
            return BuildMethod.GO
        if (directory / "Cargo.toml").is_file():
            return BuildMethod.RUST
    return BuildMethod.AS_IS


def _method_of_java(directory: Path) -> BuildMethod:
    path = java_builds.build_file_of(directory)
    if path is None:
        return BuildMethod.AS_IS
    return BuildMethod.MAVEN if path.name == java_builds.MAVEN_BUILD_FILE else BuildMethod.GRADLE


def python_runtime() -> str:
    """The one of the Python that runs this program: it is there."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def nodejs_runtime(programs: InstalledPrograms) -> str:
    """The newest that the installed Node.js is new enough for."""
    major = int((re.match(r"v(\d+)", programs.version("node")) or [0, 0])[1])
    return f"nodejs{max((version for version in _NODEJS_VERSIONS if version <= major), default=_NODEJS_DEFAULT)}.x"


def _ruby_runtime(programs: InstalledPrograms) -> str:
    match = re.match(r"ruby (\d+)\.(\d+)", programs.version("ruby"))
    installed = (int(match[1]), int(match[2])) if match else (0, 0)
    fitting = [version for version in _RUBY_VERSIONS if tuple(map(int, version.split("."))) <= installed]
    return f"ruby{fitting[-1] if fitting else _RUBY_VERSIONS[0]}"


def _detect_bootstrap(directory: Path, programs: InstalledPrograms) -> _Found | None:
    program = directory / "bootstrap"
    return _Found(BuildMethod.AS_IS, PROVIDED, "bootstrap") if program.is_file() and os.access(program, os.X_OK) else None


def _detect_go(directory: Path, programs: InstalledPrograms) -> _Found | None:
    if not (directory / "go.mod").is_file():
        return None
    mains = handler_search.find_go_mains(directory)
    if len(mains) != 1:
        found = ", ".join(str(path.relative_to(directory)) for path in mains) or "none"
        raise SourceUnclear(
            f"which is the main program of the Go module {directory}? A function has one `package main`, there or in a directory of cmd/; "
            f"found: {found}"
        )
    return _Found(BuildMethod.GO, PROVIDED, "bootstrap", mains[0])


def _detect_rust(directory: Path, programs: InstalledPrograms) -> _Found | None:
    return _Found(BuildMethod.RUST, PROVIDED, "bootstrap") if (directory / "Cargo.toml").is_file() else None


def _detect_java(directory: Path, programs: InstalledPrograms) -> _Found | None:
    method = _method_of_java(directory)
    if method is BuildMethod.AS_IS:
        return None
    handlers = handler_search.find_java_handlers(directory)
    if len(handlers) != 1:
        found = ", ".join(handlers) or "none"
        raise SourceUnclear(
            f"which class of {directory} is the handler? implementing RequestHandler or RequestStreamHandler: {found}; say --handler"
        )
    wanted = _java_release(directory, _JAVA_RELEASE if method is BuildMethod.MAVEN else _GRADLE_RELEASE)
    version = min((version for version in _JAVA_VERSIONS if version >= wanted), default=_JAVA_VERSIONS[-1])
    return _Found(method, f"java{version}", f"{handlers[0]}::handleRequest")


def _java_release(directory: Path, pattern: re.Pattern[str]) -> int:
    """Of the project, else of the builds around it, whose settings are those of their parts."""
    root = java_builds.build_root_of(directory)
    own = directory.resolve()
    for each in (own, *(parent for parent in own.parents if parent.is_relative_to(root))):
        path = java_builds.build_file_of(each)
        declared = pattern.search(path.read_text(errors="replace")) if path is not None else None
        if declared is not None:
            return int(declared[1])
    return _JAVA_DEFAULT


def _detect_python(directory: Path, programs: InstalledPrograms) -> _Found | None:
    handler = handler_search.find_python_handler(directory)
    return None if handler is None else _Found(BuildMethod.PYTHON, python_runtime(), handler)


def _detect_nodejs(directory: Path, programs: InstalledPrograms) -> _Found | None:
    package = read_package(directory)
    main = package.get("main")
    handler = handler_search.find_nodejs_handler(directory, main=main if isinstance(main, str) else None)
    if handler is not None:
        return _Found(BuildMethod.NODEJS, nodejs_runtime(programs), handler)
    handler = handler_search.find_typescript_handler(directory)
    return None if handler is None else _Found(BuildMethod.ESBUILD, nodejs_runtime(programs), handler)


def _detect_ruby(directory: Path, programs: InstalledPrograms) -> _Found | None:
    handler = handler_search.find_ruby_handler(directory)
    return None if handler is None else _Found(BuildMethod.RUBY, _ruby_runtime(programs), handler)


_DETECTORS: tuple[Callable[[Path, "InstalledPrograms"], _Found | None], ...] = (
    _detect_bootstrap,
    _detect_go,
    _detect_rust,
    _detect_java,
    _detect_nodejs,
    _detect_python,
    _detect_ruby,
)
"""Languages with a project file first; what is decided by a handler's name last. package.json may only format a Python project."""


def _is_ignored(name: str) -> bool:
    return (
        name.startswith(".") or name in NEVER_PACKAGED_DIRECTORIES or name in {"node_modules", "target", "tests", "test", "docs", "events"}
    )


def _ask(program: str, argument: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        answer = subprocess.run(  # noqa: S603 - a program of the machine, asked for its version
            [path, argument], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout
