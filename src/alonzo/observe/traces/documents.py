"""Segment documents: what X-Ray takes, checked. They come from functions, which may be hostile: of any shape, any depth, any size.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html.
"""

from typing import Any

import msgspec

from alonzo.errors import AlonzoError
from alonzo.model.trace_header import SEGMENT_ID, TRACE_ID

DOCUMENT_MAX_BYTES = 65_536
"""Source: the page above, "Segment documents can be up to 64 kB in size"."""

DEPTH_MAX = 64
"""Subsegments within each other. X-Ray's limit is not known; what real programs send has a tenth of it."""

NAME_MAX_LENGTH = 200
_SUBSEGMENT = "subsegment"
_LONGEST_SECONDS = 1e11
"""Instants are seconds since the epoch; what is beyond this is no date."""

Scalar = str | int | float | bool


class Part(msgspec.Struct, frozen=True):
    """What a segment and the subsegments in it have in common, as far as anything here reads it."""

    id: str
    name: str
    start_time: float
    end_time: float | None = None
    in_progress: bool = False
    namespace: str | None = None
    error: bool = False
    fault: bool = False
    throttle: bool = False
    http: dict[str, Any] | None = None
    aws: dict[str, Any] | None = None
    sql: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    cause: Any = None
    subsegments: "list[Part]" = []


class Segment(Part, frozen=True):
    """A whole document: a segment, or a subsegment that was sent alone (`type`)."""

    trace_id: str = ""
    parent_id: str | None = None
    type: str | None = None
    origin: str | None = None
    user: str | None = None
    resource_arn: str | None = None
    service: dict[str, Any] | None = None

    @property
    def is_subsegment(self) -> bool:
        """Whether it belongs into a segment that came, or will come, in a document of its own."""
        return self.type == _SUBSEGMENT


class SegmentRefused(AlonzoError):
    """A document that is none. `code`: as X-Ray answers it among the `UnprocessedTraceSegments`."""

    def __init__(self, code: str, segment_id: str | None = None) -> None:
        super().__init__(f"Invalid segment. ErrorCode: {code}")
        self.code = code
        self.segment_id = segment_id


_decoder = msgspec.json.Decoder(Segment)


def read_segment(document: bytes | str) -> Segment:
    """The document, checked. `SegmentRefused`."""
    if len(document) > DOCUMENT_MAX_BYTES:
        raise SegmentRefused("SizeLimitExceeded")
    try:
        segment = _decoder.decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SegmentRefused("ParseError") from error
    _check(segment)
    return segment


def _check(segment: Segment) -> None:
    if SEGMENT_ID.fullmatch(segment.id) is None:
        raise SegmentRefused("InvalidId")
    if TRACE_ID.fullmatch(segment.trace_id) is None:
        raise SegmentRefused("InvalidTraceId", segment.id)
    if segment.is_subsegment and segment.parent_id is None:
        raise SegmentRefused("MissingParentId", segment.id)
    if segment.end_time is None and not segment.in_progress:
        raise SegmentRefused("MissingEndTime", segment.id)
    waiting: list[tuple[Part, int]] = [(segment, 1)]
    while waiting:
        part, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise SegmentRefused("ParseError", segment.id)
        if not part.name or len(part.name) > NAME_MAX_LENGTH:
            raise SegmentRefused("InvalidName", segment.id)
        if not (0 <= part.start_time < _LONGEST_SECONDS and 0 <= (part.end_time or 0) < _LONGEST_SECONDS):
            raise SegmentRefused("InvalidTime", segment.id)
        waiting += [(each, depth + 1) for each in part.subsegments]
