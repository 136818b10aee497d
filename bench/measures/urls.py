"""Function URLs beside direct invocations of the same function in the same run; with many connections by wrk, where that is installed."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, Limit
from bench.http_messages import signed_request
from bench.load import LoadOrder, LoadResult, run_order
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "ok"}\n'
_CLIENT_COUNTS = (1, 8, 64)
_WRK_CONNECTIONS = (64, 256)
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_NOT_ANSWERED = re.compile(r"^\s+(Non-2xx or 3xx responses: \d+|Socket errors: .*)", re.MULTILINE)
_USER_AGENT = "curl/8.5.0"


@dataclass(frozen=True, slots=True)
class _Way:
    """A request, and how it is written for wrk."""

    request: bytes
    body: bytes


def measure_urls(settings: BenchSettings) -> Iterator[Figure]:
    """Requests a second of a URL, as a multiple of the invocations a second: from 0.77 on the overhead is below 30 %."""
    with started_platform() as platform:
        name = platform.deploy("behind-url", _HANDLER)
        host = platform.public_url(name).split("/")[2]
        direct = _Way(signed_request(platform.address, name, b"{}"), b'{"statusCode": 200, "body": "ok"}')
        url = _Way(f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {_USER_AGENT}\r\nAccept: */*\r\n\r\n".encode(), b"ok")
        platform.wait_until_quiet()
        for count in _CLIENT_COUNTS:
            limit, result = (_run(platform, way, count, settings) for way in (direct, url))
            yield Figure(
                row=f"function URL, {count} client{'' if count == 1 else 's'}: rate",
                value=result.per_second,
                unit="/s",
                limit=Limit(limit.per_second, "direct Invoke"),
                failure_count=result.failure_count + limit.failure_count,
                note=f"p50 {result.p50_seconds * 1e3:.2f} ms, direct {limit.p50_seconds * 1e3:.2f} ms{result.told_failure}",
            )
        if shutil.which("wrk") is not None:
            for count in _WRK_CONNECTIONS:
                yield _measure_by_wrk(platform, direct, url, count, settings)


def _run(platform: Platform, way: _Way, count: int, settings: BenchSettings) -> LoadResult:
    return run_order(
        LoadOrder(
            address=platform.address,
            requests=(way.request,),
            expected_body=way.body,
            connection_count=count,
            seconds=settings.load_seconds,
            warm_up_seconds=1.0,
        )
    )


def _measure_by_wrk(platform: Platform, direct: _Way, url: _Way, count: int, settings: BenchSettings) -> Figure:
    (limit, _), (rate, trouble) = (_run_wrk(platform, way, count, settings) for way in (direct, url))
    return Figure(
        row=f"function URL, wrk with {count} connections: rate",
        value=rate,
        unit="/s",
        limit=Limit(limit, "direct Invoke"),
        failure_count=1 if trouble else 0,
        note=trouble,
    )


def _run_wrk(platform: Platform, way: _Way, count: int, settings: BenchSettings) -> tuple[float, str]:
    host, port = platform.address
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "request.lua"
        message = "".join(f"\\{byte:03d}" for byte in way.request)
        script.write_text(f'local message = "{message}"\nfunction request() return message end\n')
        command = ["wrk", "-t1", f"-c{count}", f"-d{max(1, round(settings.load_seconds))}s", "-s", str(script), f"http://{host}:{port}/"]
        report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found = _RATE.search(report)
    if found is None:
        raise RuntimeError(f"wrk has said no rate: {report}")
    trouble = "; ".join(line.strip() for line in _NOT_ANSWERED.findall(report))
    return float(found[1]), trouble
