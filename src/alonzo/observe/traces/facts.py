"""What can be said of a trace at a glance: what GetTraceSummaries answers, what filter expressions ask for.

Source: https://docs.aws.amazon.com/xray/latest/api/API_TraceSummary.html.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from alonzo.observe.traces.store import StoredTrace
from alonzo.observe.traces.trees import Document, assemble, iter_parts

_REMOTE = ("aws", "remote")
_CLIENT = "client"


@dataclass(frozen=True)
class Service:
    """A node of the service map: who did something, of what kind."""

    name: str
    type: str
    account_id: str | None = None
    arn: str | None = field(default=None, compare=False)
    is_inferred: bool = False
    """It is only known from what those say that have called it."""


def service_of(segment: Document) -> Service:
    """Whose segment it is."""
    account = (segment.get("aws") or {}).get("account_id")
    return Service(
        name=segment["name"],
        type=segment.get("origin") or _CLIENT,
        account_id=account if isinstance(account, str) else None,
        arn=segment.get("resource_arn"),
    )


def called_service_of(part: Document) -> Service:
    """Whom a subsegment has called that no segment has come of."""
    if part.get("namespace") == "aws":
        return Service(name=part["name"], type=f"AWS::{part['name']}", is_inferred=True)
    return Service(name=part["name"], type="remote", is_inferred=True)


class TraceFacts:
    """Of one trace, worked out when asked for."""

    def __init__(self, trace: StoredTrace) -> None:
        self.id = trace.id
        self.revision = trace.revision
        self.start_seconds = trace.start_seconds
        self.end_seconds = trace.end_seconds
        self._documents = trace.documents

    @cached_property
    def segments(self) -> list[Document]:
        """Put together."""
        return assemble(self._documents.values())

    @cached_property
    def root(self) -> Document:
        """Where the trace began, as far as is known."""
        ids = {part["id"] for segment in self.segments for part in iter_parts(segment)}
        return next((each for each in self.segments if each.get("parent_id") not in ids), self.segments[0])

    @property
    def duration_seconds(self) -> float:
        """From the first beginning to the last end."""
        return max(0.0, self.end_seconds - self.start_seconds)

    @property
    def response_seconds(self) -> float:
        """How long whoever began it has waited."""
        return seconds_of(self.root)

    @property
    def is_partial(self) -> bool:
        """Whether something of it has not ended."""
        return any(segment.get("in_progress") for segment in self.segments)

    def has(self, flag: str) -> bool:
        """Whether a segment says so (`fault`, `error`, `throttle`)."""
        return any(segment.get(flag) is True for segment in self.segments)

    @cached_property
    def http(self) -> dict[str, Any]:
        """Of the request that began it: method, url, status, clientip, useragent, as far as a segment says so."""
        said: dict[str, Any] = {}
        for segment in (self.root, *self.segments):
            http = segment.get("http") or {}
            for part, names in (("request", ("method", "url", "client_ip", "user_agent")), ("response", ("status",))):
                content = http.get(part)
                if isinstance(content, dict):
                    said = {name: content[name] for name in names if isinstance(content.get(name), str | int)} | said
        return said

    @cached_property
    def annotations(self) -> dict[str, list[tuple[Any, Service]]]:
        """What functions have annotated, with who has."""
        found: dict[str, list[tuple[Any, Service]]] = {}
        for segment in self.segments:
            service = service_of(segment)
            for part in iter_parts(segment):
                for name, value in (part.get("annotations") or {}).items():
                    if isinstance(value, str | int | float):
                        found.setdefault(name, []).append((value, service))
        return found

    @cached_property
    def users(self) -> dict[str, Service]:
        """For whom something was done."""
        return {segment["user"]: service_of(segment) for segment in self.segments if isinstance(segment.get("user"), str)}

    @cached_property
    def services(self) -> list[Service]:
        """All that took part, each once."""
        called = [called_service_of(part) for part in self._unanswered_calls()]
        return list(dict.fromkeys([*(service_of(segment) for segment in self.segments), *called]))

    def _unanswered_calls(self) -> Iterable[Document]:
        return (part for segment in self.segments for part in unanswered_calls(segment, self.segments))


def unanswered_calls(segment: Document, segments: list[Document]) -> list[Document]:
    """The calls that a segment tells of, to those who have sent no segment of their own."""
    answered = {each.get("parent_id") for each in segments}
    return [part for part in iter_parts(segment) if part.get("namespace") in _REMOTE and part["id"] not in answered]


def seconds_of(part: Document) -> float:
    """How long it took, up to now 0 for what goes on."""
    end = part.get("end_time")
    return 0.0 if end is None else max(0.0, float(end) - float(part["start_time"]))
