"""A directory without a template: one function, or one a subdirectory, each with its own name."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from alonzo.deployment.assembly import Assembly
from alonzo.deployment.build_methods import BuildMethod, BuildRequest
from alonzo.deployment.detection import (
    DetectedFunction,
    InstalledPrograms,
    detect_function,
    detect_functions,
    host_architecture,
    method_of_runtime,
    name_of,
)
from alonzo.deployment.errors import DeploymentError, Failures, NothingToDeploy, SourceUnclear
from alonzo.deployment.functions import Functions, FunctionSettings
from alonzo.deployment.image_targets import ImageTarget
from alonzo.deployment.images import ImageBuilds, ImageRequest
from alonzo.deployment.java_builds import build_around, build_root_of
from alonzo.deployment.project import Report, described, sized
from alonzo.deployment.source_files import outermost
from alonzo.deployment.targets import Target

DEFAULT_ROLE = "arn:aws:iam::000000000000:role/alonzo"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOptions:
    """What the person at the terminal has said of the functions; None: as it is found, or Lambda's default."""

    name: str | None = None
    handler: str | None = None
    runtime: str | None = None
    role: str | None = None
    memory_mib: int | None = None
    timeout_seconds: int | None = None
    variables: dict[str, str] = field(default_factory=dict)
    has_url: bool = False


