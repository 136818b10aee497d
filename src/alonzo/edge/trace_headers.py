"""X-Ray's tracing header of an invocation: what the client sent, or a new one, with the lineage of the function in it.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader.
"""

import re
import time

from alonzo.ids import IdSource
from alonzo.model import lineage
from alonzo.model.function import ACTIVE_TRACING, FunctionVersion
from alonzo.model.trace_header import continued, read_trace_header
from alonzo.observe.traces.sampling import Sampler

_GIVEN = re.compile(r"[\x21-\x7e]{1,1024}")


class TraceHeaders:
    """On the hot path of Invoke."""

    def __init__(self, *, ids: IdSource, sampler: Sampler) -> None:
        self._ids = ids
        self._sampler = sampler

    def of_invocation(self, version: FunctionVersion, given: bytes | None) -> str:
        """The header that the function gets. `given`: the client's; what cannot be a header counts as none."""
        mark = lineage.mark_of(version.scope, version.name)
        text = None if given is None else given.decode("latin-1")
        if text is None or _GIVEN.fullmatch(text) is None:
            return self._new(version, mark)
        if version.tracing_mode == ACTIVE_TRACING:
            header = read_trace_header(text)
            if header is None:
                return self._new(version, mark)
            if header.is_sampled is None:
                text = continued(text, parent_id=None, is_sampled=self._sampler.decide(mark))
        return lineage.advanced(text, mark)

    def _new(self, version: FunctionVersion, mark: str) -> str:
        """Nobody has called before: a function that is traced decides, and begins with itself."""
        random = self._ids.new_hex_id(20)
        root = f"Root=1-{int(time.time()):08x}-{random[:24]}"
        if version.tracing_mode == ACTIVE_TRACING and self._sampler.decide(mark):
            return lineage.begun(f"{root};Sampled=1", mark)
        return lineage.begun(f"{root};Parent={random[24:]};Sampled=0", mark)
