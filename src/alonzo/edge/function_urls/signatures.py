"""AWS Signature Version 4 of requests for function URLs whose authorization is AWS_IAM, in headers or in the query.

A signature can be verified if the secret is known (`access.py`). Those of other keys must have the right form, be recent and be made for
the URL's region and service.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import msgspec

from alonzo.edge.function_urls.refusals import bad_signature, forbidden
from alonzo.edge.http_events.request import HttpRequest

SERVICE = "lambda"
_ALGORITHM = "AWS4-HMAC-SHA256"
_SKEW = timedelta(minutes=5)
_PRESIGNED_MAX = timedelta(days=7)
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SCOPE_PARTS = 5
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)

SecretFinder = Callable[[str], tuple[str, ...]]
"""The secrets that an access key may have; none if they are not known here."""


class Signer(msgspec.Struct, frozen=True):
    """Who has signed. `is_verified`: the signature has been made with the key's secret."""

    access_key_id: str
    session_token: str | None
    is_verified: bool


class _Claim(msgspec.Struct, frozen=True):
    """What a request says of its signature."""

    access_key_id: str
    scope: str
    region: str
    date: str
    signed_headers: list[str]
    signature: str
    lifetime: timedelta | None
    session_token: str | None


def check_signature(
    request: HttpRequest, *, path: bytes, region: str, now: datetime, find_secrets: SecretFinder, service: str = SERVICE
) -> Signer:
    """Who has signed the request for this URL. `Refused` says what is wrong; `path` is as the client has signed it."""
    claim = _read_claim(request)
    _check_scope(claim, region, service)
    _check_time(claim, now)
    secrets = find_secrets(claim.access_key_id)
    if not secrets:
        return Signer(claim.access_key_id, claim.session_token, False)
    _check_payload_hash(request)
    canonical = _canonical_request(request, claim, path)
    # Header values beyond ASCII: some sign the bytes that they send, botocore signs them in UTF-8 and sends them in ISO 8859-1.
    hashes = {hashlib.sha256(canonical.encode(encoding, "replace")).hexdigest() for encoding in ("latin-1", "utf-8")}
    to_sign = [f"{_ALGORITHM}\n{claim.date}\n{claim.scope}\n{digest}".encode() for digest in hashes]
    signatures = [_signature(secret, claim, text) for secret in secrets for text in to_sign]
    if not any(hmac.compare_digest(signature, claim.signature) for signature in signatures):
        raise bad_signature("InvalidSignatureException", _MISMATCH)
    return Signer(claim.access_key_id, claim.session_token, True)


def _read_claim(request: HttpRequest) -> _Claim:
    authorization = request.find_header(b"authorization")
    if authorization is not None and authorization.startswith(_ALGORITHM):
        parts = (part.partition("=") for part in authorization.removeprefix(_ALGORITHM).split(","))
        fields = {name.strip(): value.strip() for name, _, value in parts}
        return _claim(
            credential=fields.get("Credential"),
            signed_headers=fields.get("SignedHeaders"),
            signature=fields.get("Signature"),
            date=request.find_header(b"x-amz-date"),
            lifetime=None,
            session_token=request.find_header(b"x-amz-security-token"),
        )
    if b"X-Amz-Signature=" in request.query:
        query = dict(request.parameters())
        seconds = query.get("X-Amz-Expires", "")
        if query.get("X-Amz-Algorithm") != _ALGORITHM or not seconds.isdecimal() or len(seconds) > 6:  # noqa: PLR2004 - a week has 604,800
            raise forbidden()
        return _claim(
            credential=query.get("X-Amz-Credential"),
            signed_headers=query.get("X-Amz-SignedHeaders"),
            signature=query.get("X-Amz-Signature"),
            date=query.get("X-Amz-Date"),
            lifetime=min(timedelta(seconds=int(seconds)), _PRESIGNED_MAX),
            session_token=query.get("X-Amz-Security-Token"),
        )
    raise forbidden()


