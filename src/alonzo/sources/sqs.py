"""SQS, standard and FIFO: as many pollers as the backlog wants and the function's concurrency bears.

Messages that were not processed are left to the queue: they come again when their visibility timeout is over, or go to its dead-letter
queue. In a FIFO queue SQS itself gives no message of a group while others of it are out, so nothing has to be done for their order.
Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, `services-sqs-scaling`, `services-sqs-errorhandling`.
"""

import asyncio
import logging
from collections.abc import Sequence

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.invoke.errors import RecursiveInvocation
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.quotas import ACCOUNT_CONCURRENCY_DEFAULT
from alonzo.sources.backoff import Backoff
from alonzo.sources.errors import NotInvoked
from alonzo.sources.filters import RecordFilter
from alonzo.sources.invoking import BatchAnswer
from alonzo.sources.processing_results import OK
from alonzo.sources.responses import REPORTS_FAILURES, read_failures
from alonzo.sources.source import FUNCTION_FAILED, PolledUnit, PollerKit, Unit
from alonzo.sources.sqs_messages import QueueMessage, event_of, filtered_view, in_batches, trace_headers
from alonzo.sources.sqs_queue import Queue

_UNIT = "queue"
_BATCHES_A_POLLER = 10
"""Invocations at once by one provisioned poller. Source: `services-sqs-scaling`, "Provisioned mode"."""
_THROTTLED_FIRST_SECONDS, _THROTTLED_MAX_SECONDS = 0.1, 5.0
_PROBLEM_FIRST_SECONDS, _PROBLEM_MAX_SECONDS = 0.25, 10.0

_log = logging.getLogger(__name__)


async def open_source(mapping: EventSourceMapping, kit: PollerKit) -> "SqsSource":
    """A `SourceOpener`."""
    return SqsSource(mapping, kit)


class SqsSource:
    """A `Source`: one unit, whose node runs all pollers of the mapping."""

    def __init__(self, mapping: EventSourceMapping, kit: PollerKit) -> None:
        self._mapping = mapping
        self._kit = kit

    async def list_units(self) -> Sequence[Unit]:
        """As the protocol says."""
        return (Unit(_UNIT),)

    async def poll(self, unit: PolledUnit) -> None:
        """As the protocol says."""
        assert self._mapping.event_source_arn is not None
        watch = self._kit.notices.watch("sqs", "sns", "s3", "events", "scheduler", "states", "cloudformation")
        try:
            queue = Queue(self._mapping.event_source_arn, services=self._kit.services, watch=watch, clock=self._kit.clock)
            visibility_seconds = await queue.read_visibility_seconds()
            await _QueuePollers(self._mapping, self._kit, queue, unit.stopping, visibility_seconds).run()
        finally:
            watch.close()

    async def aclose(self) -> None:
        """As the protocol says."""


