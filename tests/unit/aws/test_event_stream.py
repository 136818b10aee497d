"""What we write, botocore reads."""

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from alonzo.aws.event_stream import encode_event


@given(st.lists(st.tuples(st.sampled_from(["PayloadChunk", "InvokeComplete"]), st.binary(max_size=2_000))))
def test_botocore_reads_what_is_written(events: list[tuple[str, bytes]]) -> None:
    buffer = EventStreamBuffer()
    for kind, payload in events:
        buffer.add_data(encode_event(kind, payload, content_type="application/octet-stream"))
    messages = list(buffer)
    assert [(message.headers[":event-type"], message.payload) for message in messages] == events
    assert all(message.headers[":message-type"] == "event" for message in messages)
