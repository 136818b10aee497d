"""Requests as events, in both formats."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.edge.http_events.payload_v1 import payload_v1
from alonzo.edge.http_events.payload_v2 import payload_v2, request_time
from alonzo.edge.http_events.request import HttpRequest, joined, without_port


def a_request(**changes: object) -> HttpRequest:
    settings: dict[str, object] = {
        "method": "GET",
        "path": b"/a",
        "query": b"",
        "headers": [(b"host", b"example.test:4566")],
        "body": b"",
        "source_ip": "127.0.0.1",
        "scheme": "http",
    }
    return HttpRequest(**(settings | changes))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3))))
def test_joining_keeps_all_values_in_their_order(pairs: list[tuple[str, str]]) -> None:
    assert joined(pairs) == {name: ",".join(value for other, value in pairs if other == name) for name, _ in pairs}


def test_format_1_has_the_last_and_all_values() -> None:
    request = a_request(headers=[(b"x-a", b"1"), (b"x-a", b"2")], query=b"q=1&q=2&r")
    event = payload_v1(request, context={}, resource="/{proxy+}", path="/a", name_of_header=str.upper)
    assert event["headers"]["X-A"] == "2"
    assert event["multiValueHeaders"]["X-A"] == ["1", "2"]
    assert event["queryStringParameters"] == {"q": "2", "r": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "r": [""]}
    assert event["pathParameters"] is event["stageVariables"] is event["body"] is None


def test_a_door_may_take_all_bodies_for_binary() -> None:
    request = a_request(body=b"abc", headers=[(b"content-type", b"text/plain")])
    event = payload_v1(request, context={}, resource="/", path="/", is_binary=True)
    assert (event["body"], event["isBase64Encoded"]) == ("YWJj", True)


def test_cookies_are_apart_from_headers_unless_the_door_keeps_them() -> None:
    request = a_request(headers=[(b"cookie", b"a=b; c=d"), (b"cookie", b"e=f")])
    event = payload_v2(request, context={}, raw_path="/")
    assert event["cookies"] == ["a=b", "c=d", "e=f"]
    assert "cookie" not in event["headers"]
    assert "cookie" in payload_v2(request, context={}, raw_path="/", keeps_cookie_header=True)["headers"]


def test_ports() -> None:
    assert a_request().host_name == "example.test"
    assert without_port("[::1]:4566") == "[::1]"
    assert dict(a_request(headers=[(b"host", b"example.test")], scheme="https").forwarded_headers())["x-forwarded-port"] == "443"


def test_times_are_written_as_in_access_logs() -> None:
    assert request_time(1_583_348_638_390) == "04/Mar/2020:19:03:58 +0000"
