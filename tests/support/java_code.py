"""Java functions of the tests, compiled."""

import asyncio
from pathlib import Path

from tests.support.toolchains import completed, require_tool

from alonzo.runtimes.java_client import default_cache, ensure_java_client


def compile_java(sources: Path, directory: Path) -> dict[str, bytes]:
    """Class files by their paths in a package, compiled against the interfaces of aws-lambda-java-core."""
    jars, classes = directory / "jars", directory / "classes"
    asyncio.run(ensure_java_client(jars, cache=default_cache()))
    core = next(jars.glob("aws-lambda-java-core-*.jar"))
    files = [str(path) for path in sources.rglob("*.java")]
    command = [require_tool("javac"), "-encoding", "UTF-8", "-cp", str(core), "--release", "11", "-d", str(classes), *files]
    completed(command)
    return {str(path.relative_to(classes)): path.read_bytes() for path in classes.rglob("*.class")}
