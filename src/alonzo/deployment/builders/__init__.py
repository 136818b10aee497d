"""One way of building a file; `build` finds the one that a request asks for."""

from collections.abc import Callable

from alonzo.deployment.build_methods import BuildMethod, BuildRequest
from alonzo.deployment.builders.compiled import build_go, build_makefile, build_maven, build_rust
from alonzo.deployment.builders.esbuild import build_esbuild
from alonzo.deployment.builders.gradle import build_gradle
from alonzo.deployment.builders.nodejs import build_nodejs
from alonzo.deployment.builders.python import build_python
from alonzo.deployment.builders.ruby import build_ruby
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.packages import PackagePart

Builder = Callable[[BuildRequest, Workshop], tuple[PackagePart, ...]]


def _as_is(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    return (PackagePart(directory=request.directory),)


_BUILDERS: dict[BuildMethod, Builder] = {
    BuildMethod.AS_IS: _as_is,
    BuildMethod.PYTHON: build_python,
    BuildMethod.NODEJS: build_nodejs,
    BuildMethod.ESBUILD: build_esbuild,
    BuildMethod.RUBY: build_ruby,
    BuildMethod.GO: build_go,
    BuildMethod.RUST: build_rust,
    BuildMethod.MAVEN: build_maven,
    BuildMethod.GRADLE: build_gradle,
    BuildMethod.MAKEFILE: build_makefile,
}


def build(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """Build it; the directories whose files are to be packaged. `BuildFailed`, `ToolMissing`, `SourceUnclear`, OSError."""
    return _BUILDERS[request.method](request, workshop)
