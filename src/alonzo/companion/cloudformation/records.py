"""What is remembered of stacks: plain data, which is kept over restarts with the rest of the companion's state."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_EVENTS_MAX = 10_000


def now() -> datetime:
    """In UTC."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class StackResource:
    """One resource as it was made. `properties`: without functions, as its provider got them last.

    `attributes`: what `Fn::GetAtt` gives. `handle`: what a provider wants to have back.
    """

    logical_id: str
    type: str
    properties: dict[str, Any]
    definition: dict[str, Any]
    physical_id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    handle: Any = None
    status: str = ""
    reason: str | None = None
    updated_at: datetime = field(default_factory=now)
    needs: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class StackEvent:
    """Something that became of a stack or a resource."""

    id: str
    timestamp: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    properties: str | None
    token: str | None


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a stack is made of: `body` as it came, `template` after transforms, `parameters` as texts, `values` as functions see them."""

    body: str
    template: dict[str, Any]
    parameters: dict[str, str]
    values: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Output:
    """A value that a stack shows, and perhaps exports."""

    key: str
    value: str
    description: str | None
    export_name: str | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a change set would do with a resource."""

    action: str
    logical_id: str
    physical_id: str | None
    type: str
    replacement: str | None
    scope: list[str]


@dataclass(kw_only=True)
class Options:
    """What a stack was made with beside its template."""

    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    on_failure: str = "ROLLBACK"
    timeout_minutes: int | None = None
    client_token: str | None = None


@dataclass(kw_only=True)
class Stack:
    """One stack. `resources` has what is there, and what failed, in the order in which it was made."""

    id: str
    name: str
    account_id: str
    region: str
    status: str
    options: Options
    source: Source | None = None
    reason: str | None = None
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    events: list[StackEvent] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    is_protected: bool = False
    policy: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    change_set_id: str | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is being done with it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def set_status(self, status: str, reason: str | None = None) -> None:
        """With the event that says so."""
        self.status, self.reason = status, reason
        self.add_event(self.name, self.id, "AWS::CloudFormation::Stack", status, reason)

    def add_event(  # noqa: PLR0917 - an event's parts in their order
        self, logical_id: str, physical_id: str, kind: str, status: str, reason: str | None, properties: str | None = None
    ) -> None:
        """Remember what became of the stack or a resource. The oldest are forgotten beyond ten thousand."""
        event = StackEvent(
            id=str(uuid.uuid4()),
            timestamp=now(),
            logical_id=logical_id,
            physical_id=physical_id,
            type=kind,
            status=status,
            reason=reason,
            properties=properties,
            token=self.options.client_token,
        )
        self.events = [*self.events[-_EVENTS_MAX:], event]


@dataclass(kw_only=True)
class ChangeSet:
    """What would be done with a stack, until it is."""

    id: str
    name: str
    stack_id: str
    kind: str
    source: Source | None
    options: Options
    description: str | None
    status: str
    execution_status: str
    reason: str | None = None
    changes: list[Change] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
