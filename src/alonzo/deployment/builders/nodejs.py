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
    bare = json.dumps({name: value for name, value in package.items() if name != "scripts"}, sort_keys=True)
    lists = [path for path in (request.directory / name for name in _LISTS) if path.is_file()]
    has_lock = any(path.name in _LOCKS for path in lists)

    def install(draft: Path) -> None:
        (draft / "package.json").write_text(bare)
        for path in lists:
            shutil.copyfile(path, draft / path.name)
        omitted = () if with_development else ("--omit=dev",)
        workshop.run([npm, "ci" if has_lock else "install", *omitted, *_OPTIONS], label=request.label, directory=draft)
        (draft / _MODULES).mkdir(exist_ok=True)

    key = (bare, *(path.read_text() for path in lists), request.runtime, "with development" if with_development else "")
    return workshop.installed("nodejs", key, install) / _MODULES
