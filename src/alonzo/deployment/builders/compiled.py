"""Languages whose build command writes what is packaged: Go, Rust, Java, and whatever a Makefile builds."""

import json
import shutil
from pathlib import Path

from alonzo.deployment.build_methods import BuildRequest
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.commands import find_tool
from alonzo.deployment.errors import SourceUnclear
from alonzo.deployment.handler_search import find_go_mains
from alonzo.deployment.java_builds import build_root_of, refuse_root, wrapper_of
from alonzo.deployment.packages import PackagePart

BOOTSTRAP = "bootstrap"
"""What the program of an OS-only runtime is called. Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-provided.html."""

_GO_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
_JAVA_CLASSES, _JAVA_LIBRARIES = "", "lib/"


def build_go(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """`go build` of the main program, as `bootstrap`, or under the handler's name for go1.x. `SourceUnclear` if there are several."""
    go = find_tool("go", needed_for=f"{request.label} (Go)", remedy="install it from https://go.dev/dl")
    main = request.main or _only_main(request)
    output = workshop.output_directory("go", str(request.directory), request.logical_id)
    program = request.handler if request.runtime == "go1.x" else BOOTSTRAP
    package = "." if main == request.directory else f"./{main.relative_to(request.directory).as_posix()}"
    # lambda.norpc leaves out what only go1.x needed. Source: https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html.
    tags = () if request.runtime == "go1.x" else ("-tags", "lambda.norpc")
    environment = {"GOOS": "linux", "GOARCH": _GO_ARCHITECTURES[request.architecture], "CGO_ENABLED": "0"}
    command = [go, "build", *tags, "-o", str(output / program), package]
    workshop.run(command, label=request.label, directory=request.directory, environment=environment)
    return (PackagePart(directory=output),)


def build_rust(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """`cargo build --release`; its program becomes `bootstrap`. `SourceUnclear` if there are several and none is named."""
    cargo = find_tool("cargo", needed_for=f"{request.label} (Rust)", remedy="install Rust from https://rustup.rs")
    wanted = request.properties.get("Binary")
    options = ["--bin", str(wanted)] if wanted else []
    command = [cargo, "build", "--release", "--message-format=json-render-diagnostics", *options]
    programs = _cargo_programs(workshop.run(command, label=request.label, directory=request.directory))
    if len(programs) != 1:
        names = ", ".join(sorted(programs)) or "none"
        raise SourceUnclear(f"{request.label}: cargo built several programs or none ({names}); name one in BuildProperties: Binary")
    output = workshop.output_directory("rust", str(request.directory), request.logical_id)
    shutil.copy(next(iter(programs.values())), output / BOOTSTRAP)
    return (PackagePart(directory=output),)


def _cargo_programs(messages: str) -> dict[str, Path]:
    """The programs among the artifacts that cargo names, a JSON object a line: https://doc.rust-lang.org/cargo/reference/external-tools.html."""
    programs = {}
    for line in messages.splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") == "compiler-artifact" and message.get("executable") and "bin" in message["target"]["kind"]:
            programs[message["target"]["name"]] = Path(message["executable"])
    return programs


def build_maven(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """`mvn package` without its tests: the classes, and the jars they need in lib/. Of a larger build, what it needs is built first."""
    refuse_root(request.directory, request.label)
    maven = str(
        wrapper_of(request.directory, "mvnw")
        or find_tool("mvn", needed_for=f"{request.label} (Java)", remedy="install Apache Maven, or add its wrapper (mvnw)")
    )
    libraries = workshop.output_directory("maven", str(request.directory), request.logical_id)
    root = build_root_of(request.directory)
    part = request.directory.resolve().relative_to(root)
    of_larger = ["--projects", str(part), "--also-make"] if part.parts else []
    command = [maven, "--quiet", "--batch-mode", *of_larger, "-DskipTests", "package", "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={libraries}"]
    workshop.run(command, label=request.label, directory=root)
    return (
        PackagePart(directory=libraries, prefix=_JAVA_LIBRARIES),
        PackagePart(directory=request.directory / "target" / "classes", prefix=_JAVA_CLASSES),
    )


def build_makefile(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """`make build-<logical id>`, which puts everything into ARTIFACTS_DIR, as SAM has it.

    Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-custom-runtimes.html.
    """
    make = find_tool("make", needed_for=f"the Makefile of {request.label}", remedy="install GNU make")
    if not (request.directory / "Makefile").is_file():
        raise SourceUnclear(f"{request.label} is built with make, and there is no Makefile in {request.directory}")
    output = workshop.output_directory("make", str(request.directory), request.logical_id)
    command = [make, f"build-{request.logical_id}", f"ARTIFACTS_DIR={output}"]
    working = request.directory / str(request.properties.get("WorkingDirectory", "."))
    if working != request.directory:
        command[1:1] = ["--makefile", str(request.directory / "Makefile")]
    workshop.run(command, label=request.label, directory=working, environment={"ARTIFACTS_DIR": str(output)})
    return (PackagePart(directory=output),)


def _only_main(request: BuildRequest) -> Path:
    mains = find_go_mains(request.directory)
    if len(mains) != 1:
        names = ", ".join(str(path.relative_to(request.directory)) for path in mains) or "none"
        raise SourceUnclear(f"{request.label}: which is the main program of {request.directory}? found: {names}")
    return mains[0]
