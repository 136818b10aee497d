"""Every language: cold starts beside the start of its bare program, and a response of 200 MB streamed through the node."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.languages import HANDLERS, LANGUAGES, Language

from bench.figures import Figure, Limit, percentile
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

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


@dataclass(frozen=True, slots=True)
class _Start:
    """A language of the conformance suite, and what its start is compared with.

    `tools`: what building and running it needs. `is_prewarmed`: whether `--no-prewarm` makes a difference.
    """

    language: str
    tools: tuple[str, ...]
    bare: tuple[str, ...]
    is_prewarmed: bool = False


_STARTS = (
    _Start("python", (), (sys.executable, "-c", "pass")),
    _Start("commonjs", ("node",), ("node", "-e", "0"), is_prewarmed=True),
    _Start("java", ("java", "javac"), ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-version"), is_prewarmed=True),
    _Start("ruby", ("ruby",), ("ruby", "-e", "0")),
    _Start("go", ("go",), ("true",)),
    _Start("rust", ("cargo",), ("true",)),
    _Start("shell", ("bash", "curl"), ("bash", "-c", "curl --version")),
)


def measure_languages(settings: BenchSettings) -> Iterator[Figure]:
    """What there are tools for on this machine."""
    languages = {language.id: language for language in LANGUAGES}
    with started_platform() as platform, started_platform("--no-prewarm") as plain:
        for start in _STARTS:
            if all(shutil.which(tool) for tool in start.tools):
                platforms = {"": platform} | ({", --no-prewarm": plain} if start.is_prewarmed else {})
                yield from _cold_starts(platforms, languages[start.language], start, max(settings.cold_start_count // 3, 3))
        if shutil.which("node"):
            yield _streamed(platform)


def _cold_starts(platforms: Mapping[str, Platform], language: Language, start: _Start, count: int) -> Iterator[Figure]:
    """On all of them alternately, so that whatever else goes on in the machine meets them alike."""
    with tempfile.TemporaryDirectory() as directory:
        package = language.build(HANDLERS / language.folder, Path(directory))
    configuration = {"Runtime": language.runtime, "Handler": language.handler_of("echo"), "MemorySize": language.memory_mib}
    names = [f"{language.id}-{number}" for number in range(count)]
    for platform in platforms.values():
        for name in names:
            platform.deploy_files(name, package, **configuration)
    seconds: dict[str, list[float]] = {suffix: [] for suffix in platforms}
    limits = []
    for name in names:
        limits.append(_seconds_of(start.bare))
        for suffix, platform in platforms.items():
            platform.wait_until_quiet()
            with platform.connect() as connection:
                seconds[suffix].append(connection.invoke(name)[0])
    limit = Limit(percentile(limits, 50) * 1e3, " ".join((Path(start.bare[0]).name, *start.bare[1:])))
    for suffix in platforms:
        row, value = f"cold start, {language.title}{suffix}: p50", percentile(seconds[suffix], 50) * 1e3
        yield Figure(row=row, value=value, unit="ms", limit=limit, note=f"{count} cold starts")


def _streamed(platform: Platform) -> Figure:
    name = platform.deploy_files("pour", {"index.js": _POUR}, Runtime="nodejs20.x", Handler="index.handler", MemorySize=256)
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


def _seconds_of(command: Sequence[str]) -> float:
    started_at = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started_at
