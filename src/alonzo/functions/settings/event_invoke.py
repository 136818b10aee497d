"""How functions are invoked asynchronously: what the operations on these configurations do.

One record a configuration, keyed by account, region, function and qualifier (`$LATEST` when the caller gives none). Source of the messages:
recorded answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.functions.errors import FunctionNotFound, InvalidParameter, ResourceNotFound
from alonzo.functions.registry import Functions
from alonzo.functions.resolution import Resolution
from alonzo.model.event_invoke_config import EventInvokeConfig
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference
from alonzo.store.errors import RecordConflict
from alonzo.store.records import RecordTable

_SUCCESS_SERVICES = frozenset(("lambda", "sqs", "sns", "events"))
_FAILURE_SERVICES = _SUCCESS_SERVICES | {"s3"}
"""Source: botocore, documentation of PutFunctionEventInvokeConfig ("S3 buckets are supported only for on-failure destinations")."""
_FIFO_SUFFIX = ".fifo"
_ARN_PARTS = 6
_FUNCTION_RESOURCE = "function:"


class EventInvokeConfigNotFound(ResourceNotFound):
    """Nothing was configured for that function, version or alias (there may be none)."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The function {arn} doesn't have an EventInvokeConfig")


class EventInvokeFunctionNotFound(ResourceNotFound):
    """The function, version or alias that shall be configured is not there."""

    def __init__(self) -> None:
        super().__init__("The function doesn't exist.")


@dataclass(frozen=True, slots=True)
class Destinations:
    """ARNs; None for no destination."""

    on_success_arn: str | None = None
    on_failure_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInvokeChange:
    """What is said of a configuration; None is what is not said."""

    maximum_retry_attempts: int | None = None
    maximum_event_age_seconds: int | None = None
    destinations: Destinations | None = None


_NOTHING = EventInvokeChange()


