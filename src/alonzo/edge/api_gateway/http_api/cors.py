"""CORS as HTTP APIs do it: the gateway answers preflight requests, and its headers take the place of the integration's.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alonzo.aws.requests import Headers
from alonzo.functions.policies.evaluation import matches_wildcards

_NAMES = frozenset(
    {
        b"access-control-allow-origin",
        b"access-control-allow-credentials",
        b"access-control-allow-methods",
        b"access-control-allow-headers",
        b"access-control-expose-headers",
        b"access-control-max-age",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsConfiguration:
    """As it was given; lists may hold `*`, origins `https://*`."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_seconds: int | None
    allows_credentials: bool

    def preflight(self, origin: str) -> Headers:
        """The headers of the answer to a preflight request."""
        answered = self._of_origin(origin)
        if not answered:
            return []
        if self.methods:
            answered.append((b"access-control-allow-methods", ",".join(self.methods).encode()))
        if self.headers:
            answered.append((b"access-control-allow-headers", ",".join(self.headers).lower().encode()))
        if self.max_age_seconds is not None:
            answered.append((b"access-control-max-age", str(self.max_age_seconds).encode()))
        return answered

    def applied(self, headers: Headers, origin: str | None) -> Headers:
        """An answer's headers, with ours in place of those that the integration has given."""
        kept = [header for header in headers if header[0] not in _NAMES]
        of_origin = [] if origin is None else self._of_origin(origin)
        if of_origin and self.exposed:
            of_origin.append((b"access-control-expose-headers", ",".join(self.exposed).lower().encode()))
        return kept + of_origin

    def _of_origin(self, origin: str) -> list[tuple[bytes, bytes]]:
        if "*" in self.origins and not self.allows_credentials:
            return [(b"access-control-allow-origin", b"*")]
        if not any(matches_wildcards(allowed.lower(), origin.lower()) for allowed in self.origins):
            return []
        headers = [(b"access-control-allow-origin", origin.encode("latin-1", "replace")), (b"vary", b"origin")]
        if self.allows_credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers


def read_cors(given: Mapping[str, Any] | None) -> CorsConfiguration | None:
    """botocore's shape `Cors`; None: the gateway has nothing to do with CORS."""
    if not given:
        return None
    max_age = given.get("MaxAge")
    return CorsConfiguration(
        origins=tuple(given.get("AllowOrigins") or ()),
        methods=tuple(given.get("AllowMethods") or ()),
        headers=tuple(given.get("AllowHeaders") or ()),
        exposed=tuple(given.get("ExposeHeaders") or ()),
        max_age_seconds=None if max_age is None else int(max_age),
        allows_credentials=bool(given.get("AllowCredentials")),
    )
