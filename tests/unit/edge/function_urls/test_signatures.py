"""Signatures that botocore makes are those that are expected; others are not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from alonzo.edge.function_urls.refusals import Refused
from alonzo.edge.function_urls.signatures import Signer, check_signature
from alonzo.edge.http_events.request import HttpRequest

HOST = "a.lambda-url.us-east-1.localhost:4566"
texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=10)
encoded = texts.map(lambda text: quote(text, safe="-_.~"))
paths = st.lists(encoded, max_size=4).map(lambda parts: "/" + "/".join(parts))
queries = st.lists(st.tuples(encoded.filter(bool), encoded), max_size=4).map(lambda pairs: "&".join(f"{a}={b}" for a, b in pairs))


def _request(method: str, path: str, query: str, headers: dict[str, Any], body: bytes) -> HttpRequest:
    return HttpRequest(
        method=method,
        path=path.encode(),
        query=query.encode(),
        headers=[(name.lower().encode(), str(value).encode("latin-1")) for name, value in headers.items()],
        body=body,
        source_ip="127.0.0.1",
        scheme="http",
    )


def _signed(path: str, query: str, body: bytes, value: str = "v") -> HttpRequest:
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest("PUT", url, headers={"Host": HOST, "X-Custom": value}, data=body)
    botocore.auth.SigV4Auth(Credentials("test", "test", "token"), "lambda", "us-east-1").add_auth(request)
    return _request("PUT", path, query, dict(request.headers.items()), body)


def _check(request: HttpRequest, *, secret: str = "test", region: str = "us-east-1", at: datetime | None = None) -> Signer:
    now = at or datetime.now(UTC)
    return check_signature(request, path=request.path, region=region, now=now, find_secrets=lambda _: ("wrong", secret))


@given(paths, queries, st.binary(max_size=20), st.sampled_from(["v", " a  b ", "é", "x,y"]))
def test_what_botocore_signs_is_good(path: str, query: str, body: bytes, value: str) -> None:
    assert _check(_signed(path, query, body, value)) == Signer("test", "token", True)


@given(st.sampled_from(["path", "query", "body", "method"]))
def test_what_was_changed_is_not(what: str) -> None:
    request = _signed("/a", "b=c", b"d")
    changed = {"path": b"/z", "query": b"b=z", "body": b"z", "method": "POST"}
    fields = {name: getattr(request, name) for name in request.__struct_fields__} | {what: changed[what]}
    with pytest.raises(Refused) as refused:
        _check(HttpRequest(**fields))
    assert refused.value.error_type == "InvalidSignatureException"


@pytest.mark.parametrize("shift", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_clocks_may_differ_by_five_minutes(shift: timedelta) -> None:
    request = _signed("/", "", b"")
    _check(request, at=datetime.now(UTC) + shift * 0.8)
    with pytest.raises(Refused):
        _check(request, at=datetime.now(UTC) + shift)


def test_another_secret_or_region() -> None:
    with pytest.raises(Refused):
        _check(_signed("/", "", b""), secret="other")
    with pytest.raises(Refused):
        _check(_signed("/", "", b""), region="eu-west-1")


@given(st.text(max_size=60), st.text(max_size=60))
def test_nonsense_is_refused(credential: str, rest: str) -> None:
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, {rest}"
    headers = {"authorization": authorization.encode("ascii", "replace").decode(), "x-amz-date": "20260101T000000Z", "host": HOST}
    with pytest.raises(Refused):
        _check(_request("GET", "/", "", headers, b""))
