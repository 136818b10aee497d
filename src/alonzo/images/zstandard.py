"""Layers that are compressed with Zstandard (`application/vnd.oci.image.layer.v1.tar+zstd`), in parts of bounded size.

Source: RFC 8878; https://github.com/opencontainers/image-spec/blob/main/layer.md#zstd-media-types.
"""

import sys
from collections.abc import Callable, Iterator

from alonzo.images.errors import ImageInvalid

MAGIC = tuple(number.to_bytes(4, "little") for number in (0xFD2FB528, *range(0x184D2A50, 0x184D2A60)))
"""What a frame begins with, or one to be skipped: parallel compressors put such a one first, others a table of contents at the end."""

_WINDOW_LOG_MAX = 27
"""128 MiB, all that `zstd` itself makes without `--long=28`. A stranger's frame could ask for 2 GiB."""


def decompress(first: bytes, read_more: Callable[[], bytes], *, max_part_bytes: int) -> Iterator[bytes]:
    """What the frames of `first` and of what follows it hold, no part larger than said. `ImageInvalid`; what `read_more` raises."""
    # Here, since an archive without such layers needs none of it.
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415

    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
    frame, packed = zstd.ZstdDecompressor(options=options), first
    while True:
        try:
            part = frame.decompress(packed, max_part_bytes)
        except zstd.ZstdError as error:
            raise ImageInvalid("a layer is damaged") from error
        if part:
            yield part
        packed = frame.unused_data if frame.eof else b""
        if (frame.eof or frame.needs_input) and not packed:
            packed = read_more()
            if not packed:
                break
        if frame.eof:
            frame = zstd.ZstdDecompressor(options=options)
    if not frame.eof:
        raise ImageInvalid("a layer is cut off")
