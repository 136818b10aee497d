"""What becomes of one batch of an ordered source: done at last, in order, or given up.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-errors.html (and `kinesis-on-failure-destination`, `services-kinesis-
batchfailurereporting`), the same for DynamoDB Streams.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from alonzo.invoke.destinations.retries import RetriesStopped
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.backoff import Backoff
from alonzo.sources.failures import Condition, GivenUp
from alonzo.sources.invoking import BatchAnswer
from alonzo.sources.processing_results import OK
from alonzo.sources.responses import REPORTS_FAILURES, read_failures
from alonzo.sources.source import FUNCTION_FAILED, PollerKit
from alonzo.sources.stream_records import StreamReader, StreamRecord
from alonzo.sources.stream_windows import TumblingWindows

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 30.0
"""Between tries of a batch with which the function has failed. AWS says that there are pauses, and not how long they are."""

Records = list[StreamRecord]


class StreamBatches:
    """Of one unit. `on_done` is called with records that were processed or given up, in order within a lane."""

    def __init__(
        self,
        *,
        mapping: EventSourceMapping,
        kit: PollerKit,
        reader: StreamReader,
        unit: str,
        windows: TumblingWindows | None,
        on_done: Callable[[Records], None],
        stopping: asyncio.Event,
    ) -> None:
        settings = mapping.settings
        self._arn = mapping.event_source_arn
        self._kit = kit
        self._reader = reader
        self._unit = unit
        self._windows = windows
        self._on_done = on_done
        self._stopping = stopping
        self._bisects = bool(settings.bisect_batch_on_function_error)
        self._reads_failures = REPORTS_FAILURES in (settings.function_response_types or ())
        self._retries_max = -1 if settings.maximum_retry_attempts is None else settings.maximum_retry_attempts
        age_seconds = settings.maximum_record_age_seconds
        self._age_max_ms = None if age_seconds is None or age_seconds < 0 else age_seconds * 1000

    async def process(self, batch: Records) -> bool:
        """See the batch through. False: `stopping` was set before; what is not done is to be read again."""
        waiting = [batch]
        while waiting:
            rest = await self._process_part(waiting.pop())
            if rest is None:
                return False
            waiting += reversed(rest)
        self._kit.metrics.iterator_age(max(0, self._kit.clock.unix_ms() - batch[-1].arrived_unix_ms))
        return True

    async def finish_window(self, *, is_early: bool = False) -> bool:
        """The last invocation of the open window, with its state and without records; as `process`."""
        assert self._windows is not None
        backoff, tries = _backoff(), 0
        while True:
            answer = await self._invoke([], is_final=not is_early, is_early=is_early)
            if answer is None:
                return False
            tries += 1
            if not answer.has_failed or 0 <= self._retries_max < tries:
                return True
            self._kit.report(FUNCTION_FAILED)
            if not await backoff.pause(self._stopping):
                return False

    async def _process_part(self, batch: Records) -> list[Records] | None:
        """Until it is done, or is to be split: then its parts, in order. None: stopped."""
        backoff, tries = _backoff(), 0
        answer: BatchAnswer | None = None
        while batch:
            expired = self._expired(batch)
            if expired:
                if not await self._give_up(expired, Condition.RECORD_AGE_EXCEEDED, tries, answer):
                    return None
                batch = batch[len(expired) :]
                continue
            new_answer = await self._invoke(batch)
            if new_answer is None:
                if self._stopping.is_set():
                    return None
                continue  # the first record has become too old meanwhile
            answer, tries = new_answer, tries + 1
            first_failed = self._first_failed(answer, batch)
            self._on_done(batch[:first_failed])
            if first_failed == len(batch):
                self._kit.report(OK)
                return []
            self._note_failure(batch[first_failed:])
            is_splittable, batch = self._bisects and len(batch) > 1, batch[first_failed:]
            if is_splittable:
                middle = len(batch) // 2 if first_failed == 0 else len(batch)
                return [part for part in (batch[:middle], batch[middle:]) if part]
            is_last = 0 <= self._retries_max < tries
            if is_last:
                goes_on = await self._give_up(batch, Condition.RETRY_ATTEMPTS_EXHAUSTED, tries, answer)
            else:
                goes_on = await backoff.pause(self._stopping, at_most_seconds=self._seconds_to_expiry(batch))
            if is_last or not goes_on:
                return [] if goes_on else None
        return []

    async def _invoke(self, batch: Records, *, is_final: bool = False, is_early: bool = False) -> BatchAnswer | None:
        """None: the function has not seen it, and `stopping` is set or the first record has become too old."""
        window: dict[str, Any] | None = None
        if self._windows is not None:
            window = self._windows.members(unit=self._unit_shown, source_arn=self._arn, is_final=is_final, is_early=is_early)
        answer = await self._kit.invoker.insist(
            self._reader.event(batch, window),
            stopping=self._stopping,
            report=self._kit.report,
            until_unix_ms=None if self._age_max_ms is None or not batch else batch[0].arrived_unix_ms + self._age_max_ms,
        )
        if answer is not None:
            self._kit.metrics.invoked(len(batch))
        return answer

    @property
    def _unit_shown(self) -> str:
        return self._unit.partition("#")[0]

    def _first_failed(self, answer: BatchAnswer, batch: Records) -> int:
        """The index of the first record that is to be tried again; that after the last one if there is none."""
        if answer.has_failed:
            return 0
        first_failed = len(batch)
        if self._reads_failures:
            indexes = {record.identifier: index for index, record in enumerate(batch)}
            failures = read_failures(answer.result.payload, lambda identifier: indexes.get(str(identifier)))
            first_failed = min(failures, default=len(batch)) if failures is not None else 0
        if self._windows is not None and (first_failed or not batch) and not self._windows.keep(answer.result.payload):
            return 0
        return first_failed

    def _note_failure(self, failed: Records) -> None:
        self._kit.report(FUNCTION_FAILED)
        self._kit.metrics.failed(len(failed))

    def _expired(self, batch: Records) -> Records:
        if self._age_max_ms is None:
            return []
        oldest = self._kit.clock.unix_ms() - self._age_max_ms
        return [record for record in batch if record.arrived_unix_ms <= oldest]

    def _seconds_to_expiry(self, batch: Records) -> float | None:
        if self._age_max_ms is None:
            return None
        return max(0.0, (batch[0].arrived_unix_ms + self._age_max_ms - self._kit.clock.unix_ms()) / 1000)

    async def _give_up(self, batch: Records, condition: Condition, tries: int, answer: BatchAnswer | None) -> bool:
        """False: the node stops before the destination could be told."""
        name, info = self._reader.describe(batch)
        given_up = GivenUp(
            condition=condition,
            invoke_count=tries,
            answer=answer,
            source_info_name=name,
            source_info=info,
            place=self._unit_shown,
            event=self._reader.event(batch, None),
            record_count=len(batch),
        )
        try:
            await self._kit.failures.deliver(given_up)
        except RetriesStopped:
            return False
        self._on_done(batch)
        return True


def _backoff() -> Backoff:
    return Backoff(first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS)
