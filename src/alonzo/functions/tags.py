"""Tags of whatever has an ARN and tags: one place that knows the limits, and who keeps the tags of which kind of resource.

Source of the limits and messages: recorded answers and https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html; the message
for reserved keys is the one of AWS's tagging elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec

from alonzo.functions.errors import FunctionNotFound, InvalidParameter, ResourceNotFound
from alonzo.ids import new_uuid
from alonzo.model import quotas
from alonzo.model.function import LATEST, FunctionVersion
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict
from alonzo.store.records import RecordTable

Tags = dict[str, str]
TagChange = Callable[[Mapping[str, str]], Tags]
"""From the tags that a resource has to those it shall have: `InvalidParameter`. It may be called several times for one change."""

_RESERVED_PREFIX = "aws:"

_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "function": "Function",
        "event-source-mapping": "Event source mapping",
        "code-signing-config": "Code signing config",
        "capacity-provider": "Capacity provider",
        "network-connector": "Network connector",
    }
)
"""What messages call a kind of resource, by its name in ARNs. Source: recorded, but for the code signing config and the connector."""


class TagLimitExceeded(InvalidParameter):
    """More tags than a resource may have."""

    def __init__(self) -> None:
        super().__init__("Number of tags exceeds resource tag limit.")


class TaggedResourceNotFound(ResourceNotFound):
    """What the ARN names is not there."""

    def __init__(self, kind: str, arn: str) -> None:
        super().__init__(f"{_CALLED.get(kind, 'Resource')} not found: {arn}")


class TaggedResource(Protocol):
    """Those who keep one kind of resource with tags. `arn` is one of the caller's own account and region."""

    def find_tags(self, arn: str, caller: Scope) -> Mapping[str, str] | None:
        """The tags; None when there is no such resource."""
        ...

    async def change_tags(self, arn: str, caller: Scope, change: TagChange) -> bool:
        """Change the tags, again if somebody else changes the resource meanwhile; False when there is no such resource."""
        ...


class TaggedResources:
    """Finds out whose tags an ARN is about. `by_kind`: `function`, `event-source-mapping`, … as ARNs write it."""

    def __init__(self, by_kind: Mapping[str, TaggedResource]) -> None:
        self._by_kind = MappingProxyType(dict(by_kind))

    def get(self, arn: str, caller: Scope) -> Mapping[str, str]:
        """The tags of a resource. `TaggedResourceNotFound`, and what the resource says of its ARN."""
        kind, resource = self._resource_of(arn, caller)
        tags = None if resource is None else resource.find_tags(arn, caller)
        if tags is None:
            raise TaggedResourceNotFound(kind, arn)
        return tags

    async def add(self, arn: str, caller: Scope, tags: Mapping[str, str]) -> None:
        """Give a resource these tags; of keys that it has, the values change. Errors: those of `get`; `InvalidParameter` and its kinds."""
        if not tags:
            raise InvalidParameter("An error occurred and the request cannot be processed.")
        checked_tags(tags)
        await self._change(arn, caller, lambda before: _within_limit({**before, **tags}))

    async def label(self, arn: str, caller: Scope, labels: Mapping[str, str]) -> None:
        """Give a resource tags of AWS's own (`aws:cloudformation:stack-name`), which nobody else may set or take away. Errors: of `get`."""
        await self._change(arn, caller, lambda before: {**before, **labels})

    async def remove(self, arn: str, caller: Scope, keys: Sequence[str]) -> None:
        """Take the tags of these keys away; there may be none. Errors: those of `get`; `InvalidParameter` for AWS's own."""
        _check_keys(keys)
        await self._change(arn, caller, lambda before: {key: value for key, value in before.items() if key not in keys})

    async def _change(self, arn: str, caller: Scope, change: TagChange) -> None:
        kind, resource = self._resource_of(arn, caller)
        if resource is None or not await resource.change_tags(arn, caller, change):
            raise TaggedResourceNotFound(kind, arn)

    def _resource_of(self, arn: str, caller: Scope) -> tuple[str, TaggedResource | None]:
        """Functions are found in ARNs of elsewhere, too: they have their own words for these."""
        _, _, _, region, account_id, kind, *_ = arn.split(":")
        is_here = (account_id, region) == (caller.account_id, caller.region)
        return kind, self._by_kind.get(kind) if is_here or kind == "function" else None


class FunctionTags:
    """A `TaggedResource`: the tags of functions, which are kept with their `$LATEST`."""

    def __init__(self, records: RecordTable[FunctionVersion]) -> None:
        self._records = records

    def find_tags(self, arn: str, caller: Scope) -> Mapping[str, str] | None:
        """As `TaggedResource`. Errors: those of `refer_to_function`; `InvalidParameter` for versions and aliases."""
        latest = self._records.find(_latest_key(_tagged_function(arn, caller)))
        return None if latest is None else latest.tags

    async def change_tags(self, arn: str, caller: Scope, change: TagChange) -> bool:
        """As `TaggedResource`. Errors: as `find_tags`, and those of the change."""
        reference = _tagged_function(arn, caller)
        while (record := self._records.get_versioned(_latest_key(reference))) is not None:
            tags = change(record.value.tags)
            if tags == record.value.tags:
                return True
            try:
                await self._records.update(_latest_key(reference), _tagged(record.value, tags), revision=record.revision)
            except RecordConflict:
                continue
            return True
        return False

    async def set_tags(self, reference: FunctionReference, tags: Mapping[str, str]) -> None:
        """Give a function exactly these tags. `FunctionNotFound`, `InvalidParameter` and its kinds."""
        wanted = checked_tags(tags)
        if not await self.change_tags(reference.function_arn, reference.scope, lambda _: wanted):
            raise FunctionNotFound(reference.function_arn)


def checked_tags(tags: Mapping[str, str]) -> Tags:
    """All the tags that a resource shall have. `TagLimitExceeded`, `InvalidParameter`."""
    checked = _within_limit(tags)
    _check_keys(tags)
    return checked


def _within_limit(tags: Mapping[str, str]) -> Tags:
    """AWS's own tags do not count. `TagLimitExceeded`."""
    if sum(1 for key in tags if not _is_reserved(key)) > quotas.TAGS_MAX:
        raise TagLimitExceeded
    return dict(tags)


def _check_keys(keys: Iterable[str]) -> None:
    if any(_is_reserved(key) for key in keys):
        raise InvalidParameter("aws: prefixed tag key names are not allowed for external use.")


def _is_reserved(key: str) -> bool:
    return key.lower().startswith(_RESERVED_PREFIX)


def _tagged_function(arn: str, caller: Scope) -> FunctionReference:
    reference = refer_to_function(arn, None, caller)
    if reference.qualifier is not None:
        raise InvalidParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return reference


def _tagged(latest: FunctionVersion, tags: Tags) -> FunctionVersion:
    """With another revision, as after every change. The version that an update might fall back to has the tags, too."""
    before = latest.superseded
    superseded = None if before is None else msgspec.structs.replace(before, tags=tags)
    return msgspec.structs.replace(latest, tags=tags, superseded=superseded, revision_id=new_uuid())


def _latest_key(reference: FunctionReference) -> tuple[str, ...]:
    return reference.scope.account_id, reference.scope.region, reference.name, LATEST
