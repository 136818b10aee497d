"""Access tokens of an OAuth 2.0 identity provider, for brokers and schema registries that want one.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/kafka-cluster-auth.html#smaa-auth-oauth (grants, what the secret holds), RFC 6749
(section 4.4, client credentials) and RFC 7523 (section 2.1, assertions).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import msgspec

from alonzo.clock import Clock
from alonzo.ids import new_uuid
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.errors import SourceProblem
from alonzo.sources.source import AwsServices
from alonzo.sources.source_secrets import read_secret
from alonzo.sources.tls import make_ssl_context

_ENDPOINT, _CLIENT_ID, _CLIENT_SECRET = "oauthTokenEndpointUrl", "oauthClientId", "oauthClientSecret"
_CLIENT_EMAIL, _PRIVATE_KEY = "oauthClientEmail", "oauthPrivateKey"
_ASSERTION_SECONDS, _PROVIDER_CA = "oauthTokenExpirationSeconds", "oauthIdpCaCertificate"
_ASSERTION_SECONDS_DEFAULT = 300
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_SECONDS_DEFAULT = 300.0
"""Of a token whose provider does not say how long it lives."""
_LIFE_USED = 0.8
_TIMEOUT_SECONDS = 10.0
_ANSWER_MAX_BYTES = 1 << 20
_OK = 200


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class _Grant:
    """A request for a token. `login`: of the client, if it is not in the form."""

    form: Mapping[str, str]
    login: tuple[str, str] | None = None


class AccessTokens:
    """Of one secret, which is read anew for every token. `scope`, `audience`: what the token is asked for."""

    def __init__(
        self,
        *,
        secret_arn: str,
        mapping: EventSourceMapping,
        services: AwsServices,
        clock: Clock,
        scope: str | None = None,
        audience: str | None = None,
    ) -> None:
        self._secret_arn = secret_arn
        self._mapping = mapping
        self._services = services
        self._clock = clock
        self._wanted = {name: value for name, value in (("scope", scope), ("audience", audience)) if value is not None}
        self._token = ""
        self._useless_at = clock.monotonic()
        self._fetching = asyncio.Lock()

    async def token(self) -> str:
        """One that is good for a while. `SourceProblem`, errors of AWS calls."""
        async with self._fetching:
            if self._clock.monotonic() >= self._useless_at:
                secret = await read_secret(self._services, self._secret_arn, self._mapping, _ENDPOINT, _CLIENT_ID)
                asked_at = self._clock.monotonic()
                found = await self._ask(secret)
                life_seconds = _LIFE_SECONDS_DEFAULT if found.expires_in is None else found.expires_in
                self._token, self._useless_at = found.access_token, asked_at + life_seconds * _LIFE_USED
            return self._token

    async def _ask(self, secret: dict[str, str]) -> _Token:
        import aiohttp  # noqa: PLC0415  # takes its time, and few mappings need it

        url = secret[_ENDPOINT]
        if not url.startswith("https://"):
            raise SourceProblem(f"{_ENDPOINT} of the secret {self._secret_arn} is no HTTPS URL")
        grant = self._grant(secret)
        login = None if grant.login is None else aiohttp.encode_basic_auth(*grant.login)
        headers = {"Accept": "application/json"} | ({} if login is None else {"Authorization": login})
        connector = aiohttp.TCPConnector(ssl=await make_ssl_context(root_ca=secret.get(_PROVIDER_CA)))
        try:
            async with (
                asyncio.timeout(_TIMEOUT_SECONDS),
                aiohttp.ClientSession(connector=connector, headers=headers) as session,
                session.post(url, data={**grant.form, **self._wanted}, allow_redirects=False) as response,
            ):
                content = await response.content.read(_ANSWER_MAX_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SourceProblem(f"The identity provider {url} cannot be reached: {error or type(error).__name__}") from error
        if response.status != _OK:
            raise SourceProblem(f"The identity provider {url} has answered with status {response.status}")
        try:
            return msgspec.json.decode(content, type=_Token)
        except msgspec.DecodeError as error:
            raise SourceProblem(f"The identity provider {url} has not answered with a token: {error}") from error

    def _grant(self, secret: dict[str, str]) -> _Grant:
        """Which grant it is the secret's members say."""
        has_secret, has_key = _CLIENT_SECRET in secret, _CLIENT_EMAIL in secret or _PRIVATE_KEY in secret
        if has_secret and has_key:
            raise SourceProblem(f"The secret {self._secret_arn} has fields of two grant types")
        if has_secret:
            # Encoded first: RFC 6749, section 2.3.1.
            return _Grant({"grant_type": "client_credentials"}, (quote_plus(secret[_CLIENT_ID]), quote_plus(secret[_CLIENT_SECRET])))
        missing = [name for name in (_CLIENT_EMAIL, _PRIVATE_KEY) if name not in secret]
        if missing:
            raise SourceProblem(f"The secret {self._secret_arn} lacks {_CLIENT_SECRET}, or {', '.join(missing)}")
        return _Grant({"grant_type": _JWT_BEARER, "client_id": secret[_CLIENT_ID], "assertion": self._assertion(secret)})

    def _assertion(self, secret: dict[str, str]) -> str:
        from joserfc import jwt  # noqa: PLC0415  # as above
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import RSAKey  # noqa: PLC0415

        now = self._clock.unix_ms() // 1000
        claims: dict[str, Any] = {"iss": secret[_CLIENT_EMAIL], "sub": secret[_CLIENT_EMAIL], "aud": secret[_ENDPOINT]}
        claims |= {name: value for name, value in self._wanted.items() if name == "scope"}
        try:
            life_seconds = int(secret.get(_ASSERTION_SECONDS, _ASSERTION_SECONDS_DEFAULT))
            claims |= {"iat": now, "exp": now + life_seconds, "jti": new_uuid()}
            return jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, RSAKey.import_key(secret[_PRIVATE_KEY]))
        except (JoseError, ValueError) as error:
            raise SourceProblem(f"The secret {self._secret_arn} has no key that can sign: {error}") from error
