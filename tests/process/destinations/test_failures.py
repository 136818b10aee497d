"""Destinations that cannot be told: what is tried again, what is given up, what others notice of it (nothing)."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.support.aws_peer import ACCOUNT, AwsPeer

from alonzo.invoke.asynchronous.outcomes import OutcomePutOff
from alonzo.model import lineage
from alonzo.model.asynchronous import Condition
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import Metric

from .outcomes import HERE, TRACE, Delivering, an_outcome, delivering

LOST = {Metric.DESTINATION_DELIVERY_FAILURES: 1}


@contextmanager
def nobodys_address() -> Iterator[tuple[socket.socket, str]]:
    """A socket that does not listen, and its URL: whoever connects is refused, and nobody else gets the port meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held, f"http://127.0.0.1:{held.getsockname()[1]}"


def test_nothing_is_sent_without_an_endpoint() -> None:
    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")
        await there.deliver(
            an_outcome(), problem=f"^arn:aws:sqs:us-east-1:{ACCOUNT}:q: there is no endpoint for sqs: start with --aws-endp"
        )
        assert there.counts() == LOST

    delivering(scenario, endpoint_url=None)


def test_a_service_that_is_not_there_is_tried_again_and_given_up() -> None:
    async def scenario(there: Delivering) -> None:
        there.control.dead_letters["source"] = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
        await there.deliver(an_outcome(), problem="Cannot connect to host")
        assert there.counts() == {Metric.DEAD_LETTER_ERRORS: 1}

    with nobodys_address() as (_, url):
        delivering(scenario, endpoint_url=url, pauses_seconds=(0.01, 0.01, 0.01))


def test_a_service_that_comes_back_is_told(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("late")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_peer, to_peer = await asyncio.open_connection("127.0.0.1", peer.port)
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, to_peer))
            group.create_task(_copy(from_peer, writer))

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=arn)
        delivery = asyncio.create_task(there.deliver(an_outcome()))
        await there.has_failed.wait()
        async with await asyncio.start_server(pass_on, sock=held):
            await delivery
            await there.clients.aclose()
        assert there.counts() == {}

    with nobodys_address() as (held, late_url):
        delivering(scenario, endpoint_url=late_url, pauses_seconds=(0.1,) * 300)
    assert len(peer.receive(url)) == 1


def test_errors_of_a_service_are_tried_again() -> None:
    """As one that is starting, or overloaded, answers: with 500, 503 and 429, in its protocol or not."""
    answers = [
        (500, b"oops"),
        (503, b"{}"),
        (429, b'{"__type": "com.amazonaws.sqs#RequestThrottled"}'),
        (200, b"<html>"),
        (200, b'{"MessageId": "1"}'),
    ]

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")
        await there.deliver(an_outcome())
        assert there.counts() == {}

    with_scripted_service(scenario, answers)
    assert answers == []


