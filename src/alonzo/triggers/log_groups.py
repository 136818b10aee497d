"""Which log groups and log streams there are, and who has subscribed to them.

Functions' groups come with their events, those of clients with CreateLogGroup. A record is there for what was made by name or subscribed
to; the events themselves are the log store's.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.model.log_group import TAGS_MAX, LogResource, MetricFilter, SubscriptionFilter
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.log_stream import LogStore
from alonzo.store.records import RecordTable

FILTERS_MAX = 2
"""Of one log group. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html."""

METRIC_FILTERS_MAX = 100
"""Of one log group. Source: API_PutMetricFilter."""

Key = tuple[str, ...]


class LogResourceNotFound(AlonzoError):
    """`kind`: `log group`, `log stream`, `subscription filter` or `metric filter`."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"The specified {kind} does not exist.")


class LogResourceExists(AlonzoError):
    """There is one of that name."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"The specified {kind} already exists")


class TooManyLogTags(AlonzoError):
    """A group has as many tags as it may have. `arn`: its ARN."""

    def __init__(self, arn: str) -> None:
        super().__init__("The resource you are trying to tag already has the maximum number of tags.")
        self.arn = arn


class LogLimitExceeded(AlonzoError):
    """The group has as many filters as it may have."""

    def __init__(self) -> None:
        super().__init__("Resource limit exceeded.")


class LogGroups:
    """One table, keyed by account, region, group and, of a log stream, its name. Errors of all but `filters_of`: the store's, too.

    `lateness_ms`: how far apart an event's time and its arrival may be where nothing else is known.
    """

    def __init__(self, *, records: RecordTable[LogResource], logs: LogStore, lateness_ms: int, clock: Clock) -> None:
        self._lateness_ms = lateness_ms
        self._records = records
        self._logs = logs
        self._clock = clock

    def filters_of(self, scope: Scope, group: str) -> tuple[SubscriptionFilter, ...]:
        """A look-up in memory: it is asked for each batch of events."""
        record = self._records.find(_key(scope, group))
        return () if record is None else record.filters

    def metric_filters_of(self, scope: Scope, group: str) -> tuple[MetricFilter, ...]:
        """A look-up in memory, too."""
        record = self._records.find(_key(scope, group))
        return () if record is None else record.metric_filters

    def find(self, scope: Scope, group: str, stream: str | None = None) -> LogResource | None:
        """What is kept of it; there may be events of what nothing is kept of."""
        return self._records.find(_key(scope, group) if stream is None else (*_key(scope, group), stream))

    async def describe_group(self, scope: Scope, group: str) -> LogResource:
        """What is kept of a group, or is so of one of which nothing is kept."""
        return self.find(scope, group) or await self._found(scope, group)

    async def list_groups(self, scope: Scope, prefix: str) -> list[str]:
        """By name, sorted."""
        kept = (key[2] for key, _ in self._records.iter_prefix((scope.account_id, scope.region)))
        return sorted({*await self._logs.list_groups(scope=scope, prefix=prefix), *(name for name in kept if name.startswith(prefix))})

    async def list_streams(self, scope: Scope, group: str, prefix: str) -> list[str]:
        """By name, sorted. LogResourceNotFound of a group that is not there."""
        kept = [key[3] for key, _ in self._records.iter_prefix(_key(scope, group)) if len(key) > 3]  # noqa: PLR2004 - a stream's
        found = await self._logs.list_streams(scope=scope, group=group, prefix=prefix)
        if not found and not kept:
            await self.check_group(scope, group)
        return sorted({*found, *(name for name in kept if name.startswith(prefix))})

    async def check_group(self, scope: Scope, group: str) -> None:
        """LogResourceNotFound."""
        if not await self._has_group(scope, group):
            raise LogResourceNotFound("log group")

    async def check_stream(self, scope: Scope, group: str, stream: str) -> None:
        """LogResourceNotFound, of the group or of the stream."""
        if self.find(scope, group, stream) is None and stream not in await self.list_streams(scope, group, stream):
            raise LogResourceNotFound("log stream")

    def iter_kept(self) -> Iterator[tuple[Scope, str, LogResource]]:
        """All groups of which something is kept."""
        for key, resource in self._records.iter_prefix(()):
            if len(key) == len(_key(Scope("", ""), "")):
                yield Scope(key[0], key[1]), key[2], resource

    async def earliest_kept_ms(self, scope: Scope, group: str) -> int:
        """Events of the group before that instant are too old to be kept. LogResourceNotFound."""
        await self.check_group(scope, group)
        kept = self.find(scope, group)
        return 0 if kept is None else kept.earliest_kept_ms(self._clock.unix_ms())

    def lateness_ms(self, scope: Scope, group: str) -> int:
        """How far apart an event's time and its arrival may be."""
        kept = self.find(scope, group)
        return max(self._lateness_ms, 0 if kept is None else kept.lateness_ms)

    async def create_group(
        self, scope: Scope, group: str, *, tags: Mapping[str, str], group_class: str = "STANDARD", kms_key_id: str | None = None
    ) -> None:
        """LogResourceExists."""
        if await self._has_group(scope, group):
            raise LogResourceExists("log group")
        new = LogResource(self._clock.unix_ms(), tags=dict(tags), group_class=group_class, kms_key_id=kms_key_id)
        await self._create(_key(scope, group), new, "log group")

    async def set_retention(self, scope: Scope, group: str, days: int | None) -> None:
        """What is too old now goes at once. LogResourceNotFound."""
        await self.check_group(scope, group)
        await self._change(scope, group, lambda kept: msgspec.structs.replace(kept, retention_days=days))
        await self.forget_old(scope, group)

    async def forget_old(self, scope: Scope, group: str) -> None:
        """Delete what arrived before events were too old; events that came late are not shown, and go when they have been here as long."""
        kept = self.find(scope, group)
        earliest_ms = 0 if kept is None else kept.earliest_kept_ms(self._clock.unix_ms())
        if earliest_ms > 0:
            await self._logs.delete_before(scope=scope, group=group, before_ms=earliest_ms)

    async def note_lateness(self, scope: Scope, group: str, lateness_ms: int) -> None:
        """Events of the group are written so long after (or before) their time. Rounded up, so that it is seldom written."""
        if lateness_ms <= self.lateness_ms(scope, group):
            return
        rounded = self._lateness_ms
        while rounded < lateness_ms:
            rounded *= 4
        await self._change(scope, group, lambda kept: msgspec.structs.replace(kept, lateness_ms=max(kept.lateness_ms, rounded)))

    async def change_tags(
        self, scope: Scope, group: str, *, arn: str, added: Mapping[str, str] | None = None, removed: tuple[str, ...] = ()
    ) -> None:
        """LogResourceNotFound, TooManyLogTags."""
        await self.check_group(scope, group)

        def change(kept: LogResource) -> LogResource:
            tags = {key: value for key, value in {**kept.tags, **(added or {})}.items() if key not in removed}
            if len(tags) > TAGS_MAX:
                raise TooManyLogTags(arn)
            return msgspec.structs.replace(kept, tags=tags)

        await self._change(scope, group, change)

    async def create_stream(self, scope: Scope, group: str, stream: str) -> None:
        """LogResourceNotFound of the group, LogResourceExists."""
        if stream in await self.list_streams(scope, group, stream):
            raise LogResourceExists("log stream")
        await self._create((*_key(scope, group), stream), LogResource(self._clock.unix_ms()), "log stream")

    async def delete_group(self, scope: Scope, group: str) -> None:
        """With its streams, its events and its filters. LogResourceNotFound."""
        await self.check_group(scope, group)
        await self._logs.delete(scope=scope, group=group)
        await self._records.delete_prefix(_key(scope, group))

    async def delete_stream(self, scope: Scope, group: str, stream: str) -> None:
        """With its events. LogResourceNotFound."""
        await self.check_stream(scope, group, stream)
        await self._logs.delete(scope=scope, group=group, stream=stream)
        await self._records.delete((*_key(scope, group), stream))

    async def put_filter(self, scope: Scope, group: str, new: SubscriptionFilter) -> None:
        """In the place of one of the same name, if there is one. LogResourceNotFound of the group, LogLimitExceeded."""
        await self.check_group(scope, group)

        def change(filters: tuple[SubscriptionFilter, ...]) -> tuple[SubscriptionFilter, ...]:
            others = tuple(each for each in filters if each.name != new.name)
            if len(others) >= FILTERS_MAX:
                raise LogLimitExceeded
            return (*others, new)

        await self._change_filters(scope, group, change)

    async def delete_filter(self, scope: Scope, group: str, name: str) -> None:
        """LogResourceNotFound, of the group or of the filter."""
        await self.check_group(scope, group)

        def change(filters: tuple[SubscriptionFilter, ...]) -> tuple[SubscriptionFilter, ...]:
            others = tuple(each for each in filters if each.name != name)
            if len(others) == len(filters):
                raise LogResourceNotFound("subscription filter")
            return others

        await self._change_filters(scope, group, change)

    async def put_metric_filter(self, scope: Scope, group: str, new: MetricFilter) -> None:
        """In the place of one of the same name, if there is one. LogResourceNotFound of the group, LogLimitExceeded."""
        await self.check_group(scope, group)

        def change(kept: LogResource) -> LogResource:
            others = tuple(each for each in kept.metric_filters if each.name != new.name)
            if len(others) >= METRIC_FILTERS_MAX:
                raise LogLimitExceeded
            return msgspec.structs.replace(kept, metric_filters=(*others, new))

        await self._change(scope, group, change)

    async def delete_metric_filter(self, scope: Scope, group: str, name: str) -> None:
        """LogResourceNotFound, of the group or of the filter."""
        await self.check_group(scope, group)

        def change(kept: LogResource) -> LogResource:
            others = tuple(each for each in kept.metric_filters if each.name != name)
            if len(others) == len(kept.metric_filters):
                raise LogResourceNotFound("metric filter")
            return msgspec.structs.replace(kept, metric_filters=others)

        await self._change(scope, group, change)

    async def _change_filters(
        self, scope: Scope, group: str, change: Callable[[tuple[SubscriptionFilter, ...]], tuple[SubscriptionFilter, ...]]
    ) -> None:
        await self._change(scope, group, lambda kept: msgspec.structs.replace(kept, filters=change(kept.filters)))

    async def _change(self, scope: Scope, group: str, change: Callable[[LogResource], LogResource]) -> None:
        key = _key(scope, group)
        while True:
            versioned = self._records.get_versioned(key)
            try:
                if versioned is None:
                    await self._records.create(key, change(await self._found(scope, group)))
                else:
                    await self._records.update(key, change(versioned.value), revision=versioned.revision)
            except (RecordConflict, RecordExists):
                continue
            return

    async def _found(self, scope: Scope, group: str) -> LogResource:
        """What a group is of which nothing is kept yet: as old as its first event."""
        first_ms = await self._logs.find_first_arrival(scope=scope, group=group)
        return LogResource(self._clock.unix_ms() if first_ms is None else first_ms)

    async def _create(self, key: Key, new: LogResource, kind: str) -> None:
        try:
            await self._records.create(key, new)
        except RecordExists as error:
            raise LogResourceExists(kind) from error

    async def _has_group(self, scope: Scope, group: str) -> bool:
        return self.find(scope, group) is not None or group in await self._logs.list_groups(scope=scope, prefix=group)


def _key(scope: Scope, group: str) -> Key:
    return scope.account_id, scope.region, group
