"""A template and what lies around it: deployed as a stack; afterwards each function and layer is made live by itself when it is saved."""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alonzo.deployment.assembly import Assembly
from alonzo.deployment.build_methods import BuildMethod, BuildRequest
from alonzo.deployment.detection import host_architecture, method_of_runtime, name_of
from alonzo.deployment.endpoints import iter_api_addresses
from alonzo.deployment.errors import Failures, SourceUnclear, TemplateInvalid
from alonzo.deployment.functions import Functions
from alonzo.deployment.image_targets import ImageTarget
from alonzo.deployment.images import ImageBuilds, image_request
from alonzo.deployment.java_builds import build_around
from alonzo.deployment.layers import Layers
from alonzo.deployment.packages import Package
from alonzo.deployment.project import Report, described
from alonzo.deployment.source_files import outermost
from alonzo.deployment.stacks import StackResource, Stacks
from alonzo.deployment.targets import Target
from alonzo.deployment.template import LocalKind, LocalReference, Template, read_document, read_template
from alonzo.deployment.uploads import Uploads

_FUNCTION, _LAYER = "AWS::Lambda::Function", "AWS::Lambda::LayerVersion"
_SAM_LAYER_HASH = re.compile(r"[0-9a-f]{10}")
"""SAM gives a layer's logical id the hash of its properties, so that each change is a new version."""
_NESTED_MAX = 5
_METHODS = {
    "makefile": BuildMethod.MAKEFILE,
    "esbuild": BuildMethod.ESBUILD,
    "rust-cargolambda": BuildMethod.RUST,
    "go1.x": BuildMethod.GO,
    "go": BuildMethod.GO,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """`name` None: the directory's."""

    name: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


class StackProject:
    """A `Project`."""

    def __init__(
        self,
        *,
        template: Path,
        options: StackOptions,
        stacks: Stacks,
        functions: Functions,
        layers: Layers,
        uploads: Uploads,
        assembly: Assembly,
        images: ImageBuilds,
        create_client: Callable[[str], Any],
        report: Report,
    ) -> None:
        self._path = template.resolve()
        self._name = options.name or re.sub(r"^[^A-Za-z]+|_", "-", name_of(self._path.parent)).strip("-") or "stack"
        self._parameters = options.parameters
        self._stacks = stacks
        self._functions = functions
        self._layers = layers
        self._uploads = uploads
        self._assembly = assembly
        self._images = images
        self._create_client = create_client
        self._report = report
        self._targets: list[Target] = []
        self._nested_targets: list[Target] = []
        self._stack_files: frozenset[Path] = frozenset({self._path})
        self._image_targets: list[ImageTarget] = []
        self._nested_image_targets: list[ImageTarget] = []
        self._physical_ids: dict[str, str] = {}

    def deploy(self) -> None:
        """See `Project`: build, upload, and have CloudFormation do the rest. `TemplateInvalid`, `StackFailed`."""
        started_at = time.monotonic()
        packaging = _Packaging(uploads=self._uploads, assembly=self._assembly, images=self._images, parameters=self._parameters)
        self._stack_files = frozenset({self._path})
        template = read_template(self._path)
        try:
            packaging.localize(template)
        finally:
            self._targets, self._nested_targets = packaging.targets, packaging.nested_targets
            self._stack_files = frozenset({self._path, *packaging.stack_files})
            self._image_targets, self._nested_image_targets = packaging.image_targets, packaging.nested_image_targets
        text = template.as_json()
        key = f"{hashlib.sha256(text.encode()).hexdigest()}.template"
        is_changed = self._stacks.deploy(self._name, text, template_key=key, parameters=self._parameters)
        resources = self._stacks.resources(self._name)
        for resource in resources:
            if resource.type == _FUNCTION:
                self._functions.wait(resource.physical_id)
        self._align(packaging.built, resources)
        self._physical_ids = {target.request.logical_id: self._find_physical_id(target.request, resources) for target in self._targets}
        for target, package in packaging.built:
            target.note_live(package)
        for image, uri in packaging.built_images:
            self._align_image(image, uri, resources)
        took = f"{time.monotonic() - started_at:.2f} s"
        self._report(f"stack {self._name} is live after {took}" if is_changed else f"stack {self._name} is as it was ({took})")
        self._report_endpoints(resources)

    def watched(self) -> tuple[Path, ...]:
        """See `Project`."""
        targets = (*self._targets, *self._nested_targets)
        roots = {
            self._path.parent,
            *(image.request.context for image in (*self._image_targets, *self._nested_image_targets)),
            *(target.request.watched for target in targets),
            *(path.parent for path in self._stack_files),
        }
        return outermost(roots)

    def apply(self, changed: frozenset[Path]) -> None:
        """See `Project`: a template or a definition is for CloudFormation, code and layers are not."""
        nested: tuple[Target | ImageTarget, ...] = (*self._nested_targets, *self._nested_image_targets)
        of_stack = (changed & self._stack_files).union(*(target.touched_by(changed) for target in nested))
        if of_stack:
            self._report(f"{described(of_stack, self._path.parent)}: deploying the stack")
            self.deploy()
            return
        failures = Failures()
        for target in self._targets:
            with failures.collected():
                if touched := target.touched_by(changed):
                    self._refresh(target, touched)
        for image in self._image_targets:
            with failures.collected():
                if touched := image.touched_by(changed):
                    self._refresh_image(image, touched)
        failures.check()

    def _refresh(self, target: Target, touched: frozenset[Path]) -> None:
        started_at = time.monotonic()
        package = target.assemble(self._assembly)
        if target.is_live(package):
            return
        request = target.request
        physical_id = self._physical_ids.get(request.logical_id, "")
        if not physical_id:
            self._deploy_first(request.label, touched)
            return
        users = ""
        if request.is_layer:
            names = [resource.physical_id for resource in self._stacks.resources(self._name) if resource.type == _FUNCTION]
            self._physical_ids[request.logical_id], changed_names = self._layers.replace(physical_id, package, names)
            users = f" in {', '.join(changed_names) or 'no function'}"
        else:
            self._functions.update_code(physical_id, package)
        target.note_live(package)
        took = f"{time.monotonic() - started_at:.2f} s"
        self._report(f"{described(touched, self._path.parent)}: {request.label} is live{users} after {took}")

    def _refresh_image(self, image: ImageTarget, touched: frozenset[Path]) -> None:
        started_at = time.monotonic()
        logical_id = image.request.logical_id
        uri = self._images.build(image.request)
        if uri == image.live_uri:
            return
        physical_id = self._physical_ids.get(logical_id, "")
        if not physical_id:
            self._deploy_first(logical_id, touched)
            return
        self._functions.update_image(physical_id, uri)
        image.live_uri = uri
        took = f"{time.monotonic() - started_at:.2f} s"
        self._report(f"{described(touched, self._path.parent)}: {logical_id} is live after {took}")

    def _deploy_first(self, label: str, touched: frozenset[Path]) -> None:
        self._report(f"{described(touched, self._path.parent)}: deploying the stack, since {label} is not live yet")
        self.deploy()

    def _align(self, built: list[tuple[Target, Package]], resources: list[StackResource]) -> None:
        """Have live what the stack says, where it has not changed since something else was made live past it."""
        names = [resource.physical_id for resource in resources if resource.type == _FUNCTION]
        for target, package in built:
            physical_id = self._find_physical_id(target.request, resources)
            if physical_id and target.request.is_layer:
                self._layers.have_used(physical_id, names)
            elif physical_id:
                self._functions.update_code(physical_id, package)

    def _align_image(self, image: ImageTarget, uri: str, resources: list[StackResource]) -> None:
        logical_id = image.request.logical_id
        for resource in resources:
            if resource.logical_id == logical_id and resource.type == _FUNCTION:
                self._functions.update_image(resource.physical_id, uri)
                self._physical_ids[logical_id] = resource.physical_id
                image.live_uri = uri

    def _find_physical_id(self, request: BuildRequest, resources: list[StackResource]) -> str:
        """Empty for what is not in this stack itself, but in a nested one, or excluded by a condition."""
        for resource in resources:
            rest = resource.logical_id.removeprefix(request.logical_id)
            is_named_so = resource.logical_id == request.logical_id or (request.is_layer and _SAM_LAYER_HASH.fullmatch(rest))
            if is_named_so and resource.type == (_LAYER if request.is_layer else _FUNCTION):
                return resource.physical_id
        return ""

    def _report_endpoints(self, resources: list[StackResource]) -> None:
        for key, value, description in self._stacks.outputs(self._name):
            self._report(f"  {key} = {value}{f'  ({description})' if description else ''}")
        for logical_id, address in iter_api_addresses(resources, self._create_client):
            self._report(f"  API {logical_id}: {address}")
        for resource in resources:
            if resource.type == _FUNCTION:
                url = self._functions.find_url(resource.physical_id)
                self._report(f"  function {resource.logical_id}: {resource.physical_id}{f'  {url}' if url else ''}")


class _Packaging:
    """Puts into a template what stands for its local paths. What it met is kept, also when it ends with an error."""

    def __init__(self, *, uploads: Uploads, assembly: Assembly, images: ImageBuilds, parameters: dict[str, str]) -> None:
        self._uploads = uploads
        self._assembly = assembly
        self._images = images
        self._parameters = parameters
        self._packages: dict[tuple[Any, ...], Package] = {}
        self.targets: list[Target] = []
        self.nested_targets: list[Target] = []
        self.built: list[tuple[Target, Package]] = []
        self.stack_files: list[Path] = []
        self.image_targets: list[ImageTarget] = []
        self.nested_image_targets: list[ImageTarget] = []
        self.built_images: list[tuple[ImageTarget, str]] = []

    def localize(self, template: Template, depth: int = 0) -> None:
        references = template.local_references()
        built_here = [reference for reference in references if reference.kind in {LocalKind.FUNCTION, LocalKind.LAYER}]
        targets = {reference.logical_id: Target(self._request(template, reference)) for reference in built_here}
        (self.nested_targets if depth else self.targets).extend(targets.values())
        self.stack_files += [reference.path for reference in references if reference not in built_here]
        self._build_images(template, depth)
        for reference in references:
            if reference.kind is LocalKind.DEFINITION:
                template.set_body(reference.logical_id, read_document(reference.path))
            elif reference.kind is LocalKind.TEMPLATE:
                template.set_url(reference.logical_id, self._nested(reference.path, depth + 1))
            else:
                target = targets[reference.logical_id]
                package = self._build(target)
                if not depth:
                    self.built.append((target, package))
                template.set_code(reference.logical_id, *self._uploads.put(package.content, f"{package.sha256}.zip"))

    def _build_images(self, template: Template, depth: int) -> None:
        found = (image_request(name, template.metadata(name), base=template.path.parent) for name in template.image_functions())
        images = [ImageTarget(request) for request in found if request is not None]
        (self.nested_image_targets if depth else self.image_targets).extend(images)
        for image in images:
            uri = self._images.build(image.request)
            if not depth:
                self.built_images.append((image, uri))
            template.set_image(image.request.logical_id, uri)

    def _build(self, target: Target) -> Package:
        """Functions with the same sources, built in the same way, share a package."""
        request = target.request
        is_own = request.method in {BuildMethod.MAKEFILE, BuildMethod.ESBUILD, BuildMethod.RUST}
        key = (request.directory, request.method, request.runtime, request.architecture, request.is_layer, is_own and request.logical_id)
        if key not in self._packages:
            self._packages[key] = target.assemble(self._assembly)
        return self._packages[key]

    def _nested(self, path: Path, depth: int) -> str:
        if depth > _NESTED_MAX:
            raise TemplateInvalid(f"{path}: more than {_NESTED_MAX} templates within each other")
        nested = read_template(path)
        self.localize(nested, depth)
        content = nested.as_json().encode()
        _, key = self._uploads.put(content, f"{hashlib.sha256(content).hexdigest()}.template")
        return self._uploads.url_of(key)

    def _request(self, template: Template, reference: LocalReference) -> BuildRequest:
        logical_id, is_layer = reference.logical_id, reference.kind is LocalKind.LAYER
        metadata = template.metadata(logical_id)
        runtime = str(template.setting(logical_id, "Runtime", self._parameters) or "")
        architectures = template.setting(logical_id, "Architectures", self._parameters) or template.setting(
            logical_id, "CompatibleArchitectures", self._parameters
        )
        named = str(metadata.get("BuildMethod") or "")
        properties = metadata.get("BuildProperties")
        working = {"WorkingDirectory": metadata["WorkingDirectory"]} if "WorkingDirectory" in metadata else {}
        method = _method_of(named, runtime, reference, is_skipped=metadata.get("SkipBuild") in {True, "true", "True"})
        return BuildRequest(
            label=logical_id,
            logical_id=logical_id,
            directory=reference.path,
            method=method,
            runtime=(named if is_layer else runtime) or runtime,
            handler=str(template.setting(logical_id, "Handler", self._parameters) or ""),
            architecture=str(architectures[0]) if isinstance(architectures, list) and architectures else host_architecture(),
            is_layer=is_layer,
            around=build_around(method, reference.path),
            properties=(properties if isinstance(properties, dict) else {}) | working,
        )


def _method_of(named: str, runtime: str, reference: LocalReference, *, is_skipped: bool) -> BuildMethod:
    """What SAM does for `BuildMethod`, for a runtime's name in its place, or for neither. `SourceUnclear`."""
    if is_skipped or reference.path.is_file():
        return BuildMethod.AS_IS
    if named in _METHODS:
        return _METHODS[named]
    if named:
        method = method_of_runtime(named, reference.path)
        if method is BuildMethod.AS_IS:
            known = ", ".join(sorted(_METHODS))
            raise SourceUnclear(
                f"{reference.logical_id}: BuildMethod {named} is not known here; known are runtimes (python3.12, ...) and {known}"
            )
        return method
    if reference.kind is LocalKind.LAYER:
        return BuildMethod.AS_IS
    return method_of_runtime(runtime, reference.path)
