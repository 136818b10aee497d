"""One section of a key-value bucket of NATS, as bytes: NATS's own format (ADR-8), so that its tools can show and repair it.

Stream `KV_records`, subjects `$KV.records.section.key`, one message kept of each; a deletion is a message too. The sequence of a key's
message is the revision of the record. All sections share the one bucket: making a stream costs 20 ms of writing through to the disk.
"""

import base64
from collections.abc import AsyncIterator

import msgspec

from alonzo.ids import new_hex_id
from alonzo.store.connection import DUPLICATE_WINDOW_SECONDS, EXPECTED_SEQUENCE_HEADER, MESSAGE_ID_HEADER, NO_MESSAGE_FOUND_CODE, Connection
from alonzo.store.errors import StoreError, StoreRefused
from alonzo.store.feed import Feed, FeedMessage
from alonzo.store.keys import from_subject, to_subject
from alonzo.store.portions import iter_portions
from alonzo.store.record_index import Key

# A deletion stays in the bucket as a marker, for the feeds of others, and then goes. A feed that was interrupted for longer does not
# need it: it compares with all there is.
_DELETE_MARKER_SECONDS = 3600
_STREAM = "KV_records"
_SUBJECTS = "$KV.records"
_NANOSECONDS = 1_000_000_000


class Change(msgspec.Struct, frozen=True):
    """The newest that the bucket holds of a key. `payload` is None when the key was deleted."""

    key: Key
    payload: bytes | None
    revision: int
    message_id: str | None


class WrongRevision(StoreError):
    """The bucket does not hold the expected revision of the key, but this; None when it never held any."""

    def __init__(self, latest: Change | None) -> None:
        super().__init__("the record is at another revision")
        self.latest = latest


class Bucket:
    """A section, made by `open`. Errors of all methods: `StoreUnavailable`, `StoreFull`."""

    def __init__(self, *, connection: Connection, section: str) -> None:
        self._connection = connection
        self._subject_prefix = f"{_SUBJECTS}.{section}."

    @classmethod
    async def open(cls, connection: Connection, *, section: str) -> "Bucket":
        """Make the bucket if need be. `section`: letters, digits, `-`, `_`."""
        bucket = cls(connection=connection, section=section)
        await connection.ensure_stream(
            {
                "name": _STREAM,
                "subjects": [f"{_SUBJECTS}.>"],
                "max_msgs_per_subject": 1,
                "discard": "new",
                "allow_direct": True,
                "allow_rollup_hdrs": True,
                "allow_msg_ttl": True,
                "deny_delete": True,
                "duplicate_window": DUPLICATE_WINDOW_SECONDS * _NANOSECONDS,
            }
        )
        return bucket

    async def write(self, key: Key, payload: bytes | None, *, expected_revision: int | None) -> int:
        """Write, or delete (None), and return the revision. With an expected revision (0: no such key) compare and set: `WrongRevision`.

        A write whose acknowledgement was lost with the connection is repeated, and the copy refused for what the first one did;
        the message id tells that from a write of somebody else.
        """
        headers = {MESSAGE_ID_HEADER: new_hex_id(12)}
        if payload is None:
            headers |= {"KV-Operation": "DEL", "Nats-TTL": f"{_DELETE_MARKER_SECONDS}s"}
        if expected_revision is not None:
            headers[EXPECTED_SEQUENCE_HEADER] = str(expected_revision)
        try:
            return await self._connection.publish(self._subject_of(key), payload or b"", headers=headers)
        except StoreRefused as refused:
            if not refused.is_for_sequence:
                raise
            latest = await self.read_latest(key)
            if latest is not None and latest.message_id == headers[MESSAGE_ID_HEADER]:
                return latest.revision
            raise WrongRevision(latest) from refused

    async def read_latest(self, key: Key) -> Change | None:
        """What the bucket's leader holds of a key now."""
        subject = self._subject_of(key)
        try:
            answer = await self._connection.call(f"STREAM.MSG.GET.{_STREAM}", {"last_by_subj": subject})
        except StoreRefused as refused:
            if refused.error_code == NO_MESSAGE_FOUND_CODE:
                return None
            raise
        stored = answer["message"]
        header_lines = base64.b64decode(stored.get("hdrs", "")).decode().splitlines()
        headers = dict(line.split(": ", 1) for line in header_lines if ": " in line)
        return self._change(subject, base64.b64decode(stored.get("data", "")), headers, stored["seq"])

    async def iter_latest(self, prefix: Key) -> AsyncIterator[Change]:
        """The newest change, a deletion or not, of every key that begins with these parts and has more; in the order of revisions."""
        subjects = f"{self._subject_of(prefix)}.>" if prefix else f"{self._subject_prefix}>"
        async for portion in iter_portions(self._connection, _STREAM, subjects, {"seq": 1}):
            for message in portion:
                headers = message.headers or {}
                yield self._change(headers["Nats-Subject"], message.data, headers, int(headers["Nats-Sequence"]))

    async def open_feed(self) -> Feed:
        """Every key's newest change, in the order of revisions, then every change to come."""
        return await Feed.open(self._connection, stream=_STREAM, subjects=f"{self._subject_prefix}>")

    def change_of(self, message: FeedMessage) -> Change:
        """What a message of the feed means."""
        return self._change(message.subject, message.payload, message.headers, message.sequence)

    def _change(self, subject: str, payload: bytes, headers: dict[str, str], sequence: int) -> Change:
        """Source: ADR-8, "Delete and Purge"; ADR-43 for the markers that the server itself leaves."""
        is_deletion = headers.get("KV-Operation") in {"DEL", "PURGE"} or "Nats-Marker-Reason" in headers
        key = from_subject(subject[len(self._subject_prefix) :])
        return Change(key, None if is_deletion else payload, sequence, headers.get(MESSAGE_ID_HEADER))

    def _subject_of(self, key: Key) -> str:
        return self._subject_prefix + to_subject(key)
