"""X-Ray's tracing header, `Root=1-…;Parent=…;Sampled=1`: which trace a request belongs to, what it comes of, whether the trace is recorded.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader. Fields that X-Ray does not know
(and `Lineage`, see `lineage.py`) are passed on as they are.
"""

import re

import msgspec

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SEGMENT_ID = re.compile(r"[0-9a-f]{16}")
_COMMON = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;Parent=([0-9a-f]{16}))?;Sampled=([01])(;Lineage=[^;]*)?")
"""The form that nearly all have, Alonzo's own among them: read at a glance, since this is on the way of invocations."""


class TraceHeader(msgspec.Struct, frozen=True, gc=False):
    """`is_sampled` None: nobody has decided yet (`Sampled=?`, or nothing)."""

    trace_id: str
    parent_id: str | None = None
    is_sampled: bool | None = None


def read_trace_header(header: str) -> TraceHeader | None:
    """None for one that names no trace."""
    common = _COMMON.fullmatch(header)
    if common is not None:
        return TraceHeader(common[1], common[2], common[3] == "1")
    return _read(header)


def _read(header: str) -> TraceHeader | None:
    fields = {name.strip().lower(): value.strip() for name, _, value in (field.partition("=") for field in header.split(";"))}
    trace_id, parent_id = fields.get("root", ""), fields.get("parent", "")
    if TRACE_ID.fullmatch(trace_id) is None:
        return None
    return TraceHeader(
        trace_id=trace_id,
        parent_id=parent_id if SEGMENT_ID.fullmatch(parent_id) else None,
        is_sampled={"1": True, "0": False}.get(fields.get("sampled", "")),
    )


def read_sampled(header: str) -> TraceHeader | None:
    """The header of a trace that is recorded; None for others."""
    read = read_trace_header(header)
    return read if read is not None and read.is_sampled else None


def continued(header: str, *, parent_id: str | None, is_sampled: bool) -> str:
    """The header that whoever is called next gets: of the same trace, as a child of that segment (None: of nobody new)."""
    common = _COMMON.fullmatch(header)
    if common is not None and parent_id is not None:
        return f"Root={common[1]};Parent={parent_id};Sampled={int(is_sampled)}{common[4] or ''}"
    return _continued(header, parent_id=parent_id, is_sampled=is_sampled)


def _continued(header: str, *, parent_id: str | None, is_sampled: bool) -> str:
    replaced = {"parent", "sampled"} if parent_id is not None else {"sampled"}
    others = [field for field in header.split(";") if field.partition("=")[0].strip().lower() not in replaced]
    position = next((index + 1 for index, field in enumerate(others) if field.strip().lower().startswith(("root=", "parent="))), 0)
    ours = [f"Parent={parent_id}"] if parent_id is not None else []
    return ";".join([*others[:position], *ours, f"Sampled={int(is_sampled)}", *others[position:]])
