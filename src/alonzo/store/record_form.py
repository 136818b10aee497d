"""How the records of a table are written: as JSON, of one type."""

from typing import Generic, TypeVar

import msgspec

from alonzo.store.bucket import Change
from alonzo.store.errors import RecordUnreadable

T = TypeVar("T", bound=msgspec.Struct)


class RecordForm(Generic[T]):
    """Of the table of that name."""

    def __init__(self, name: str, record_type: type[T]) -> None:
        self._name = name
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(record_type)

    def encode(self, value: T) -> bytes:
        """As it is stored."""
        return self._encoder.encode(value)

    def decode(self, change: Change) -> T | None:
        """What was stored; None for a deletion. RecordUnreadable."""
        if change.payload is None:
            return None
        try:
            return self._decoder.decode(change.payload)
        except msgspec.DecodeError as error:
            raise RecordUnreadable(self._name, change.key) from error
