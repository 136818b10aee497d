"""esbuild: JavaScript and TypeScript bundled into one file an entry point, with SAM's BuildProperties.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-build-typescript.html.
"""

import shutil
from pathlib import Path
from typing import Any

from alonzo.deployment.build_methods import BuildRequest
from alonzo.deployment.builders.nodejs import install_modules, read_package
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.errors import SourceUnclear, ToolMissing
from alonzo.deployment.packages import PackagePart

_ENTRY_SUFFIXES = (".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx")
_FLAGS = {"Minify": "--minify", "Sourcemap": "--sourcemap", "KeepNames": "--keep-names", "SplitBundles": "--splitting"}
_VALUES = {
    "Target": "--target",
    "Format": "--format",
    "MainFields": "--main-fields",
    "SourcesContent": "--sources-content",
    "Platform": "--platform",
}
_LISTS = {"External": "--external", "Loader": "--loader", "OutExtension": "--out-extension", "Define": "--define", "Banner": "--banner"}
_DEFAULTS: dict[str, Any] = {"Platform": "node", "Target": "es2020", "Format": "cjs", "Minify": True}
"""SAM's, with the platform, which it does not let be changed."""


def build_esbuild(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """See the module. `ToolMissing` if esbuild is neither in the project's node_modules nor on the PATH nor in its devDependencies."""
    modules = [
        path for path in (directory / "node_modules" for directory in (request.directory, *request.directory.parents)) if path.is_dir()
    ]
    package = read_package(request.directory)
    if not (request.directory / "node_modules").is_dir() and (package.get("dependencies") or package.get("devDependencies")):
        modules.insert(0, install_modules(request, workshop, package, with_development=True))
    esbuild = _find(modules)
    if esbuild is None:
        raise ToolMissing(
            f"{request.label} is built with esbuild, and it is not installed; in {request.directory}: npm install --save-dev esbuild"
        )
    output = workshop.output_directory("esbuild", str(request.directory), request.logical_id)
    command = [esbuild, *entry_points(request), "--bundle", f"--outdir={output}", "--log-level=warning", *arguments_of(request.properties)]
    # esbuild looks for packages beside the sources and above them, and then here.
    workshop.run(command, label=request.label, directory=request.directory, environment={"NODE_PATH": ":".join(map(str, modules))})
    return (PackagePart(directory=output),)


def entry_points(request: BuildRequest) -> list[str]:
    """Those that the properties name, else the file of the handler. `SourceUnclear`."""
    named = request.properties.get("EntryPoints")
    if named:
        return [str(entry) for entry in named]
    module = request.handler.rpartition(".")[0] or request.handler
    for suffix in _ENTRY_SUFFIXES:
        if (request.directory / f"{module}{suffix}").is_file():
            return [f"{module}{suffix}"]
    raise SourceUnclear(f"{request.label}: there is no {module}.ts or {module}.js in {request.directory} for the handler {request.handler}")


def arguments_of(properties: dict[str, Any]) -> list[str]:
    """esbuild's options for SAM's properties. `SourceUnclear` for one that is neither's."""
    arguments = []
    for name, value in (_DEFAULTS | properties).items():
        if name == "EntryPoints":
            continue
        if name in _FLAGS:
            arguments += [_FLAGS[name]] if value in {True, "true", "True"} else []
        elif name in _VALUES:
            arguments.append(f"{_VALUES[name]}={_text(value)}")
        elif name in _LISTS:
            arguments += [f"{_LISTS[name]}:{item}" for item in _items(value)]
        else:
            raise SourceUnclear(f"BuildProperties of esbuild have no {name}; known are {', '.join(sorted((*_FLAGS, *_VALUES, *_LISTS)))}")
    return arguments


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _items(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}={item}" for name, item in value.items()]
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _find(modules: list[Path]) -> str | None:
    for directory in modules:
        candidate = directory / ".bin" / "esbuild"
        if candidate.exists():
            return str(candidate)
    return shutil.which("esbuild")
