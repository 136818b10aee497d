"""Finds the handler in a function's sources, as a person would: by the names that AWS's console, SAM and the documentation use.

Sources are looked at as text, since they may not compile at the moment (somebody is writing them), and nothing of them is run.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_PYTHON_FILES = ("app.py", "lambda_function.py", "main.py", "handler.py", "index.py", "function.py", "lambda_handler.py")
_NODEJS_FILES = ("index", "app", "handler", "main", "lambda", "function", "lambda_function")
_NODEJS_SUFFIXES = (".mjs", ".js", ".cjs")
_TYPESCRIPT_SUFFIXES = (".ts", ".mts", ".cts", ".tsx")
_RUBY_FILES = ("lambda_function.rb", "app.rb", "function.rb", "handler.rb", "main.rb", "index.rb")
_HANDLERS = ("lambda_handler", "handler", "lambdaHandler")
_SOURCE_MAX_BYTES = 1 << 20
_DIRECTORIES = ("", "src", "lib", "app")

_PYTHON = re.compile(
    r"^(?:(?:async\s+)?def\s+(?P<defined>lambda_handler|handler)\s*\("
    r"|(?P<assigned>lambda_handler|handler)\s*(?::[^=\n]+)?=(?!=)"
    r"|from\s[^\n]+\simport\s[^\n]*\b(?P<imported>lambda_handler|handler)\b)",
    re.MULTILINE,
)
_NODEJS = re.compile(
    r"^\s*(?:(?:module\.)?exports\.(?P<assigned>\w+)\s*="
    r"|export\s+(?:const|let|var|(?:async\s+)?function\s*\*?)\s+(?P<exported>\w+)"
    r"|export\s+default\s+\{\s*(?P<by_default>\w+)"
    r"|(?:export|module\.exports\s*=)\s*\{(?P<listed>[^}]*)\})",
    re.MULTILINE,
)
_RUBY = re.compile(r"^def\s+(?:self\.)?(?P<name>lambda_handler|handler)\b", re.MULTILINE)
_RUBY_METHOD = re.compile(r"^\s+def\s+self\.(?P<name>process|lambda_handler|handler|call)\b", re.MULTILINE)
_RUBY_MODULE = re.compile(r"^\s*(?:class|module)\s+(?P<name>[A-Z]\w*(?:::\w+)*)", re.MULTILINE)
_JAVA_PACKAGE = re.compile(r"^\s*package\s+(?P<name>[\w.]+)\s*;?", re.MULTILINE)
_JAVA_CLASS = re.compile(
    r"\bclass\s+(?P<name>\w+)\b[^{]*?(?:\bimplements\b|:)[^{]*?\b(?:com\.amazonaws\.services\.lambda\.runtime\.)?Request(?:Stream)?Handler\b"
)
_GO_MAIN = re.compile(r"^package\s+main\b", re.MULTILINE)


def find_python_handler(directory: Path) -> str | None:
    """`app.handler`, `src/app.handler`; None when no file has one."""
    for path, module in _iter_candidates(directory, _PYTHON_FILES, (".py",)):
        names = {match["defined"] or match["assigned"] or match["imported"] for match in _PYTHON.finditer(_read(path))}
        if names:
            return f"{module}.{_preferred(names)}"
    return None


def find_nodejs_handler(directory: Path, *, main: str | None = None) -> str | None:
    """`index.handler`; `main` is the file that package.json names. None when no file exports one."""
    return _find_javascript_handler(directory, main, _NODEJS_SUFFIXES)


def find_typescript_handler(directory: Path) -> str | None:
    """As `find_nodejs_handler`, for what has to be built first."""
    return _find_javascript_handler(directory, None, _TYPESCRIPT_SUFFIXES)


def find_ruby_handler(directory: Path) -> str | None:
    """`app.handler`, or `app.Greeter.process` for a method of a class or a module."""
    for path, module in _iter_candidates(directory, _RUBY_FILES, (".rb",)):
        source = _read(path)
        if (match := _RUBY.search(source)) is not None:
            return f"{module}.{match['name']}"
        if (method := _RUBY_METHOD.search(source)) is not None:
            owners = [found["name"] for found in _RUBY_MODULE.finditer(source, 0, method.start())]
            if owners:
                return f"{module}.{'::'.join(owners)}.{method['name']}"
    return None


def find_java_handlers(directory: Path) -> list[str]:
    """Every class of the main sources that implements AWS's interface of a handler, as `package.Class`."""
    found: list[str] = []
    for root in (directory / "src" / "main" / "java", directory / "src" / "main" / "kotlin", directory / "src"):
        for path in sorted(root.rglob("*")) if root.is_dir() and not found else ():
            if path.suffix in {".java", ".kt"} and path.is_file():
                source = _read(path)
                package = _JAVA_PACKAGE.search(source)
                prefix = f"{package['name']}." if package else ""
                found += [prefix + match["name"] for match in _JAVA_CLASS.finditer(source)]
    return found


def find_go_mains(directory: Path) -> list[Path]:
    """The directories of main programs: the module's own, or those in `cmd/`."""
    if _is_go_main(directory):
        return [directory]
    commands = directory / "cmd"
    return [path for path in sorted(commands.iterdir()) if _is_go_main(path)] if commands.is_dir() else []


def _is_go_main(directory: Path) -> bool:
    sources = (path for path in sorted(directory.glob("*.go")) if not path.name.endswith("_test.go"))
    return any(_GO_MAIN.search(_read(path)) for path in sources)


def _find_javascript_handler(directory: Path, main: str | None, suffixes: tuple[str, ...]) -> str | None:
    named = [(path, _module_of(path, directory)) for path in [directory / main] if path.is_file()] if main else []
    files = tuple(name + suffix for name in _NODEJS_FILES for suffix in suffixes)
    for path, module in (*named, *_iter_candidates(directory, files, suffixes)):
        names = set(_exported_names(_read(path))) & set(_HANDLERS)
        if names:
            return f"{module}.{_preferred(names)}"
    return None


def _exported_names(source: str) -> Iterator[str]:
    for match in _NODEJS.finditer(source):
        if match["listed"] is not None:
            for item in match["listed"].split(","):
                # `run as handler` exports handler, and so does `handler: run` of CommonJS.
                yield item.partition(":")[0].rpartition(" as ")[2].strip()
        else:
            yield match["assigned"] or match["exported"] or match["by_default"]


def _iter_candidates(directory: Path, known: Sequence[str], suffixes: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Files that may have the handler, the most likely first, with their module as a handler names it."""
    for below in _DIRECTORIES:
        folder = directory / below
        if not folder.is_dir():
            continue
        names = sorted(path.name for path in folder.iterdir() if path.suffix in suffixes and not _is_test(path.name))
        for name in [*(name for name in known if name in names), *(name for name in names if name not in known)]:
            if (folder / name).is_file():
                yield folder / name, _module_of(folder / name, directory)


def _is_test(name: str) -> bool:
    return name.startswith("test_") or ".test." in name or ".spec." in name or "_test." in name or name.endswith(".d.ts")


def _module_of(path: Path, directory: Path) -> str:
    return path.relative_to(directory).with_suffix("").as_posix()


def _preferred(names: set[str]) -> str:
    return min(names, key=_HANDLERS.index)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_SOURCE_MAX_BYTES).decode(errors="replace")
