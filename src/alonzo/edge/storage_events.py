"""Events of object stores that speak S3, as they send them to webhooks: made into what S3 itself sends to functions.

MinIO puts an envelope around them and writes `s3:` before names of events, Ceph writes sizes as texts; both say their own names as the
source and may leave out the region. Functions are written for S3's events:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
"""

from typing import Any

from alonzo.edge.cloud_events import bad_request

_EVENT_SOURCE = "aws:s3"
_NAME_PREFIX = "s3:"

Record = dict[str, Any]


def is_of_storage(content: Any) -> bool:
    """Whether JSON holds such events."""
    records = content.get("Records") if isinstance(content, dict) else None
    return (
        isinstance(records, list) and bool(records) and all(isinstance(each, dict) and isinstance(each.get("s3"), dict) for each in records)
    )


def records_of(content: dict[str, Any], *, region: str) -> list[Record]:
    """S3's records. `region`: of those that do not say theirs."""
    return [_as_of_s3(record, region) for record in content["Records"]]


def source_of(content: dict[str, Any], index: int) -> str:
    """What the store calls itself: `minio:s3`."""
    return str(content["Records"][index].get("eventSource") or _EVENT_SOURCE)


def _as_of_s3(record: Record, region: str) -> Record:
    name = record.get("eventName")
    if not isinstance(name, str):
        raise bad_request("A record has an eventName, a text.")
    made = record | {
        "eventName": name.removeprefix(_NAME_PREFIX),
        "eventSource": _EVENT_SOURCE,
        "awsRegion": record.get("awsRegion") or region,
    }
    stored = record["s3"].get("object")
    size = stored.get("size") if isinstance(stored, dict) else None
    if isinstance(size, str) and size.isascii() and size.isdecimal():
        made["s3"] = record["s3"] | {"object": stored | {"size": int(size)}}
    return made