def _claim(
    *,
    credential: str | None,
    signed_headers: str | None,
    signature: str | None,
    date: str | None,
    lifetime: timedelta | None,
    session_token: str | None,
) -> _Claim:
    parts = (credential or "").rsplit("/", _SCOPE_PARTS - 1)
    is_whole = len(parts) == _SCOPE_PARTS and all(parts) and signed_headers and _SIGNATURE.fullmatch(signature or "")
    if not is_whole or _DATE.fullmatch(date or "") is None:
        raise bad_signature("IncompleteSignatureException", "The request signature is incomplete.")
    access_key_id, _, region, _, _ = parts
    names = (signed_headers or "").split(";")
    if "host" not in names:
        raise bad_signature("InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return _Claim(access_key_id, "/".join(parts[1:]), region, date or "", names, signature or "", lifetime, session_token)


def _check_scope(claim: _Claim, region: str, service: str) -> None:
    day, signed_region, signed_service, terminator = claim.scope.split("/")
    problem = None
    if day != claim.date[:8]:
        problem = f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != '{claim.date[:8]}'"
    elif signed_region != region:
        problem = f"Credential should be scoped to a valid region, not '{_printable(signed_region)}'."
    elif signed_service != service:
        problem = f"Credential should be scoped to correct service: '{service}'."
    elif terminator != "aws4_request":
        problem = "Credential should be scoped with a valid terminator: 'aws4_request'."
    if problem is not None:
        raise bad_signature("InvalidSignatureException", problem)


def _check_time(claim: _Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise bad_signature("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.") from error
    told_now = now.strftime("%Y%m%dT%H%M%SZ")
    if signed_at > now + _SKEW:
        raise bad_signature("InvalidSignatureException", f"Signature not yet current: {claim.date} is still later than {told_now}")
    ends_at = signed_at + (claim.lifetime if claim.lifetime is not None else _SKEW)
    if ends_at < now:
        raise bad_signature("InvalidSignatureException", f"Signature expired: {claim.date} is now earlier than {told_now}")


def _check_payload_hash(request: HttpRequest) -> None:
    told = request.find_header(b"x-amz-content-sha256")
    if told is not None and told != hashlib.sha256(request.body).hexdigest():
        raise bad_signature("InvalidSignatureException", _MISMATCH)


def _canonical_request(request: HttpRequest, claim: _Claim, path: bytes) -> str:
    headers = "".join(f"{name}:{_header_values(request, name)}\n" for name in claim.signed_headers)
    body_hash = hashlib.sha256(request.body).hexdigest()
    lines = (request.method, _canonical_path(path), _canonical_query(request.query), headers, ";".join(claim.signed_headers), body_hash)
    return "\n".join(lines)


def _canonical_path(path: bytes) -> str:
    """Encoded once more than it came, as all services but S3 have it, without `.` and `..` and doubled slashes."""
    segments: list[str] = []
    text = path.decode("latin-1")
    for segment in text.split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    normalized = "/" + "/".join(segments) + ("/" if segments and text.endswith("/") else "")
    return quote(normalized, safe="/~")


def _canonical_query(query: bytes) -> str:
    pairs = [
        (_encoded(name), _encoded(value))
        for name, _, value in (part.partition("=") for part in query.decode("latin-1").split("&") if part)
        if name != "X-Amz-Signature"
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote(text, "latin-1"), safe="-_.~", encoding="latin-1")


def _header_values(request: HttpRequest, name: str) -> str:
    values = [value.decode("latin-1") for candidate, value in request.headers if candidate == name.encode("latin-1", "replace")]
    return ",".join(" ".join(value.split()) for value in values)


def _signature(secret: str, claim: _Claim, to_sign: bytes) -> str:
    key = ("AWS4" + secret).encode()
    for part in claim.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign, hashlib.sha256).hexdigest()


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:64])
