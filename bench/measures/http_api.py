"""An HTTP API beside direct invocations of the same function in the same run."""

from collections.abc import Iterator

from bench.figures import Figure, Limit
from bench.http_messages import signed_request
from bench.load import LoadOrder, LoadResult, run_order
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "ok"}\n'
_CLIENT_COUNTS = (1, 8, 64)
_USER_AGENT = "curl/8.5.0"


def measure_http_api(settings: BenchSettings) -> Iterator[Figure]:
    """Requests a second of an API, as a multiple of the invocations a second: from 0.77 on the overhead is below 30 %."""
    with started_platform() as platform:
        name = platform.deploy("behind-api", _HANDLER)
        host = platform.http_api(name)
        direct = signed_request(platform.address, name, b"{}")
        api = f"GET /pets/7 HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {_USER_AGENT}\r\nAccept: */*\r\n\r\n".encode()
        platform.wait_until_quiet()
        for count in _CLIENT_COUNTS:
            limit = _run(platform, direct, b'{"statusCode": 200, "body": "ok"}', count, settings)
            result = _run(platform, api, b"ok", count, settings)
            yield Figure(
                row=f"HTTP API, {count} client{'' if count == 1 else 's'}: rate",
                value=result.per_second,
                unit="/s",
                limit=Limit(limit.per_second, "direct Invoke"),
                failure_count=result.failure_count + limit.failure_count,
                note=f"p50 {result.p50_seconds * 1e3:.2f} ms, direct {limit.p50_seconds * 1e3:.2f} ms{result.told_failure}",
            )


def _run(platform: Platform, request: bytes, body: bytes, count: int, settings: BenchSettings) -> LoadResult:
    return run_order(
        LoadOrder(
            address=platform.address,
            requests=(request,),
            expected_body=body,
            connection_count=count,
            seconds=settings.load_seconds,
            warm_up_seconds=1.0,
        )
    )
