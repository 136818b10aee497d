"""Kinesis streams that are split and merged as on AWS: what was written stays in the shard it was written to, which then has an end.

moto moves records to the new shards, goes on writing to the old ones, and never says that a shard which was closed has been read: consumers
that read parents before their children, as all do, would see records twice or not at all, or wait for ever.
Source: https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html.
"""

import hashlib
from collections import OrderedDict
from typing import Any

import moto.kinesis.models as kinesis
from moto.kinesis.utils import decompose_shard_iterator


def keep_records_in_their_shards() -> None:
    """Change moto's Kinesis for good. To be called before it serves."""
    stream_class: Any = kinesis.Stream
    backend_class: Any = kinesis.KinesisBackend
    split, merge, get_records = stream_class.split_shard, stream_class.merge_shards, backend_class.get_records
    get_shard_for_key = stream_class.get_shard_for_key

    def split_shard(stream: Any, shard_to_split: str, new_starting_hash_key: str) -> None:
        _without_records(stream, (shard_to_split,), lambda: split(stream, shard_to_split, new_starting_hash_key))

    def merge_shards(stream: Any, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
        shard_ids = (shard_to_merge, adjacent_shard_to_merge)
        _without_records(stream, shard_ids, lambda: merge(stream, shard_to_merge, adjacent_shard_to_merge))

    def get_records_to_the_end(backend: Any, stream_arn: str | None, shard_iterator: str, limit: int | None) -> tuple[Any, Any, Any]:
        following, records, behind_ms = get_records(backend, stream_arn, shard_iterator, limit)
        stream_name, shard_id, _ = decompose_shard_iterator(shard_iterator)
        shard = backend.describe_stream(stream_arn=stream_arn, stream_name=stream_name).get_shard(shard_id)
        is_read = int(decompose_shard_iterator(following)[2]) >= shard.get_max_sequence_number()
        return (None if is_read and not shard.is_open else following), records, behind_ms

    def get_open_shard_for_key(stream: Any, partition_key: str, explicit_hash_key: str) -> Any:
        get_shard_for_key(stream, partition_key, explicit_hash_key)  # says what is wrong with either
        key = (
            int(explicit_hash_key) if explicit_hash_key else int(hashlib.md5(partition_key.encode(), usedforsecurity=False).hexdigest(), 16)
        )
        reached = (shard for shard in stream.shards.values() if shard.is_open and shard.starting_hash <= key)
        return max(reached, key=lambda shard: shard.starting_hash)

    stream_class.get_shard_for_key = get_open_shard_for_key
    stream_class.split_shard = split_shard
    stream_class.merge_shards = merge_shards
    backend_class.get_records = get_records_to_the_end


def _without_records(stream: Any, shard_ids: tuple[str, ...], reshard: Any) -> None:
    """Have moto find nothing to move."""
    kept = [(shard, shard.records) for shard_id in shard_ids if (shard := stream.shards.get(shard_id)) is not None]
    for shard, _ in kept:
        shard.records = OrderedDict()
    try:
        reshard()
    finally:
        for shard, records in kept:
            shard.records = records
