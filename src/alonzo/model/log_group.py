"""What is kept of log groups and log streams beside their events."""

import msgspec


class SubscriptionFilter(msgspec.Struct, frozen=True):
    """Who gets those of a log group's events that a filter pattern chooses. Source: botocore shape `SubscriptionFilter`."""

    name: str
    pattern: str
    destination_arn: str
    created_unix_ms: int
    role_arn: str | None = None
    distribution: str = "ByLogStream"


class LogResource(msgspec.Struct, frozen=True):
    """A log group, or a log stream, which has no filters. Those that functions write to may have none of these."""

    created_unix_ms: int
    filters: tuple[SubscriptionFilter, ...] = ()
