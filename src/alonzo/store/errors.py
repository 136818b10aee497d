"""What can be so of the store that its callers must know."""

from alonzo.errors import AlonzoError


class StoreError(AlonzoError):
    """The root of the store's errors."""


class StoreUnavailable(StoreError):
    """The store did not answer in time. A write that ended so may have happened; reading again shows whether it did."""


class StoreFull(StoreError):
    """The disk, or the limit set on the store, is exhausted; nothing was written. For the operator: make room."""


class MessageTooLarge(StoreError):
    """What was to be written exceeds the server's limit for one message (embedded: 8 MiB; NATS's default: 1 MiB); nothing was written."""


_WRONG_LAST_SEQUENCE_CODES = frozenset({10071, 10164})


class StoreRefused(StoreError):
    """JetStream answered with an error. Source of the codes: nats-server's `errors.json`."""

    def __init__(self, *, error_code: int, description: str) -> None:
        super().__init__(f"{description} (JetStream error {error_code})")
        self.error_code = error_code
        self.description = description

    @property
    def is_for_sequence(self) -> bool:
        """Whether the newest message of the subject is not the one that was expected."""
        return self.error_code in _WRONG_LAST_SEQUENCE_CODES


class RecordError(StoreError):
    """The root of what can be so of one record."""

    def __init__(self, table: str, key: tuple[str, ...]) -> None:
        super().__init__(f"table {table}, record {'/'.join(key)}")
        self.table = table
        self.key = key


class RecordExists(RecordError):
    """There is a record of that key already; the table shows it now."""


class RecordConflict(RecordError):
    """The record is not at the expected revision: somebody changed or deleted it. The table shows now what it is."""


class RecordUnreadable(RecordError):
    """A stored record is not of the table's type: another version of Alonzo, or another program, wrote it."""


class BlobNotFound(StoreError):
    """No (complete) blob of that SHA-256 is stored."""


class BlobCorrupt(StoreError):
    """A stored blob's bytes do not have the SHA-256 that names it."""
