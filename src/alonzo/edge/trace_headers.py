"""X-Ray's tracing header of an invocation: what the client sent, or a new one, with the lineage of the function in it.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader.
"""

import re
import time

from alonzo.ids import IdSource
from alonzo.model import lineage
from alonzo.model.function import FunctionVersion

_GIVEN = re.compile(r"[\x21-\x7e]{1,1024}")


class TraceHeaders:
    """On the hot path of Invoke."""

    def __init__(self, *, ids: IdSource) -> None:
        self._ids = ids

    def of_invocation(self, version: FunctionVersion, given: bytes | None) -> str:
        """The header that the function gets. `given`: the client's; what cannot be a header counts as none."""
        mark = lineage.mark_of(version.scope, version.name)
        if given is None:
            return self._new(mark)
        text = given.decode("latin-1")
        return lineage.advanced(text, mark) if _GIVEN.fullmatch(text) else self._new(mark)

    def _new(self, mark: str) -> str:
        random = self._ids.new_hex_id(20)
        return lineage.begun(f"Root=1-{int(time.time()):08x}-{random[:24]};Parent={random[24:]};Sampled=0", mark)
