"""Who sends a request: account, region and service out of SigV4's credential scope. Signatures are not verified here.

    Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=…, Signature=…

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from alonzo.aws.api_error import ApiError
from alonzo.aws.requests import Headers
from alonzo.model.scope import DEFAULT_ACCOUNT_ID, DEFAULT_REGION, Scope, partition_of

CACHED_CREDENTIALS_MAX = 4_096

_KEY_WITH_ACCOUNT = re.compile(r"([0-9]{12})|A[KS]IA([0-9]{12})[A-Z2-7]{4}")
"""An account id, or a key that the companion gave out (`companion/access_keys.py`)."""

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ACCESS_KEY_ID = re.compile(r"[\x21-\x2e\x30-\x7e]{1,256}")
_SERVICE = re.compile(r"[a-z0-9._-]{1,64}")
_CREDENTIAL_ELEMENTS = 5
_CREDENTIAL_ELEMENTS_WITHOUT_REGION = 4
_QUERY_CREDENTIAL = re.compile(r"(?:^|&)X-Amz-Credential=([^&]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The sender of a request. `service` is the one that the request is signed for, None for an unsigned request."""

    scope: Scope
    access_key_id: str | None
    service: str | None


ANONYMOUS = Caller(scope=Scope(account_id=DEFAULT_ACCOUNT_ID, region=DEFAULT_REGION), access_key_id=None, service=None)


class CallerDirectory:
    """Callers by their credential scopes. Clients send the same one all day, so that a look-up is all that most requests cost."""

    def __init__(self) -> None:
        self._by_credential: dict[bytes, Caller] = {}

    def caller_of(self, headers: Headers, query_string: bytes) -> Caller:
        """The sender of a request; ApiError `IncompleteSignatureException` for a SigV4 signature without a credible scope.

        Unsigned requests, and those with an authorization of another kind, come from the default account and region.
        """
        for name, value in headers:
            if name == b"authorization":
                if value.startswith(b"AWS4-"):
                    return self._by_header(value)
                break
        if b"X-Amz-Credential=" in query_string:
            found = _QUERY_CREDENTIAL.search(query_string.decode("latin-1"))
            if found is not None:
                return self._by_scope(unquote(found[1]).encode())
        return ANONYMOUS

    def _by_header(self, authorization: bytes) -> Caller:
        start = authorization.find(b"Credential=")
        if start < 0:
            raise _incomplete("Authorization header requires 'Credential' parameter.")
        start += len(b"Credential=")
        end = authorization.find(b",", start)
        credential = authorization[start:end] if end >= 0 else authorization[start:]
        caller = self._by_credential.get(credential)
        return caller if caller is not None else self._by_scope(credential)

    def _by_scope(self, credential: bytes) -> Caller:
        caller = self._by_credential.get(credential)
        if caller is None:
            caller = read_credential(credential.decode("latin-1").strip())
            if len(self._by_credential) >= CACHED_CREDENTIALS_MAX:
                self._by_credential.clear()
            self._by_credential[credential] = caller
        return caller


def read_credential(credential: str) -> Caller:
    """The caller that a credential scope names; SigV4A's has no region (it is in a header of its own) and means the default one."""
    elements = credential.rsplit("/", _CREDENTIAL_ELEMENTS - 1)
    if len(elements) == _CREDENTIAL_ELEMENTS_WITHOUT_REGION:
        elements.insert(2, DEFAULT_REGION)
    if len(elements) != _CREDENTIAL_ELEMENTS:
        raise _incomplete(
            f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{printable(credential)}'"
        )
    access_key_id, _, region, service, _ = elements
    for element, pattern in ((access_key_id, _ACCESS_KEY_ID), (region, _REGION), (service, _SERVICE)):
        if pattern.fullmatch(element) is None:
            raise _incomplete(f"Credential should be scoped to a valid region and service, got '{printable(credential)}'")
    scope = Scope(account_id=account_of(access_key_id), region=region, partition=partition_of(region))
    return Caller(scope=scope, access_key_id=access_key_id, service=service)


def account_of(access_key_id: str) -> str:
    """The account that an access key names, which is the default one unless the key is an account id or holds one."""
    named = _KEY_WITH_ACCOUNT.fullmatch(access_key_id)
    return DEFAULT_ACCOUNT_ID if named is None else named[1] or named[2]


def printable(text: str) -> str:
    """A piece of a hostile request, fit for a message: no control characters and not too long."""
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def _incomplete(message: str) -> ApiError:
    return ApiError(code="IncompleteSignatureException", message=message, http_status=403)
