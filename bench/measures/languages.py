"""Other languages than Python: cold starts of Node.js, started ahead and not, beside `node -e 0`, of Java beside `java -version`, and a
response of 200 MB streamed through the node.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from bench.figures import Figure, Limit, percentile
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_RUNTIME = "nodejs20.x"
_ECHO = "exports.handler = async (event) => event;"
_POUR = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const part = Buffer.alloc(1 << 20, "x");
  for (let count = 0; count < event; count++) {
    if (!stream.write(part)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  stream.end();
});
"""
_STREAMED_MIB = 200
_PIPED = f"const part = Buffer.alloc(1 << 20); for (let i = 0; i < {_STREAMED_MIB}; i++) fs.writeSync(1, part)"
_PIPE = f"node -e '{_PIPED}' | cat > /dev/null"


def measure_languages(settings: BenchSettings) -> Iterator[Figure]:
    """Nothing, where there is no Node.js."""
    try:
        subprocess.run(["node", "-e", "0"], check=True)
    except OSError:
        return
    count = max(settings.cold_start_count // 3, 3)
    with started_platform() as platform, started_platform("--no-prewarm") as plain:
        yield from _node_cold_starts(platform, plain, count)
        yield _streamed(platform)
    if shutil.which("java") is not None:
        with started_platform() as platform:
            yield _java_cold_starts(platform, count)


def _node_cold_starts(platform: Platform, plain: Platform, count: int) -> Iterator[Figure]:
    """Alternately, so that whatever else goes on in the machine meets both alike."""
    node: dict[str, Any] = {"Runtime": _RUNTIME, "Handler": "index.handler"}
    names = [f"node-{number}" for number in range(count)]
    for name in names:
        for each in (platform, plain):
            each.deploy_files(name, {"index.js": _ECHO}, **node)
    ahead, alone, limits = [], [], []
    with platform.connect() as to_ahead, plain.connect() as to_alone:
        for name in names:
            platform.wait_until_quiet()
            limits.append(_seconds_of(["node", "-e", "0"]))
            ahead.append(to_ahead.invoke(name)[0])
            platform.wait_until_quiet()
            alone.append(to_alone.invoke(name)[0])
    limit = Limit(percentile(limits, 50) * 1e3, "node -e 0")
    for row, seconds in (("cold start, Node.js: p50", ahead), ("cold start, Node.js, --no-prewarm: p50", alone)):
        yield Figure(row=row, value=percentile(seconds, 50) * 1e3, unit="ms", limit=limit, note=f"{count} cold starts")


def _java_cold_starts(platform: Platform, count: int) -> Figure:
    """A method of the JDK as handler: nothing need be compiled."""
    java: dict[str, Any] = {"Runtime": "java21", "Handler": "java.util.Objects::nonNull", "MemorySize": 512}
    names = [platform.deploy_files(f"java-{number}", {"README": "no code"}, **java) for number in range(count)]
    seconds, limits = [], []
    with platform.connect() as connection:
        for name in names:
            platform.wait_until_quiet()  # the first time until there is an archive of the client's classes
            limits.append(_seconds_of(["java", "-Xshare:auto", "-version"]))
            seconds.append(connection.invoke(name)[0])
    limit = Limit(percentile(limits, 50) * 1e3, "java -version")
    return Figure(row="cold start, Java: p50", value=percentile(seconds, 50) * 1e3, unit="ms", limit=limit, note=f"{count} cold starts")


def _streamed(platform: Platform) -> Figure:
    name = platform.deploy_files("pour", {"index.js": _POUR}, Runtime=_RUNTIME, Handler="index.handler", MemorySize=256)
    platform.stream(name, json.dumps(1))
    before_mb = platform.node_memory_mb()
    started_at = time.perf_counter()
    streamed = platform.stream(name, json.dumps(_STREAMED_MIB))
    seconds = time.perf_counter() - started_at
    grown_mb = platform.node_memory_mb() - before_mb
    pipe_mb_per_second = _STREAMED_MIB * (1 << 20) / 1e6 / _seconds_of(["sh", "-c", _PIPE])
    return Figure(
        row=f"a response of {_STREAMED_MIB} MiB, streamed",
        value=streamed.byte_count / 1e6 / seconds,
        unit="MB/s",
        limit=Limit(pipe_mb_per_second, "node writing as much into a pipe, its start included"),
        note=f"read by boto3; the node's memory: at most {streamed.peak_mb - before_mb:.1f} MB more, afterwards {grown_mb:.1f} MB",
    )


def _seconds_of(command: list[str]) -> float:
    started_at = time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started_at
