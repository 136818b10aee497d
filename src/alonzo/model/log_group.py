"""What is kept of log groups and log streams beside their events."""

import msgspec

RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""How long events of a group may be kept. Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html."""

TAGS_MAX = 50
DAY_MS = 86_400_000


class SubscriptionFilter(msgspec.Struct, frozen=True):
    """Who gets those of a log group's events that a filter pattern chooses. Source: botocore shape `SubscriptionFilter`."""

    name: str
    pattern: str
    destination_arn: str
    created_unix_ms: int
    role_arn: str | None = None
    distribution: str = "ByLogStream"


class MetricFilter(msgspec.Struct, frozen=True):
    """What is counted of those of a log group's events that a filter pattern chooses. Source: botocore shape `MetricTransformation`."""

    name: str
    pattern: str
    created_unix_ms: int
    metric: str
    namespace: str
    value: str
    """A number, or what names a field of the event: `$.bytes`, `$bytes`."""
    default: float | None = None
    """For each minute with events of which the pattern chooses none."""
    dimensions: dict[str, str] = {}
    """Names, and what names the fields with their values."""
    unit: str | None = None


class LogResource(msgspec.Struct, frozen=True):
    """A log group, or a log stream, of which only the time is kept. Groups that functions write to may have none of these."""

    created_unix_ms: int
    filters: tuple[SubscriptionFilter, ...] = ()
    retention_days: int | None = None
    """None: events are kept as long as there is room."""
    tags: dict[str, str] = {}
    group_class: str = "STANDARD"
    kms_key_id: str | None = None
    lateness_ms: int = 0
    """So far apart were an event's time and its arrival at most; more than events of functions are."""
    metric_filters: tuple[MetricFilter, ...] = ()

    def earliest_kept_ms(self, now_ms: int) -> int:
        """Events before that instant are too old to be kept."""
        return 0 if self.retention_days is None else now_ms - self.retention_days * DAY_MS