class DirectoryProject:
    """A `Project`."""

    def __init__(
        self,
        *,
        directory: Path,
        options: FunctionOptions,
        functions: Functions,
        assembly: Assembly,
        images: ImageBuilds,
        report: Report,
    ) -> None:
        self._directory = directory.resolve()
        self._options = options
        self._functions = functions
        self._assembly = assembly
        self._images = images
        self._report = report
        self._programs = InstalledPrograms()
        self._targets: dict[Path, Target] = {}
        self._image_targets: dict[Path, ImageTarget] = {}

    def deploy(self) -> None:
        """See `Project`. `NothingToDeploy`, `SourceUnclear` before anything is built."""
        failures = Failures()
        functions = self._detect()
        for function in functions:
            with failures.collected():
                self._deploy(function)
        failures.check()
        if len(functions) == 1:
            self._report(f"  alonzo invoke {self._options.name or functions[0].name}")

    def watched(self) -> tuple[Path, ...]:
        """See `Project`."""
        around = (target.request.watched for target in self._targets.values())
        return outermost([self._directory, build_root_of(self._directory), *around])

    def apply(self, changed: frozenset[Path]) -> None:
        """See `Project`: what a changed file makes of its function, a new subdirectory a new function."""
        self._forget_what_is_gone()
        failures = Failures()
        for image in self._image_targets.values():
            with failures.collected():
                if touched := image.touched_by(changed):
                    self._refresh_image(image, touched)
        for function in self._detect_again():
            with failures.collected():
                target = self._targets.get(function.directory)
                if target is None:
                    self._deploy(function)
                elif touched := target.touched_by(changed):
                    self._refresh(target, function, touched)
        failures.check()

    def _forget_what_is_gone(self) -> None:
        names = {directory: target.request.label for directory, target in self._targets.items()}
        names |= {directory: image.request.logical_id for directory, image in self._image_targets.items()}
        for directory, name in names.items():
            if not directory.is_dir():
                self._targets.pop(directory, None)
                self._image_targets.pop(directory, None)
                self._report(f"{directory.name}/ is gone; the function {name} stays until it is deleted")

    def _detect(self) -> list[DetectedFunction]:
        options = self._options
        if options.runtime is not None and options.handler is not None:
            method = method_of_runtime(options.runtime, self._directory)
            name = options.name or name_of(self._directory)
            return [DetectedFunction(directory=self._directory, name=name, method=method, runtime=options.runtime, handler=options.handler)]
        found = detect_functions(self._directory, self._programs)
        if len(found) > 1 and (options.name or options.handler):
            names = ", ".join(function.name for function in found)
            raise SourceUnclear(f"--name and --handler are for one function, and there are {len(found)} in {self._directory}: {names}")
        return found

    def _detect_again(self) -> list[DetectedFunction]:
        """As they are now, but for images. One that cannot be made out any more, being edited, is still the one that it was."""
        if self._directory in self._image_targets:
            return []
        if self._directory in self._targets:
            return [self._as_it_is(self._targets[self._directory])]
        try:
            found = {function.directory: function for function in self._detect() if function.directory not in self._image_targets}
        except (NothingToDeploy, SourceUnclear):
            if not self._targets and not self._image_targets:
                raise
            found = {}
        for directory, target in self._targets.items():
            if directory.is_dir() and directory not in found:
                found[directory] = self._as_it_is(target)
        return list(found.values())

    def _as_it_is(self, target: Target) -> DetectedFunction:
        request = target.request
        if self._options.runtime is None or self._options.handler is None:
            try:
                now = detect_function(request.directory, self._programs)
            except SourceUnclear:
                now = None
            if now is not None:
                return now
        return DetectedFunction(
            directory=request.directory,
            name=request.label,
            method=request.method,
            runtime=request.runtime,
            handler=request.handler,
            main=request.main,
        )

    def _refresh(self, target: Target, function: DetectedFunction, touched: frozenset[Path]) -> None:
        started_at = time.monotonic()
        target.request = self._request_of(function)
        package = target.assemble(self._assembly)
        if target.is_live(package):
            return
        self._functions.deploy(self._settings_of(target.request), package)
        target.note_live(package)
        self._report(f"{described(touched, self._directory)}: {target.request.label} is live after {time.monotonic() - started_at:.2f} s")

    def _refresh_image(self, image: ImageTarget, touched: frozenset[Path]) -> None:
        started_at = time.monotonic()
        uri = self._images.build(image.request)
        if uri == image.live_uri:
            return
        self._functions.deploy_image(self._settings_of_image(image), uri)
        image.live_uri = uri
        took = f"{time.monotonic() - started_at:.2f} s"
        self._report(f"{described(touched, self._directory)}: {image.request.logical_id} is live after {took}")

    def _deploy_image(self, function: DetectedFunction, dockerfile: Path) -> None:
        started_at = time.monotonic()
        if self._options.handler is not None or self._options.runtime is not None:
            raise DeploymentError(f"{function.directory} is built into an image, which says itself what it runs (ENTRYPOINT and CMD)")
        name = self._options.name or function.name
        image = ImageTarget(
            ImageRequest(logical_id=name, context=function.directory, dockerfile=dockerfile, tag="latest", target=None, arguments=())
        )
        self._image_targets[function.directory] = image
        uri = self._images.build(image.request)
        self._functions.deploy_image(self._settings_of_image(image), uri)
        image.live_uri = uri
        self._report(f"{name} is live after {time.monotonic() - started_at:.2f} s (the image {uri})")
        self._report_url(name)

    def _report_url(self, name: str) -> None:
        if self._options.has_url:
            self._report(f"  {self._functions.ensure_url(name)}")

    def _deploy(self, function: DetectedFunction) -> None:
        if function.dockerfile is not None:
            self._deploy_image(function, function.dockerfile)
            return
        started_at = time.monotonic()
        target = Target(self._request_of(function))
        request = target.request
        self._targets[function.directory] = target
        package = target.assemble(self._assembly)
        self._functions.deploy(self._settings_of(request), package)
        target.note_live(package)
        took = f"{time.monotonic() - started_at:.2f} s"
        self._report(f"{request.label} is live after {took} ({request.runtime}, {request.handler}, {sized(len(package.content))})")
        self._report_url(request.label)

    def _request_of(self, function: DetectedFunction) -> BuildRequest:
        options = self._options
        runtime = options.runtime or function.runtime
        name = options.name or function.name
        is_other_language = options.runtime is not None and method_of_runtime(options.runtime, function.directory) is not function.method
        if is_other_language and function.method is not BuildMethod.ESBUILD:
            raise DeploymentError(
                f"{name} looks like {function.method} and not like {runtime}; say --handler as well to deploy it as {runtime}"
            )
        return BuildRequest(
            label=name,
            logical_id=name,
            directory=function.directory,
            method=function.method,
            runtime=runtime,
            handler=options.handler or function.handler,
            architecture=host_architecture(),
            main=function.main,
            around=build_around(function.method, function.directory),
        )

    def _settings_of(self, request: BuildRequest) -> FunctionSettings:
        return self._settings(request.label, runtime=request.runtime, handler=request.handler)

    def _settings_of_image(self, image: ImageTarget) -> FunctionSettings:
        return self._settings(image.request.logical_id, runtime=None, handler=None)

    def _settings(self, name: str, *, runtime: str | None, handler: str | None) -> FunctionSettings:
        return FunctionSettings(
            name=name,
            runtime=runtime,
            handler=handler,
            role=self._options.role or DEFAULT_ROLE,
            architecture=host_architecture(),
            memory_mib=self._options.memory_mib,
            timeout_seconds=self._options.timeout_seconds,
            variables=self._options.variables,
        )
