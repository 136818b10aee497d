"""Function URLs: what the operations on them do.

One record a URL, keyed by account, region, function and alias (empty for the function itself). Whoever serves URLs finds them by the id in
their host names. What a URL looks like is for those who know where this server listens.
"""

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.functions.errors import FunctionNotFound, InvalidParameter, ResourceConflict, ResourceNotFound
from alonzo.functions.registry import Functions
from alonzo.functions.resolution import Resolution
from alonzo.model.function_url import Cors, FunctionUrl, InvokeMode, UrlAuthType
from alonzo.model.names import FunctionReference
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.records import RecordTable

_ID_CHARACTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 32
_METHODS = ("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*")
"""Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-url-cors.html (AllowMethods)."""

_Key = tuple[str, ...]


class UrlNotFound(ResourceNotFound):
    """The function or the alias has no URL; or, when one is only looked up, it is not there itself."""

    def __init__(self) -> None:
        super().__init__("The resource you requested does not exist.")


class UrlFunctionNotFound(ResourceNotFound):
    """The function or the alias that shall have a URL is not there."""

    def __init__(self) -> None:
        super().__init__("Function does not exist")


class UrlExists(ResourceConflict):
    """The function or the alias has a URL already."""

    def __init__(self, arn: str) -> None:
        super().__init__(
            f"Failed to create function url config for [functionArn = {arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlChange:
    """What is said of a URL. None leaves as it is; an empty `cors` takes it away."""

    auth_type: UrlAuthType | None = None
    invoke_mode: InvokeMode | None = None
    cors: Cors | None = None


class FunctionUrls:
    """The URLs of all functions. A reference's qualifier is an alias, or None. Writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[FunctionUrl], functions: Functions, resolution: Resolution, clock: Clock) -> None:
        self._records = records
        self._functions = functions
        self._resolution = resolution
        self._clock = clock
        self._keys_by_id: dict[str, _Key] = {}
        self._ids_by_key: dict[_Key, str] = {}
        records.subscribe(self._note)
        for key, url in records.iter_prefix(()):
            self._note(key, url)

    def find_by_id(self, url_id: str) -> FunctionUrl | None:
        """The URL whose host name begins with that id."""
        key = self._keys_by_id.get(url_id)
        return None if key is None else self._records.find(key)

    def get(self, reference: FunctionReference) -> FunctionUrl:
        """`UrlNotFound`."""
        url = self._records.find(_key(reference))
        if url is None:
            raise UrlNotFound
        return url

    def list_urls(self, reference: FunctionReference) -> Iterator[FunctionUrl]:
        """The URLs of a function: its own, then those of its aliases by name. `UrlFunctionNotFound`."""
        self._check_function(FunctionReference(reference.scope, reference.name))
        return (url for _, url in self._records.iter_prefix(_key(reference)[:-1]))

    async def create(self, reference: FunctionReference, change: UrlChange) -> FunctionUrl:
        """Give a function or an alias a URL. `change` needs an `auth_type`. `UrlFunctionNotFound`, `UrlExists`, `InvalidParameter`."""
        assert change.auth_type is not None
        _check_cors(change.cors)
        async with self._functions.turn(reference):
            self._check_function(reference)
            now = self._clock.unix_ms()
            url = FunctionUrl(
                scope=reference.scope,
                function_name=reference.name,
                alias=reference.qualifier,
                url_id=_new_url_id(),
                auth_type=change.auth_type,
                invoke_mode=change.invoke_mode or InvokeMode.BUFFERED,
                cors=_cors_or_none(change.cors),
                created_unix_ms=now,
                last_modified_unix_ms=now,
            )
            try:
                await self._records.create(_key(reference), url)
            except RecordExists as error:
                raise UrlExists(reference.arn) from error
            return url

    async def update(self, reference: FunctionReference, change: UrlChange) -> FunctionUrl:
        """Change a URL; its id stays. `UrlFunctionNotFound`, `UrlNotFound`, `InvalidParameter`."""
        _check_cors(change.cors)
        self._check_function(reference)
        while (record := self._records.get_versioned(_key(reference))) is not None:
            before = record.value
            url = msgspec.structs.replace(
                before,
                auth_type=change.auth_type or before.auth_type,
                invoke_mode=change.invoke_mode or before.invoke_mode,
                cors=before.cors if change.cors is None else _cors_or_none(change.cors),
                last_modified_unix_ms=self._clock.unix_ms(),
            )
            try:
                await self._records.update(_key(reference), url, revision=record.revision)
            except RecordConflict:  # somebody else changed it, or deleted it
                continue
            return url
        raise UrlNotFound

    async def delete(self, reference: FunctionReference) -> None:
        """`UrlNotFound`."""
        self.get(reference)
        await self._records.delete(_key(reference))

    async def forget(self, reference: FunctionReference) -> None:
        """As a `FunctionDependent`: the URLs of a function, or with an alias as qualifier the alias's. Versions have none."""
        prefix = _key(reference)[:-1] if reference.qualifier is None else _key(reference)
        await self._records.delete_prefix(prefix)

    def _check_function(self, reference: FunctionReference) -> None:
        try:
            self._resolution.get_version(reference)
        except FunctionNotFound as error:
            raise UrlFunctionNotFound from error

    def _note(self, key: _Key, url: FunctionUrl | None) -> None:
        known = self._ids_by_key.pop(key, None)
        if known is not None:
            self._keys_by_id.pop(known, None)
        if url is not None:
            self._ids_by_key[key] = url.url_id
            self._keys_by_id[url.url_id] = key


def _check_cors(cors: Cors | None) -> None:
    """What the constraints of the API's model do not say. The words are in AWS's manner; its own are not known."""
    for method in () if cors is None else cors.allow_methods or ():
        if method not in _METHODS:
            raise InvalidParameter(
                f"Value '{method}' at 'cors.allowMethods' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{', '.join(_METHODS)}]"
            )


def _cors_or_none(cors: Cors | None) -> Cors | None:
    return None if cors is None or cors.is_empty else cors


def _new_url_id() -> str:
    return "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))


def _key(reference: FunctionReference) -> _Key:
    return reference.scope.account_id, reference.scope.region, reference.name, reference.qualifier or ""
