"""Function URLs beside direct invocations of the same function in the same run."""

from collections.abc import Iterator

from bench.figures import Figure
from bench.http_messages import plain_request, signed_request
from bench.running_platform import started_platform
from bench.settings import BenchSettings
from bench.turns import Way, compare_ways

_HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "ok"}\n'
_INVOKED_BODY = b'{"statusCode": 200, "body": "ok"}'


def measure_urls(settings: BenchSettings) -> Iterator[Figure]:
    """Requests a second of a URL, as a multiple of the invocations a second: from 0.77 on the overhead is below 30 %."""
    with started_platform() as platform:
        name = platform.deploy("behind-url", _HANDLER)
        url = Way(plain_request(platform.public_url(name).split("/")[2]), b"ok")
        direct = Way(signed_request(platform.address, name, b"{}"), _INVOKED_BODY)
        platform.wait_until_quiet()
        yield from compare_ways(platform.address, "function URL", url, direct, settings)


def measure_http_api(settings: BenchSettings) -> Iterator[Figure]:
    """As `measure_urls`, of an API with a path parameter."""
    with started_platform() as platform:
        name = platform.deploy("behind-api", _HANDLER)
        api = Way(plain_request(platform.http_api(name), "/pets/7"), b"ok")
        direct = Way(signed_request(platform.address, name, b"{}"), _INVOKED_BODY)
        platform.wait_until_quiet()
        yield from compare_ways(platform.address, "HTTP API", api, direct, settings)
