"""What becomes of batches of Kafka: order, splits, what is given up, what may be committed."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sources.streams import Function, a_mapping

from alonzo.model.event_source_mapping import ProvisionedPollers
from alonzo.sources.kafka.delivery import BatchDelivery
from alonzo.sources.kafka.records import KafkaEnvelope, KafkaRecord
from alonzo.sources.kafka.scaling import PollerCount


def a_record(partition: int, offset: int) -> KafkaRecord:
    return KafkaRecord("t", partition, offset, 0, 0, None, b"%d/%d" % (partition, offset), ())


def _numbers(event: dict[str, Any]) -> list[str]:
    return [base64.b64decode(record["value"]).decode() for records in event["records"].values() for record in records]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.sets(st.integers(0, 11)))
def test_what_cannot_be_processed_is_given_up_alone_and_the_rest_keeps_its_order(partitions: list[int], poison: set[int]) -> None:
    records: list[KafkaRecord] = []
    for partition in partitions:
        records.append(a_record(partition, sum(record.partition == partition for record in records)))
    bad = {f"{record.partition}/{record.offset}" for number, record in enumerate(records) if number in poison}
    processed: list[str] = []

    def answer(event: dict[str, Any]) -> None:
        if bad & set(_numbers(event)):
            raise ValueError("no")
        processed.extend(_numbers(event))

    left_over: list[int] = []

    async def progress(left: Sequence[KafkaRecord]) -> None:
        left_over.append(len(left))

    function = Function(answer)
    mapping = a_mapping(bisect_batch_on_function_error=True, maximum_retry_attempts=0)

    async def run() -> bool:
        envelope = KafkaEnvelope(event_source_arn=None, bootstrap_servers="b:9092")
        delivery = BatchDelivery(mapping=mapping, envelope=envelope, kit=function.kit, write_to_topic=None)  # type: ignore[arg-type]
        return await delivery.deliver(records, interrupted=asyncio.Event(), progress=progress)

    assert asyncio.run(run())
    assert sorted(processed) == sorted({f"{record.partition}/{record.offset}" for record in records} - bad)
    for partition in set(partitions):
        own = [int(name.split("/")[1]) for name in processed if name.startswith(f"{partition}/")]
        assert own == sorted(own)
    assert sum(given_up.record_count for given_up in function.given_up) == len(bad)
    assert left_over == sorted(left_over, reverse=True)
    assert left_over[-1] == 0


def test_a_group_grows_with_what_is_unread_and_shrinks_when_there_is_nothing() -> None:
    count = PollerCount(provisioned=None, batch_size=10)
    assert [count.look(partitions=6, lag=1_000) for _ in range(4)] == [2, 4, 6, 6]
    assert [count.look(partitions=6, lag=0) for _ in range(40)][-1] == 1


def test_provisioned_pollers_stay_between_their_bounds() -> None:
    count = PollerCount(provisioned=ProvisionedPollers(minimum=2, maximum=5), batch_size=10)
    assert [count.look(partitions=12, lag=10_000) for _ in range(3)] == [4, 5, 5]
    assert [count.look(partitions=12, lag=0) for _ in range(60)][-1] == 2
    assert count.look(partitions=1, lag=0) == 1
