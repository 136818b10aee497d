"""Function URLs: the endpoints of their own that functions and aliases can have."""

from enum import StrEnum

import msgspec

from alonzo.model import names
from alonzo.model.scope import Scope


class UrlAuthType(StrEnum):
    """Who may call a URL: anybody, or whoever IAM lets. Source: botocore shape `FunctionUrlAuthType`."""

    NONE = "NONE"
    AWS_IAM = "AWS_IAM"


class InvokeMode(StrEnum):
    """Whether a URL answers at once or as the function writes. Source: botocore shape `InvokeMode`."""

    BUFFERED = "BUFFERED"
    RESPONSE_STREAM = "RESPONSE_STREAM"


class Cors(msgspec.Struct, frozen=True, kw_only=True):
    """What a URL tells browsers about requests of other origins. None is what the caller left out. Source: botocore shape `Cors`."""

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] | None = None
    allow_methods: tuple[str, ...] | None = None
    allow_origins: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age_seconds: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was said."""
        return self == Cors()


class FunctionUrl(msgspec.Struct, frozen=True, kw_only=True):
    """The URL of a function (`alias` None: of its `$LATEST`) or of one of its aliases."""

    scope: Scope
    function_name: str
    alias: str | None = None
    url_id: str
    """The first label of its host name: unique among all accounts and regions."""
    auth_type: UrlAuthType
    invoke_mode: InvokeMode = InvokeMode.BUFFERED
    cors: Cors | None = None
    created_unix_ms: int
    last_modified_unix_ms: int

    @property
    def function_arn(self) -> str:
        """The function's ARN, with the alias as qualifier if it is an alias's URL."""
        arn = names.function_arn(self.scope, self.function_name)
        return arn if self.alias is None else f"{arn}:{self.alias}"
