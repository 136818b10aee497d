"""Node.js: the sources, and beside them what npm installs of package.json, as the lock file has it if there is one."""

import json
import shutil
from pathlib import Path
from typing import Any

from alonzo.deployment.build_methods import BuildRequest
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.commands import find_tool
from alonzo.deployment.errors import SourceUnclear
from alonzo.deployment.packages import PackagePart
from alonzo.deployment.source_files import iter_files

_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
_LISTS = (*_LOCKS, ".npmrc")
_MODULES = "node_modules"
_OPTIONS = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def build_nodejs(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """See the module. A `node_modules` in the sources is packaged only where there is no package.json that says what belongs in it."""
    prefix = "nodejs/" if request.is_layer else ""
    package = read_package(request.directory)
    if not package.get("dependencies"):
        return (PackagePart(directory=request.directory, prefix=prefix),)
    modules = install_modules(request, workshop, package, with_development=False)
    sources = PackagePart(directory=request.directory, prefix=prefix, skipped=frozenset({_MODULES}))
    return PackagePart(directory=modules, prefix=f"{prefix}{_MODULES}/", is_settled=True), sources


def read_package(directory: Path) -> dict[str, Any]:
    """package.json, empty if there is none. `SourceUnclear` when it is not JSON."""
    path = directory / "package.json"
    if not path.is_file():
        return {}
    try:
        package = json.loads(path.read_bytes())
    except ValueError as error:
        raise SourceUnclear(f"{path} is not JSON: {error}") from error
    if not isinstance(package, dict):
        raise SourceUnclear(f"{path} is not a JSON object")
    return package


def install_modules(request: BuildRequest, workshop: Workshop, package: dict[str, Any], *, with_development: bool) -> Path:
    """The `node_modules` that npm makes of a package.json; once for each list of dependencies."""
    npm = find_tool("npm", needed_for=f"package.json of {request.label}", remedy="install Node.js with npm")
    # Without its scripts: those of the package itself expect the sources around them. Those of its dependencies run.
    local = _local_dependencies(package, request.directory)
    bare = json.dumps(_with_absolute_paths({name: value for name, value in package.items() if name != "scripts"}, local), sort_keys=True)
    lists = [path for path in (request.directory / name for name in _LISTS) if path.is_file() and not (local and path.name in _LOCKS)]
    has_lock = any(path.name in _LOCKS for path in lists)

    def install(draft: Path) -> None:
        (draft / "package.json").write_text(bare)
        for path in lists:
            shutil.copyfile(path, draft / path.name)
        omitted = [] if with_development else ["--omit=dev"]
        if local:
            omitted.append("--install-links")  # copied, since a link into the sources leads nowhere in a package
        workshop.run([npm, "ci" if has_lock else "install", *omitted, *_OPTIONS], label=request.label, directory=draft)
        (draft / _MODULES).mkdir(exist_ok=True)

    key = (bare, *(path.read_text() for path in lists), *map(_state_of, local.values()), request.runtime, str(with_development))
    return workshop.installed("nodejs", key, install) / _MODULES


def _local_dependencies(package: dict[str, Any], directory: Path) -> dict[str, Path]:
    """Those that are directories or archives beside the function (`file:../shared`)."""
    specifications = {**package.get("devDependencies", {}), **package.get("dependencies", {})}
    return {
        name: (directory / value.removeprefix("file:")).resolve()
        for name, value in specifications.items()
        if isinstance(value, str) and value.startswith("file:")
    }


def _with_absolute_paths(package: dict[str, Any], local: dict[str, Path]) -> dict[str, Any]:
    for kind in ("dependencies", "devDependencies"):
        if isinstance(package.get(kind), dict):
            package[kind] = {name: f"file:{local[name]}" if name in local else value for name, value in package[kind].items()}
    return package


def _state_of(path: Path) -> str:
    """What changes when one of its files does."""
    files = [file for _, file in iter_files(path, skipped=frozenset({_MODULES}))] if path.is_dir() else [path]
    return json.dumps([(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.exists()])
