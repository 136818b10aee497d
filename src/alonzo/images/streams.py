"""Archives that come from strangers, read within bounds: what a tar file may make its reader do, and layers decompressed as they are read.

Python's `tarfile` reads extended headers whole, however long they say they are, and so does what it reads from here refuse long reads.
"""

import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO

from alonzo.images import zstandard
from alonzo.images.errors import ImageInvalid

CHUNK_BYTES = 256 * 1024
_HEADER_MAX_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib: the largest window, with gzip's header

BROKEN_TAR = (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError, IndexError, KeyError, TypeError)
"""What `tarfile` raises of archives that are none."""


class LayerStream:
    """The tar file of a layer, forwards. Counts and hashes what it reads: compressed as it is kept, and decompressed."""

    def __init__(self, source: IO[bytes], *, max_bytes: int) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._read_bytes = 0
        self._packed, self._plain = hashlib.sha256(), hashlib.sha256()
        self._chunks = self._decompress()
        self._buffer, self._offset = b"", 0

    def read(self, size: int) -> bytes:
        """As many bytes, fewer only at the end. `ImageInvalid`."""
        parts, missing = list[bytes](), size
        while missing > 0 and (self._offset < len(self._buffer) or self._fill()):
            part = self._buffer[self._offset : self._offset + missing]
            self._offset += len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _fill(self) -> bool:
        self._buffer, self._offset = next(self._chunks, b""), 0
        self._read_bytes += len(self._buffer)
        if self._read_bytes > self._max_bytes:
            raise ImageInvalid("a layer is larger than all layers of an image may be")
        self._plain.update(self._buffer)
        return bool(self._buffer)

    def digests(self) -> tuple[str, str]:
        """SHA-256 of all that the source has, and of what comes out of it, both read to their ends. `ImageInvalid`."""
        while self.read(CHUNK_BYTES):
            pass
        return self._packed.hexdigest(), self._plain.hexdigest()

    def _decompress(self) -> Iterator[bytes]:
        first = self._next()
        if first.startswith(_GZIP):
            yield from self._inflate(first)
        elif first.startswith(zstandard.MAGIC):
            yield from zstandard.decompress(first, self._next, max_part_bytes=CHUNK_BYTES)
        else:
            while first:
                yield first
                first = self._next()

    def _inflate(self, packed: bytes) -> Iterator[bytes]:
        """A gzip file may have several members (RFC 1952, 2.2)."""
        inflater = zlib.decompressobj(_GZIP_WINDOW)
        while packed:
            if inflater.eof:
                inflater = zlib.decompressobj(_GZIP_WINDOW)
            try:
                chunk = inflater.decompress(packed, CHUNK_BYTES)
            except zlib.error as error:
                raise ImageInvalid("a layer is damaged") from error
            if chunk:
                yield chunk
            packed = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if not packed:
                packed = self._next()
        if not inflater.eof:
            raise ImageInvalid("a layer is cut off")

    def _next(self) -> bytes:
        try:
            chunk = self._source.read(CHUNK_BYTES)
        except tarfile.ReadError as error:  # the archive that it lies in is cut off
            raise ImageInvalid("a layer is cut off") from error
        self._packed.update(chunk)
        return chunk


class ForwardFile(io.RawIOBase):
    """As much of a file as `tarfile` needs to read an archive forwards."""

    def __init__(self, stream: LayerStream) -> None:
        super().__init__()
        self._stream = stream
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Forwards only."""
        if whence != io.SEEK_SET or offset < self._position:
            raise tarfile.ReadError("a layer cannot be read backwards")
        while self._position < offset and self.read(min(offset - self._position, CHUNK_BYTES)):
            pass
        return self._position

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER_MAX_BYTES:
            raise tarfile.ReadError("a header is too large")
        data = self._stream.read(size)
        self._position += len(data)
        return data


class BoundedFile(io.RawIOBase):
    """A file that can be read anywhere, but never much at once."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER_MAX_BYTES:
            raise tarfile.ReadError("a header is too large")
        return self._file.read(size)