def test_events_that_a_bus_did_not_take_are_failures() -> None:
    refused = json.dumps({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": "no"}]}).encode()

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default")
        await there.deliver(an_outcome(), problem="NotAuthorizedForSource: no")
        assert there.counts() == LOST

    with_scripted_service(scenario, [(200, refused)])


def test_an_endless_answer_is_not_read() -> None:
    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")
        await there.deliver(an_outcome(), problem="more than 16 MiB")
        assert there.counts() == LOST

    with_scripted_service(scenario, [(200, b"x" * (17 << 20))] * 5)


@pytest.mark.parametrize(
    ("arn", "problem"),
    [
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:missing", "NonExistentQueue"),
        (f"arn:aws:sns:us-east-1:{ACCOUNT}:missing", "NotFound"),
        ("arn:aws:s3:::missing", "NoSuchBucket"),
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:first.fifo", "MissingParameter"),
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:missing", "Function not found"),
        ("arn:aws:lambda:us-east-1:000000000001:function:next", "other accounts"),
        (f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s", "kinesis takes no records"),
        ("nonsense", "no ARN"),
    ],
)
def test_what_trying_again_would_not_mend_is_given_up_at_once(peer: AwsPeer, arn: str, problem: str) -> None:
    if arn.endswith(".fifo"):
        peer.client("sqs").create_queue(QueueName="first.fifo", Attributes={"FifoQueue": "true"})

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=arn)
        await there.deliver(an_outcome(), problem=problem)
        assert there.counts() == LOST

    delivering(scenario, endpoint_url=peer.endpoint_url, pauses_seconds=(1_000.0,))


def test_a_target_that_hangs_does_not_hold_up_another_service(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("beside-a-black-hole")
    with socket.socket() as black_hole:
        black_hole.bind(("127.0.0.1", 0))
        black_hole.listen(1)

        async def scenario(there: Delivering) -> None:
            there.control.configure(on_failure="arn:aws:s3:::hangs")
            hanging = [asyncio.create_task(there.deliver(an_outcome())) for _ in range(100)]
            await asyncio.sleep(0)  # all of them begin
            there.control.configure(on_failure=arn)
            await there.deliver(an_outcome())
            assert not any(task.done() for task in hanging)
            for task in hanging:
                task.cancel()
            await asyncio.wait(hanging)
            assert all(task.cancelled() for task in hanging)
            assert there.counts() == {}

        delivering(scenario, endpoint_url=peer.endpoint_url, s3=f"http://127.0.0.1:{black_hole.getsockname()[1]}")
    assert len(peer.receive(url)) == 1


def test_no_more_waits_than_there_is_room_for() -> None:
    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")
        large = an_outcome(payload=b'"%b"' % (b"x" * 1_000))
        deliveries = [asyncio.create_task(there.deliver(large, problem="Cannot connect")) for _ in range(5)]
        given_up, waiting = 0, set(deliveries)
        while given_up < 3:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            given_up += len(done)
        assert len(waiting) == 2
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert there.counts() == {Metric.DESTINATION_DELIVERY_FAILURES: 3}

    with nobodys_address() as (_, url):
        delivering(scenario, endpoint_url=url, pauses_seconds=(1_000.0,), waiting_max_bytes=2_500)


def test_records_larger_than_the_target_takes_are_lost(peer: AwsPeer) -> None:
    """AWS: "Delivery errors can also occur due to permissions errors and size limits". Nothing is left out of a record."""
    url, arn = peer.create_queue("small")
    peer.client("s3").create_bucket(Bucket="large")
    large = an_outcome(payload=b'"%b"' % (b"x" * 6_000_000))

    async def scenario(there: Delivering) -> None:
        there.control.dead_letters["next"] = None
        for destination, problem in (
            (arn, "InvalidParameterValue"),
            (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:next", "at most 1048576"),
            ("arn:aws:s3:::large", None),
        ):
            there.control.configure(on_failure=destination)
            await there.deliver(large, problem=problem)
        assert there.accepted == []
        assert there.counts() == {Metric.DESTINATION_DELIVERY_FAILURES: 2}

    delivering(scenario, endpoint_url=peer.endpoint_url)
    assert peer.receive(url) == []
    (entry,) = peer.client("s3").list_objects_v2(Bucket="large")["Contents"]
    assert entry["Size"] > 6_000_000


def test_what_a_client_sent_as_trace_header_keeps_no_record_from_arriving(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("odd-traces")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=arn)
        for header in ("nonsense", "Root=1", f"{TRACE};{'x' * 900}", "a\\b\"c'|%7C<>&"):
            await there.deliver(an_outcome(event={"trace_header": header}))
        assert there.counts() == {}

    delivering(scenario, endpoint_url=peer.endpoint_url)
    messages = peer.receive(url)
    assert len(messages) == 4
    assert not any("AWSTraceHeader" in message["Attributes"] for message in messages)


def test_functions_that_are_each_others_destinations_do_not_tell_each_other_for_ever() -> None:
    """The one that was stopped in a loop tells the next one, unless that would be stopped as well."""

    async def scenario(there: Delivering) -> None:
        there.control.dead_letters["next"] = None
        there.control.configure(on_failure=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:next")
        mark = lineage.mark_of(HERE, "next")
        stopped = {"invoke_count": 0, "function_error": None, "payload": None}
        for count, problem in ((14, None), (15, "recursive loop")):
            event = {"trace_header": f"{TRACE}|{mark}:{count}"}
            await there.deliver(an_outcome(Condition.RECURSIVE_INVOCATION, event=event, **stopped), problem=problem)
        (event,) = there.accepted
        assert lineage.count_of(event.trace_header, mark) == 15
        assert there.counts() == LOST

    delivering(scenario, endpoint_url=None)


def test_a_function_that_is_gone_has_no_dead_letter_queue() -> None:
    async def scenario(there: Delivering) -> None:
        await there.deliver(an_outcome(event={"function_name": "gone", "scope": Scope("123456789012", "us-west-2")}))
        assert list(there.metrics.iter_counts()) == []

    delivering(scenario, endpoint_url=None)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while part := await source.read(65_536):
        sink.write(part)
    sink.close()


def with_scripted_service(scenario: Callable[[Delivering], Any], answers: list[tuple[int, bytes]]) -> None:
    """Run a scenario against a service that gives these answers, one a request, and then none any more."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(length)
        status, body = answers.pop(0)
        writer.write(b"HTTP/1.1 %d Any\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        try:
            await writer.drain()
        except ConnectionError:
            return  # the client has had enough
        finally:
            writer.close()

    async def with_service(there: Delivering) -> None:
        async with await asyncio.start_server(serve, sock=listening):
            await scenario(there)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        delivering(with_service, endpoint_url=url, pauses_seconds=(0.01,) * 4)


def test_one_that_cannot_be_told_does_not_keep_the_other_from_it(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("other-one")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure="arn:aws:s3:::missing")
        there.control.dead_letters["source"] = arn
        await there.deliver(an_outcome(), problem="NoSuchBucket")

    delivering(scenario, endpoint_url=peer.endpoint_url)
    assert len(peer.receive(url)) == 1


def test_what_waits_for_another_try_is_put_off_when_the_node_stops(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("put-off")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure="arn:aws:s3:::unreachable")
        there.control.dead_letters["source"] = arn
        delivery = asyncio.create_task(there.deliveries.deliver(an_outcome()))
        await there.has_failed.wait()
        there.retries.stop()
        with pytest.raises(OutcomePutOff):
            await delivery
        with pytest.raises(OutcomePutOff):
            await there.deliveries.deliver(an_outcome())
        assert there.counts() == {}

    with nobodys_address() as (_, nowhere):
        delivering(scenario, endpoint_url=peer.endpoint_url, s3=nowhere, pauses_seconds=(1_000.0,))
    assert len(peer.receive(url)) == 2
