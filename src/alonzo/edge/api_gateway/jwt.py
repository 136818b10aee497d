"""JSON Web Tokens: read and verified as JWT authorizers do it.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html. Keys of an issuer are fetched from where
its OpenID configuration says, and kept for two hours, as AWS says it does; an unknown key id has them fetched again, at most every few
seconds.
"""

import asyncio
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alonzo.clock import Clock
from alonzo.edge.api_gateway.outgoing import Outgoing, OutgoingFailed
from alonzo.errors import AlonzoError

_ALGORITHMS = ["RS256", "RS384", "RS512"]
"""AWS: "only RSA-based algorithms are supported"."""

_KEYS_SECONDS = 7_200.0
_REFETCH_SECONDS = 5.0
_ISSUERS_MAX = 100
_TOKEN_MAX_CHARACTERS = 16_384


class TokenRefused(AlonzoError):
    """The message is the `error_description` of `WWW-Authenticate`."""


@dataclass(slots=True)
class _Keys:
    content: Any
    fetched_at: float


class TokenVerifier:
    """Verifies tokens of any issuer."""

    def __init__(self, *, outgoing: Outgoing, clock: Clock) -> None:
        self._outgoing = outgoing
        self._clock = clock
        self._keys: dict[str, _Keys] = {}
        self._fetching = asyncio.Lock()

    async def verify(self, token: str, *, issuer: str, audience: Sequence[str] | None) -> dict[str, Any]:
        """The claims of a token; `audience` None: whomever it was made for.

        `TokenRefused`; `OutgoingFailed` if the issuer's keys cannot be had.
        """
        if len(token) > _TOKEN_MAX_CHARACTERS or token.count(".") != 2:  # noqa: PLR2004 - a JWS in its compact form
            raise TokenRefused("the token has an invalid number of segments")
        jwt, jwk, errors = _import()
        keys = await self._keys_of(issuer)
        for is_last in (False, True):
            try:
                decoded = jwt.decode(token, jwk.KeySet.import_key_set(keys.content), algorithms=_ALGORITHMS)
                break
            except (errors.JoseError, ValueError, KeyError, TypeError) as error:
                # The key may be a new one of the issuer's.
                if is_last or self._clock.monotonic() - keys.fetched_at < _REFETCH_SECONDS:
                    raise TokenRefused("the token's signature cannot be verified") from error
                keys = await self._fetch(issuer)
        claims: dict[str, Any] = decoded.claims
        self._check(claims, issuer, audience)
        return claims

    def _check(self, claims: dict[str, Any], issuer: str, audience: Sequence[str] | None) -> None:
        now = self._clock.now().timestamp()
        if claims.get("iss") != issuer:
            raise TokenRefused("the token's iss is not that of the authorizer")
        named = claims["aud"] if "aud" in claims else claims.get("client_id")
        if audience is not None and not set(audience) & {str(each) for each in (named if isinstance(named, list) else [named])}:
            raise TokenRefused("the token's aud is not that of the authorizer")
        if not _is_number(claims.get("exp")) or claims["exp"] <= now:
            raise TokenRefused("the token has expired")
        if any(name in claims and (not _is_number(claims[name]) or claims[name] > now) for name in ("nbf", "iat")):
            raise TokenRefused("the token is not valid yet")

    async def _keys_of(self, issuer: str) -> _Keys:
        keys = self._keys.get(issuer)
        if keys is None or self._clock.monotonic() - keys.fetched_at > _KEYS_SECONDS:
            keys = await self._fetch(issuer)
        return keys

    async def _fetch(self, issuer: str) -> _Keys:
        async with self._fetching:
            kept = self._keys.get(issuer)
            if kept is not None and self._clock.monotonic() - kept.fetched_at < _REFETCH_SECONDS:
                return kept
            base = issuer.rstrip("/")
            if base.startswith("https://cognito-idp."):
                url = f"{base}/.well-known/jwks.json"
            else:
                configuration = await self._outgoing.get_json(f"{base}/.well-known/openid-configuration")
                told = configuration.get("jwks_uri") if isinstance(configuration, dict) else None
                if not isinstance(told, str):
                    raise OutgoingFailed(f"the OpenID configuration of {issuer} has no jwks_uri")
                url = told
            if len(self._keys) >= _ISSUERS_MAX:
                self._keys.clear()
            keys = self._keys[issuer] = _Keys(await self._outgoing.get_json(url), self._clock.monotonic())
            return keys


def scopes_of(claims: dict[str, Any]) -> list[str]:
    """A token's scopes: `scope`, else `scp`, texts with spaces or lists."""
    given = claims.get("scope", claims.get("scp"))
    if isinstance(given, str):
        return given.split()
    return [str(each) for each in given] if isinstance(given, list) else []


def claim_texts(claims: dict[str, Any]) -> dict[str, str]:
    """Claims as events have them: all of them texts, lists as `[a b]`."""
    return {name: _text(value) for name, value in claims.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + " ".join(_text(each) for each in value) + "]"
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _import() -> tuple[Any, Any, Any]:
    """With the first token: they bring cryptography, which takes a tenth of a second."""
    return importlib.import_module("joserfc.jwt"), importlib.import_module("joserfc.jwk"), importlib.import_module("joserfc.errors")
