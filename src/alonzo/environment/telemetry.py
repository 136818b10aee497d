"""The telemetry of one environment: records, as they come, to the extensions that have subscribed to them.

What comes before anybody has subscribed is kept until INIT is over, within bounds: extensions are told of it when they subscribe.
"""

from collections.abc import Callable, Sequence
from typing import Any

from alonzo.clock import Clock
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.extension_states import Extension
from alonzo.environment.extensions import ExtensionRefused
from alonzo.environment.telemetry_requests import Subscription, SubscriptionInvalid, TelemetryApi
from alonzo.environment.telemetry_sinks import Connect, make_sink
from alonzo.environment.telemetry_subscriber import TelemetrySubscriber
from alonzo.model.log_event import LogEvent
from alonzo.observe.telemetry_records import Category, Schema, TelemetryRecord, encode_record

_BACKLOG_MAX_RECORDS = 1_000
_BACKLOG_MAX_CHARACTERS = 262_144
_RECORD_OVERHEAD = 64

OnSubscribed = Callable[[TelemetryApi, str, tuple[str, ...]], None]
"""Told of each subscription: by which API, which extension, to what."""


class Telemetry:
    """`connect` reaches the sandbox's loopback; `writes_json`: the function logs in JSON."""

    def __init__(self, *, connect: Connect, tasks: EnvironmentTasks, writes_json: bool, on_subscribed: OnSubscribed, clock: Clock) -> None:
        self._connect = connect
        self._tasks = tasks
        self._writes_json = writes_json
        self._on_subscribed = on_subscribed
        self._clock = clock
        self._subscribers: dict[str, TelemetrySubscriber] = {}
        self._stop: dict[str, Callable[[], object]] = {}
        self._backlog: list[TelemetryRecord] | None = []
        """None: nobody can subscribe any more."""
        self._backlog_characters = 0

    @property
    def is_wanted(self) -> bool:
        """Whether records go anywhere, or may yet."""
        return self._backlog is not None or bool(self._subscribers)

    def subscribe(self, extension: Extension, subscription: Subscription) -> None:
        """Deliver to an extension. Again by the same API: its new wishes replace the old. Raises ExtensionRefused, SubscriptionInvalid."""
        api = subscription.api
        if self._backlog is None:
            raise ExtensionRefused(f"{api}.SubscriptionClosed", f"{api} API subscription is closed already")
        former = self._subscribers.get(extension.name)
        if former is not None and former.subscription.api is not api:
            raise SubscriptionInvalid(api, f"the extension has subscribed by the {former.subscription.api} API already")
        if former is not None and former.subscription == subscription:
            return
        if former is not None:
            self._stop[extension.name]()
        subscriber = TelemetrySubscriber(
            subscription=subscription,
            sink=make_sink(subscription.destination, self._connect),
            drop_notice=lambda count, byte_count, reason: self._drop_notice(subscription.schema, count, byte_count, reason),
        )
        self._subscribers[extension.name] = subscriber
        self._stop[extension.name] = self._tasks.begin(subscriber.run()).cancel
        if former is None:
            for record in self._backlog:
                self._offer(record, [subscriber])
            types = tuple(category.value for category in subscription.categories)
            self.emit(f"platform.{api.lower()}Subscription", {"name": extension.name, "state": "Subscribed", "types": list(types)})
            self._on_subscribed(api, extension.name, types)

    def close_subscription(self) -> None:
        """INIT is over: nobody can subscribe any more."""
        self._backlog = None

    def emit(self, kind: str, content: dict[str, Any] | str, unix_ms: int | None = None) -> None:
        """A record of the platform's."""
        now = self._clock.unix_ms() if unix_ms is None else unix_ms
        self._emit(TelemetryRecord(now, kind, Category.PLATFORM, content))

    def emit_lines(self, category: Category, events: Sequence[LogEvent]) -> None:
        """Lines of a log."""
        for event in events:
            self._emit(TelemetryRecord(event.unix_ms, category.value, category, event.message))

    def hasten(self) -> None:
        """The environment is about to end: wait no more for batches to fill."""
        for subscriber in self._subscribers.values():
            subscriber.hasten()

    async def wait_until_told(self) -> None:
        """Until every subscriber has what there was for it, or will not have it."""
        for subscriber in list(self._subscribers.values()):
            await subscriber.wait_until_told()

    def close(self) -> None:
        """Nothing is delivered any more. May be called again."""
        self._backlog = None
        for stop in self._stop.values():
            stop()
        self._stop.clear()
        self._subscribers.clear()

    def _emit(self, record: TelemetryRecord) -> None:
        if self._backlog is not None and len(self._backlog) < _BACKLOG_MAX_RECORDS and self._backlog_characters < _BACKLOG_MAX_CHARACTERS:
            self._backlog.append(record)
            self._backlog_characters += len(record.content)
        if self._subscribers:
            self._offer(record, list(self._subscribers.values()))

    def _offer(self, record: TelemetryRecord, subscribers: list[TelemetrySubscriber]) -> None:
        """Encoded once for each version of the schema, and not at all for those who have no room."""
        encoded: dict[Schema, bytes | None] = {}
        for subscriber in subscribers:
            subscription = subscriber.subscription
            if record.category not in subscription.categories:
                continue
            if subscriber.is_full:
                subscriber.drop(len(record.content) + _RECORD_OVERHEAD)
                continue
            schema = subscription.schema
            if schema not in encoded:
                encoded[schema] = encode_record(record, schema, is_json=self._writes_json)
            line = encoded[schema]
            if line is not None:
                subscriber.offer(line)

    def _drop_notice(self, schema: Schema, count: int, byte_count: int, reason: str) -> bytes | None:
        content = {"droppedBytes": byte_count, "droppedRecords": count, "reason": reason}
        record = TelemetryRecord(self._clock.unix_ms(), "platform.logsDropped", Category.PLATFORM, content)
        return encode_record(record, schema, is_json=False)
