"""Metric alarms as they are kept."""

from enum import StrEnum

import msgspec

from alonzo.model.scope import Scope
from alonzo.observe.metrics.queries import MetricQuery

HISTORY_MAX = 100
"""Items of an alarm that are kept; AWS keeps those of 30 days."""


class AlarmState(StrEnum):
    """Source: botocore shape `StateValue`."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """What periods without values count as. Source: API_PutMetricAlarm, `TreatMissingData`."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """A state and why it is so. `data`: the reason as JSON. `at`: in Unix seconds; `since`: when the state was another one last."""

    state: AlarmState
    reason: str
    data: str | None = None
    at: float
    since: float


class HistoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """What has happened to an alarm. Source: botocore shape `AlarmHistoryItem`."""

    kind: str
    summary: str
    data: str
    at: float


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """`queries`: the metric, or several with the one that is watched among them (`returns`); `is_math`: whether it was put so."""

    scope: Scope
    name: str
    description: str | None = None
    queries: tuple[MetricQuery, ...]
    is_math: bool = False
    period_seconds: int
    evaluation_periods: int
    datapoints_to_alarm: int | None = None
    threshold: float
    operator: str
    missing: Missing | None = None
    low_samples: str | None = None
    unit: str | None = None
    actions_enabled: bool = True
    ok_actions: tuple[str, ...] = ()
    alarm_actions: tuple[str, ...] = ()
    insufficient_data_actions: tuple[str, ...] = ()
    configured_at: float
    state: StateChange
    history: tuple[HistoryItem, ...] = ()
    tags: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it is kept."""
        return (self.scope.account_id, self.scope.region, self.name)

    @property
    def arn(self) -> str:
        """Its ARN."""
        scope = self.scope
        return f"arn:{scope.partition}:cloudwatch:{scope.region}:{scope.account_id}:alarm:{self.name}"

    @property
    def watched(self) -> MetricQuery:
        """The one whose values count."""
        return next(query for query in self.queries if query.returns)

    def actions_for(self, state: AlarmState) -> tuple[str, ...]:
        """Who is told of that state."""
        if state is AlarmState.OK:
            return self.ok_actions
        return self.alarm_actions if state is AlarmState.ALARM else self.insufficient_data_actions

    def noting(self, item: HistoryItem) -> "Alarm":
        """With one more item of its history, the newest first."""
        return msgspec.structs.replace(self, history=(item, *self.history)[:HISTORY_MAX])