class EventInvokeConfigs:
    """The configurations of all functions. Writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[EventInvokeConfig], functions: Functions, resolution: Resolution, clock: Clock) -> None:
        self._records = records
        self._functions = functions
        self._resolution = resolution
        self._clock = clock

    def find(self, reference: FunctionReference) -> EventInvokeConfig | None:
        """What is configured for the function (without a qualifier: for `$LATEST`), version or alias."""
        return self._records.find(_key(reference))

    def get(self, reference: FunctionReference) -> EventInvokeConfig:
        """`EventInvokeConfigNotFound`."""
        config = self.find(reference)
        if config is None:
            raise EventInvokeConfigNotFound(_qualified(reference).arn)
        return config

    def list_configs(self, reference: FunctionReference) -> Iterator[EventInvokeConfig]:
        """All of a function, by qualifier. `EventInvokeFunctionNotFound`."""
        self._check_function(FunctionReference(reference.scope, reference.name))
        return (config for _, config in self._records.iter_prefix(_key(reference)[:-1]))

    async def put(self, reference: FunctionReference, change: EventInvokeChange) -> EventInvokeConfig:
        """Configure; what the change does not say is not set any more. `EventInvokeFunctionNotFound`, `InvalidParameter`."""
        _check_says_something(change)
        async with self._functions.turn(reference):
            self._check_function(reference)
            self._check_destinations(reference, change.destinations)
            config = self._applied(self._blank(reference), change)
            await self._records.put(_key(reference), config)
            return config

    async def update(self, reference: FunctionReference, change: EventInvokeChange) -> EventInvokeConfig:
        """Change what the change says. As `put`; `EventInvokeConfigNotFound`."""
        _check_says_something(change)
        self._check_function(reference)
        self._check_destinations(reference, change.destinations)
        while (record := self._records.get_versioned(_key(reference))) is not None:
            config = self._applied(record.value, change)
            try:
                await self._records.update(_key(reference), config, revision=record.revision)
            except RecordConflict:  # somebody else changed it, or deleted it
                continue
            return config
        raise EventInvokeConfigNotFound(_qualified(reference).arn)

    async def delete(self, reference: FunctionReference) -> None:
        """`EventInvokeConfigNotFound`."""
        self.get(reference)
        await self._records.delete(_key(reference))

    async def forget(self, reference: FunctionReference) -> None:
        """As a `FunctionDependent`: what was configured for a function and all its qualifiers, or for the one of the reference."""
        prefix = _key(reference)[:-1] if reference.qualifier is None else _key(reference)
        await self._records.delete_prefix(prefix)

    def _blank(self, reference: FunctionReference) -> EventInvokeConfig:
        return EventInvokeConfig(
            scope=reference.scope, function_name=reference.name, qualifier=reference.qualifier or LATEST, last_modified_unix_ms=0
        )

    def _applied(self, before: EventInvokeConfig, change: EventInvokeChange) -> EventInvokeConfig:
        retries, age_seconds, to = change.maximum_retry_attempts, change.maximum_event_age_seconds, change.destinations
        return msgspec.structs.replace(
            before,
            maximum_retry_attempts=before.maximum_retry_attempts if retries is None else retries,
            maximum_event_age_seconds=before.maximum_event_age_seconds if age_seconds is None else age_seconds,
            on_success_arn=before.on_success_arn if to is None else to.on_success_arn,
            on_failure_arn=before.on_failure_arn if to is None else to.on_failure_arn,
            last_modified_unix_ms=self._clock.unix_ms(),
        )

    def _check_function(self, reference: FunctionReference) -> None:
        try:
            self._resolution.get_version(reference)
        except FunctionNotFound as error:
            raise EventInvokeFunctionNotFound from error

    def _check_destinations(self, reference: FunctionReference, to: Destinations | None) -> None:
        if to is None:
            return
        on_success_arn, on_failure_arn = to.on_success_arn, to.on_failure_arn
        possible = [
            _can_be_destination(arn, services)
            for arn, services in ((on_success_arn, _SUCCESS_SERVICES), (on_failure_arn, _FAILURE_SERVICES))
            if arn is not None
        ]
        if not all(possible):
            on_success = "null" if on_success_arn is None else f"OnSuccess(destination={on_success_arn})"
            on_failure = "null" if on_failure_arn is None else f"OnFailure(destination={on_failure_arn})"
            raise InvalidParameter(
                f"The provided destination config DestinationConfig(onSuccess={on_success}, onFailure={on_failure}) is invalid."
            )
        for arn in (on_failure_arn, on_success_arn):
            if arn is not None:
                self._check_function_destination(reference, arn)

    def _check_function_destination(self, reference: FunctionReference, arn: str) -> None:
        """A function of this account and region must be there; of others nobody here knows."""
        _, _, service, region, account_id, resource = arn.split(":", _ARN_PARTS - 1)
        if service != "lambda" or (account_id, region) != (reference.scope.account_id, reference.scope.region):
            return
        name, _, qualifier = resource.removeprefix(_FUNCTION_RESOURCE).partition(":")
        try:
            self._resolution.get_version(FunctionReference(reference.scope, name, qualifier or None))
        except FunctionNotFound as error:
            raise InvalidParameter(f"The destination ARN {arn} is invalid.") from error
        if name == reference.name:
            raise InvalidParameter("You can't specify the function as a destination for itself.")


def _check_says_something(change: EventInvokeChange) -> None:
    if change == _NOTHING:
        raise InvalidParameter("You must specify at least one of error handling or destination setting.")


def _can_be_destination(arn: str, services: frozenset[str]) -> bool:
    """Queues and topics must be standard ones.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-async-destinations.
    """
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS or parts[2] not in services:
        return False
    if parts[2] == "lambda":
        return parts[-1].startswith(_FUNCTION_RESOURCE)
    return parts[2] not in ("sqs", "sns") or not arn.endswith(_FIFO_SUFFIX)


def _qualified(reference: FunctionReference) -> FunctionReference:
    return FunctionReference(reference.scope, reference.name, reference.qualifier or LATEST)


def _key(reference: FunctionReference) -> tuple[str, ...]:
    return reference.scope.account_id, reference.scope.region, reference.name, reference.qualifier or LATEST