class _QueuePollers:
    """One waits for messages. When it gets some, another one waits meanwhile, up to the limit; who comes back and is not needed ends."""

    def __init__(self, mapping: EventSourceMapping, kit: PollerKit, queue: Queue, stopping: asyncio.Event, visibility_seconds: int) -> None:
        settings = mapping.settings
        self._kit = kit
        self._queue = queue
        self._stopping = stopping
        self._visibility_seconds = visibility_seconds
        self._batch_size = settings.batch_size or 1
        self._window_seconds = settings.maximum_batching_window_seconds or 0
        self._filter = RecordFilter(settings.filters)
        self._reads_failures = REPORTS_FAILURES in (settings.function_response_types or ())
        scaling, provisioned = settings.scaling, settings.provisioned_pollers
        self._limit = ACCOUNT_CONCURRENCY_DEFAULT
        if scaling is not None and scaling.maximum_concurrency is not None:
            self._limit = scaling.maximum_concurrency
        self._idle_wanted = 1
        if provisioned is not None and provisioned.minimum is not None and provisioned.maximum is not None:
            self._idle_wanted, self._limit = provisioned.minimum, provisioned.maximum * _BATCHES_A_POLLER
        self._allowed = self._limit
        self._count = 0
        self._idle_count = 0
        self._receiving: set[asyncio.Task[list[QueueMessage]]] = set()

    async def run(self) -> None:
        """Until `stopping` is set and everything in hand is done."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for _ in range(min(self._idle_wanted, self._limit)):
                self._start()
            await self._stopping.wait()
            for task in self._receiving:
                task.cancel()

    _group: asyncio.TaskGroup

    def _start(self) -> None:
        self._count += 1
        self._idle_count += 1
        self._group.create_task(self._poll())

    async def _poll(self) -> None:
        backoff = Backoff(first_seconds=_PROBLEM_FIRST_SECONDS, longest_seconds=_PROBLEM_MAX_SECONDS)
        is_idle = True
        try:
            while not self._stopping.is_set():
                try:
                    messages = await self._receive()
                except AwsCallFailed as error:
                    self._kit.report(f"PROBLEM: {error}")
                    await backoff.pause(self._stopping)
                    continue
                backoff.reset()
                if not messages:
                    continue
                is_idle = False
                self._idle_count -= 1
                if self._idle_count < self._idle_wanted and self._count < self._allowed:
                    self._start()
                for batch in in_batches(messages):
                    await self._process(batch)
                if self._idle_count >= self._idle_wanted or self._count > self._allowed:
                    return
                is_idle = True
                self._idle_count += 1
        finally:
            self._count -= 1
            self._idle_count -= is_idle
            # The last one may have gone because others were refused: somebody has to wait for messages.
            if self._count == 0 and not self._stopping.is_set():
                self._start()

    async def _receive(self) -> list[QueueMessage]:
        receiving = asyncio.ensure_future(self._gather())
        self._receiving.add(receiving)
        try:
            return await receiving
        except asyncio.CancelledError:
            receiving.cancel()
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            return []  # to be stopped
        finally:
            self._receiving.discard(receiving)

    async def _gather(self) -> list[QueueMessage]:
        return await self._queue.gather(self._batch_size, window_seconds=self._window_seconds, stopping=self._stopping)

    async def _process(self, messages: list[QueueMessage]) -> None:
        metrics = self._kit.metrics
        metrics.polled(len(messages))
        wanted, unwanted = messages, []
        if not self._filter.is_empty:
            wanted = [message for message in messages if self._filter.keeps(filtered_view(message))]
            kept = {message.message_id for message in wanted}
            unwanted = [message for message in messages if message.message_id not in kept]
            metrics.filtered_out(len(unwanted))
            await self._delete(unwanted)
        if not wanted:
            return
        answer = await self._invoke(wanted)
        if answer is None:
            return
        metrics.invoked(len(wanted))
        failed = self._failed(answer, wanted)
        self._kit.report(FUNCTION_FAILED if failed else OK)
        metrics.failed(len(failed))
        done = [message for message in wanted if message.message_id not in failed]
        await self._delete(done)
        metrics.deleted(len(done))

    async def _invoke(self, messages: list[QueueMessage]) -> BatchAnswer | None:
        """None: the function has not seen them, and they are about to be visible again."""
        payload, headers = event_of(messages), trace_headers(messages)
        backoff = Backoff(first_seconds=_THROTTLED_FIRST_SECONDS, longest_seconds=_THROTTLED_MAX_SECONDS)
        deadline = messages[0].received_at + self._visibility_seconds
        while True:
            try:
                answer = await self._kit.invoker.invoke(payload, trace_headers=headers)
            except RecursiveInvocation:
                return None
            except NotInvoked as error:
                self._kit.report(f"PROBLEM: {error}")
                if error.is_throttle:
                    self._allowed = max(1, min(self._allowed, self._count) // 2)
            else:
                self._allowed = min(self._allowed + 1, self._limit)
                return answer
            left_seconds = deadline - self._kit.clock.monotonic()
            if left_seconds <= 0 or not await backoff.pause(self._stopping, at_most_seconds=left_seconds):
                return None

    def _failed(self, answer: BatchAnswer, messages: list[QueueMessage]) -> set[str]:
        identifiers = {message.message_id for message in messages}
        if answer.has_failed:
            return identifiers
        if not self._reads_failures:
            return set()
        failures = read_failures(answer.result.payload, lambda identifier: identifier if identifier in identifiers else None)
        return identifiers if failures is None else set(failures)

    async def _delete(self, messages: list[QueueMessage]) -> None:
        try:
            await self._queue.delete(messages)
        except AwsCallFailed as error:
            # They come again, as SQS may always have them do.
            _log.warning("messages that were processed could not be deleted: %s", error)
            self._kit.report(f"PROBLEM: {error}")
