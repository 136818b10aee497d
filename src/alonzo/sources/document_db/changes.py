"""Changes of DocumentDB and MongoDB as functions get them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-documentdb.html#docdb-sample-event: MongoDB's extended JSON, numbers and instants
in its relaxed form (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from bson import json_util


def encode_change(change: Mapping[str, Any]) -> bytes:
    """One change as JSON."""
    return json_util.dumps(change, json_options=json_util.RELAXED_JSON_OPTIONS).encode()


def event_of(event_source_arn: str, changes: Sequence[bytes]) -> bytes:
    """The event of a batch of encoded changes."""
    events = [{"event": msgspec.Raw(change)} for change in changes]
    return msgspec.json.encode({"eventSourceArn": event_source_arn, "events": events, "eventSource": "aws:docdb"})
