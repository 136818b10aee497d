"""Many functions of one account: what creating, finding, listing and invoking them costs, beside the same with the first hundred."""

import base64
import http.client
import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import quote

from tests.support.server import ROLE, zip_of

from bench.figures import Figure, Limit
from bench.processes import read_pss_mb
from bench.running_platform import RUNTIME, Platform, started_platform
from bench.settings import BenchSettings

_FEW = 100
_CREATING_CLIENTS = 4
_LOOK_UPS = 300
_PAGE_LENGTH = 50
_PAGES_MIN = 40
_TIMEOUT_SECONDS = 60.0
_KB_OF_MB = 1e3
_LIMIT = f"the same with {_FEW} functions"
_PATH = "/2015-03-31/functions"
_CODE = base64.b64encode(zip_of({"app.py": "def handler(event, context):\n    return event\n"})).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What operations cost with so many functions, in milliseconds."""

    get_ms: float
    page_ms: float
    invoke_ms: float
    node_mb: float


def measure_many_functions(settings: BenchSettings) -> Iterator[Figure]:
    """Functions of the same small code, created by several clients at once."""
    count = max(settings.function_count, 2 * _FEW)
    with started_platform() as platform:
        few_rate = _create(platform, range(_FEW))
        few = _look(platform, _FEW)
        rate = _create(platform, range(_FEW, count))
        many = _look(platform, count)
        record_bytes = len(_call(_connect(platform), "GET", f"{_PATH}/{_name(0)}/configuration"))
    note = f"{count:,} functions"
    rows = (
        ("created", rate, few_rate, "/s"),
        ("GetFunction, p50", many.get_ms, few.get_ms, "ms"),
        ("ListFunctions, a page, p50", many.page_ms, few.page_ms, "ms"),
        ("warm invoke of any, p50", many.invoke_ms, few.invoke_ms, "ms"),
    )
    for what, value, limit, unit in rows:
        yield Figure(row=f"many functions: {what}", value=value, unit=unit, limit=Limit(limit, _LIMIT), note=note)
    yield Figure(
        row="many functions: memory of the node for each (PSS)",
        value=(many.node_mb - few.node_mb) * _KB_OF_MB / (count - _FEW),
        unit="kB",
        limit=Limit(record_bytes / 1e3, "its configuration as JSON"),
        note=note,
    )


def _create(platform: Platform, numbers: range) -> float:
    """Create functions and wait until all are active; how many a second."""
    connections = threading.local()

    def create(number: int) -> None:
        if not hasattr(connections, "value"):
            connections.value = _connect(platform)
        body = {"FunctionName": _name(number), "Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE, "Code": {"ZipFile": _CODE}}
        _call(connections.value, "POST", _PATH, body)

    started_at = time.perf_counter()
    with ThreadPoolExecutor(_CREATING_CLIENTS) as pool:
        for _ in pool.map(create, numbers):
            pass
    connection = _connect(platform)
    for number in numbers:
        while json.loads(_call(connection, "GET", f"{_PATH}/{_name(number)}/configuration"))["State"] == "Pending":
            time.sleep(0.01)
    return len(numbers) / (time.perf_counter() - started_at)


def _look(platform: Platform, count: int) -> _Seen:
    platform.wait_until_quiet()
    connection = _connect(platform)
    names = [_name(number) for number in random.Random(count).choices(range(count), k=_LOOK_UPS)]  # the same ones in each run
    get_ms = _median_ms(lambda number: _call(connection, "GET", f"{_PATH}/{names[number]}"), _LOOK_UPS)
    markers: list[str] = [""]

    def list_page(_: int) -> None:
        page = json.loads(_call(connection, "GET", f"{_PATH}?MaxItems={_PAGE_LENGTH}{markers[-1]}"))
        markers.append(f"&Marker={quote(page['NextMarker'], safe='')}" if page.get("NextMarker") else "")

    page_ms = _median_ms(list_page, max(_PAGES_MIN, count // _PAGE_LENGTH))
    invoked = names[0]
    _call(connection, "POST", f"{_PATH}/{invoked}/invocations", {})
    invoke_ms = _median_ms(lambda _: _call(connection, "POST", f"{_PATH}/{invoked}/invocations", {}), _LOOK_UPS)
    return _Seen(get_ms=get_ms, page_ms=page_ms, invoke_ms=invoke_ms, node_mb=read_pss_mb([platform.processes().node]))


def _median_ms(operation: Callable[[int], Any], count: int) -> float:
    durations = []
    for number in range(count):
        started_at = time.perf_counter()
        operation(number)
        durations.append(time.perf_counter() - started_at)
    return median(durations) * 1e3


def _name(number: int) -> str:
    return f"many-{number:05}"


def _connect(platform: Platform) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(*platform.address, timeout=_TIMEOUT_SECONDS)


def _call(connection: http.client.HTTPConnection, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
    """One operation as a client signs it (nobody verifies the signature); RuntimeError when it is refused."""
    signature = (
        f"AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature={secrets.token_hex(32)}"
    )
    connection.request(method, path, None if body is None else json.dumps(body), {"Authorization": signature})
    response = connection.getresponse()
    content = response.read()
    if response.status >= http.client.BAD_REQUEST:
        raise RuntimeError(f"{method} {path}: {response.status} {content.decode(errors='replace')}")
    return content
