"""Whatever is sent to the Extensions, Telemetry and Logs APIs is answered, and what is wrong with a 4xx."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alonzo.environment.extension_states import Extension
from alonzo.environment.extensions import Extensions
from alonzo.environment.extensions_api import ExtensionsApi
from alonzo.environment.outcomes import Fault
from alonzo.environment.runtime_api import OtherRequest
from alonzo.environment.telemetry_requests import (
    HttpDestination,
    Subscription,
    SubscriptionInvalid,
    TcpDestination,
    TelemetryApi,
    parse_subscription,
)
from alonzo.observe.telemetry_records import Category, Schema

from .conftest import a_version

PATHS = (
    *(b"/2020-01-01/extension/register", b"/2020-01-01/extension/event/next", b"/2020-01-01/extension/init/error"),
    *(b"/2020-01-01/extension/exit/error", b"/2022-07-01/telemetry", b"/2020-08-15/logs"),
)
IDENTIFIER = uuid.UUID(int=1)
VALID = {
    "schemaVersion": "2022-12-13",
    "types": ["platform"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/a?b"},
}


class Owner:
    def on_extensions_registered(self) -> None: ...

    def on_extensions_ready(self) -> None: ...

    def on_extensions_late(self) -> None: ...

    def on_extension_fault(self, fault: Fault) -> None: ...


class Subscriptions:
    def __init__(self) -> None:
        self.taken: list[Subscription] = []

    def subscribe(self, extension: Extension, subscription: Subscription) -> None:
        del extension
        self.taken.append(subscription)


class Connection:
    def write(self, data: bytes) -> None: ...


def an_api() -> tuple[ExtensionsApi, Extensions, Subscriptions]:
    extensions = Extensions(external=("external",), owner=Owner(), new_identifier=lambda: IDENTIFIER)
    subscriptions = Subscriptions()
    return ExtensionsApi(version=a_version(), extensions=extensions, telemetry=subscriptions), extensions, subscriptions


json_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = json_scalars | st.lists(json_scalars, max_size=3) | st.dictionaries(st.text(max_size=8), json_scalars, max_size=3)
near_subscriptions = st.fixed_dictionaries(
    {},
    optional={
        "schemaVersion": st.sampled_from(["2022-07-01", "2020-08-15", "x"]) | json_values,
        "types": st.lists(st.sampled_from(["platform", "function", "nonsense"]), max_size=3) | json_values,
        "destination": st.fixed_dictionaries(
            {},
            optional={
                "protocol": st.sampled_from(["HTTP", "TCP", "UDP"]) | json_values,
                "URI": st.builds("http://sandbox:{}/{}".format, json_scalars, st.text(max_size=8)) | st.text() | json_values,
                "port": st.integers() | json_values,
                "method": json_values,
            },
        )
        | json_values,
        "buffering": st.dictionaries(st.sampled_from(["maxItems", "maxBytes", "timeoutMs"]), json_values) | json_values,
    },
)
bodies = st.binary(max_size=40) | st.builds(lambda value: json.dumps(value).encode(), json_values | near_subscriptions)
header_values = st.binary(max_size=20) | st.sampled_from([b"external", b"internal", str(IDENTIFIER).encode(), b"accountId, x"])
headers = st.dictionaries(
    st.sampled_from(
        [b"lambda-extension-" + name for name in (b"name", b"identifier", b"accept-feature", b"function-error-type")],
    ),
    header_values,
)
requests = st.builds(
    lambda method, url, headers, body: OtherRequest(method, url, headers, body, len(body)),
    st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE"]),
    st.sampled_from(PATHS) | st.binary(max_size=20),
    headers,
    bodies,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(requests, max_size=4))
def test_every_request_is_answered_in_http(sent: list[OtherRequest]) -> None:
    api, extensions, _ = an_api()
    connection: Any = Connection()
    for request in sent:
        answer = api.answer(request, connection)
        if answer is None:
            assert request.url.startswith(b"/2020-01-01/extension/event/next")
            continue
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        assert status in {200, 202} or 400 <= status < 500
        assert f"Content-Length: {len(body)}".encode() in head
        json.loads(body)
    assert len(extensions.all()) <= 10


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bodies, st.sampled_from(TelemetryApi))
def test_a_subscription_is_taken_or_refused(body: bytes, api: TelemetryApi) -> None:
    try:
        subscription = parse_subscription(body, api)
    except SubscriptionInvalid:
        return
    assert 1_000 <= subscription.max_items <= 10_000
    assert 262_144 <= subscription.max_bytes <= 1_048_576
    assert 0.025 <= subscription.timeout_seconds <= 30
    assert subscription.categories
    assert 0 < subscription.destination.port < 65_536
    if isinstance(subscription.destination, HttpDestination):
        assert subscription.destination.path.startswith("/")
        assert subscription.destination.path.isprintable()
        assert " " not in subscription.destination.path


def parsed(api: TelemetryApi = TelemetryApi.TELEMETRY, **changes: Any) -> Subscription:
    return parse_subscription(json.dumps(VALID | changes).encode(), api)


def test_defaults() -> None:
    subscription = parsed()
    assert subscription == Subscription(
        api=TelemetryApi.TELEMETRY,
        schema=Schema.V2022_12_13,
        categories=(Category.PLATFORM,),
        destination=HttpDestination(port=8080, host="sandbox.localdomain", path="/a?b", method="POST"),
        max_items=1_000,
        max_bytes=262_144,
        timeout_seconds=1.0,
    )
    logs = parse_subscription(b'{"types": ["function"], "destination": {"protocol": "TCP", "port": 80}}', TelemetryApi.LOGS)
    assert (logs.schema, logs.destination, logs.max_items) == (Schema.V2020_08_15, TcpDestination(port=80), 10_000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"types": []}, "types should not be empty"),
        ({"types": ["x"]}, "types must be platform, function or extension"),
        ({"schemaVersion": None}, "schemaVersion is not provided"),
        ({"schemaVersion": "2020-08-15"}, "schemaVersion must be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ({"destination": None}, "destination is not provided"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain/x"}, "types": []},
            "URI port is not provided; types should not be empty",
        ),
        ({"destination": {"protocol": "HTTP", "URI": "http://example.com:80"}}, "URI host must be sandbox.localdomain"),
        ({"destination": {"protocol": "HTTP", "URI": "https://sandbox:80"}}, "URI is not a valid http address"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox:80/ HTTP/1.1\r\nX: y"}}, "URI is not a valid http address"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox:9001"}}, "URI port 9001 is reserved"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox:80", "method": "GET"}}, "destination method must be POST or PUT"),
        ({"destination": {"protocol": "TCP", "port": 0}}, "port must be between 1 and 65535"),
        ({"buffering": {"maxItems": 999}}, "maxItems must be between 1000 and 10000"),
        ({"buffering": {"maxBytes": 1_048_577}}, "maxBytes must be between 262144 and 1048576"),
        ({"buffering": {"timeoutMs": 24}}, "timeoutMs must be between 25 and 30000"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SubscriptionInvalid) as invalid:
        parsed(**changes)
    assert (str(invalid.value), invalid.value.error_type) == (message, "ValidationError")


def test_extensions_that_are_not_known_cannot_subscribe() -> None:
    api, _, subscriptions = an_api()
    connection: Any = Connection()
    body = json.dumps(VALID).encode()
    request = OtherRequest(
        b"PUT", b"/2022-07-01/telemetry", {b"lambda-extension-identifier": str(uuid.UUID(int=7)).encode()}, body, len(body)
    )
    answer = api.answer(request, connection)
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Extension.UnknownExtensionIdentifier" in answer
    assert not subscriptions.taken
