"""Instants as Lambda writes them where its model says no more than that they are texts."""

from datetime import UTC, datetime


def lambda_timestamp(unix_ms: int) -> str:
    """As in `LastModified`: 2026-01-31T12:00:00.000+0000."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}+0000"
