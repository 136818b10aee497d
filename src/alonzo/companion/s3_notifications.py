"""S3's event notifications as S3 sends them, in the place of moto's.

An event goes to functions, queues and topics as a notification configuration says, and to EventBridge's default bus. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import botocore.exceptions
import moto.events.models
import moto.s3.models
import moto.s3.notifications
import moto.sns.models
import moto.sqs.models
from moto.core.exceptions import ServiceException
from moto.s3.models import FakeDeleteMarker

from alonzo.companion.current_request import CurrentRequest, afterwards, current_request
from alonzo.companion.functions import Functions
from alonzo.companion.principals import owner_of, principal_of

_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"
_TAGGING = "s3:ObjectTagging:"
_LATER_VERSION = ("s3:ObjectTagging:", "s3:ObjectAcl:", "s3:ObjectRestore:Delete", "s3:LifecycleExpiration:", "s3:LifecycleTransition")
"""Events of these kinds are of version 2.3, the others of 2.1."""

_ORDERED = ("s3:ObjectCreated:", "s3:ObjectRemoved:", "s3:LifecycleExpiration:")
"""Only events that make and remove objects have a sequencer."""

_DETAIL_TYPES = {
    "s3:ObjectCreated:": "Object Created",
    "s3:ObjectRemoved:": "Object Deleted",
    "s3:LifecycleExpiration:": "Object Deleted",
    "s3:ObjectRestore:Post": "Object Restore Initiated",
    "s3:ObjectRestore:Completed": "Object Restore Completed",
    "s3:ObjectRestore:Delete": "Object Restore Expired",
    "s3:LifecycleTransition": "Object Storage Class Changed",
    "s3:IntelligentTiering": "Object Access Tier Changed",
    "s3:ObjectAcl:": "Object ACL Updated",
    "s3:ObjectTagging:Put": "Object Tags Added",
    "s3:ObjectTagging:Delete": "Object Tags Deleted",
}
_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
_DELETION_TYPES = {
    "s3:ObjectRemoved:Delete": "Permanently Deleted",
    "s3:ObjectRemoved:DeleteMarkerCreated": "Delete Marker Created",
}

_log = logging.getLogger(__name__)


def send_notifications_to(functions: Functions) -> None:
    """Have S3's events sent in S3's words, and functions among those who get them."""

    def send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        if bucket.notification_configuration is None or not _is_asked_for(name):
            return
        notification = _Notification(account_id=account_id, event_name=name, bucket=bucket, key=key)
        afterwards(lambda: notification.send(functions))

    notifications: Any = moto.s3.notifications
    notifications.send_event = send_event
    notifications._get_test_event = _test_event
    _tell_of_versions(send_event)


def _is_asked_for(event_name: str) -> bool:
    """moto tags each new object, if with nothing, and puts what was uploaded in parts: S3 speaks of what the client has done."""
    request = current_request()
    if request is None:
        return True
    if event_name.startswith(_TAGGING):
        return request.asks_for("tagging")
    return event_name != "s3:ObjectCreated:Put" or not request.asks_for("uploadId")


def _tell_of_versions(send_event: Callable[[str, Any, Any, Any], None]) -> None:
    """Deletions in versioned buckets, of which moto says nothing but the end of the last version."""
    backend: Any = moto.s3.models.S3Backend
    delete_as_moto_does = backend.delete_object

    def delete_object(self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False) -> Any:
        bucket = self.get_bucket(bucket_name)
        if not bucket.is_versioned:
            return delete_as_moto_does(self, bucket_name, key_name, version_id=version_id, bypass=bypass)
        versions = bucket.keys.getlist(key_name) or []
        deleted = next((each for each in versions if str(each.version_id) == str(version_id)), None)
        configuration, bucket.notification_configuration = bucket.notification_configuration, None
        try:
            answer = delete_as_moto_does(self, bucket_name, key_name, version_id=version_id, bypass=bypass)
        finally:
            bucket.notification_configuration = configuration
        is_done, _ = answer
        if is_done and version_id is None:
            send_event(self.account_id, "s3:ObjectRemoved:DeleteMarkerCreated", bucket, bucket.keys[key_name])
        elif is_done and deleted is not None:
            send_event(self.account_id, "s3:ObjectRemoved:Delete", bucket, deleted)
        return answer

    backend.delete_object = delete_object


class _Notification:
    """One event, with what is known when it happens."""

    def __init__(self, *, account_id: str, event_name: str, bucket: Any, key: Any) -> None:
        self._account_id = account_id
        self._event_name = event_name
        self._bucket = bucket
        self._key_name: str = key.name if not isinstance(key, FakeDeleteMarker) else key.key.name
        self._version_id = str(key.version_id) if bucket.is_versioned or key.version_id not in (None, "null") else None
        self._etag: str = _EMPTY_ETAG if isinstance(key, FakeDeleteMarker) else key.etag.replace('"', "")
        self._size: int = 0 if isinstance(key, FakeDeleteMarker) else key.size
        self._request: CurrentRequest | None = current_request()
        self._unix_ns = time.time_ns()

    def send(self, functions: Functions) -> None:
        """To everybody whom the bucket's configuration names. What one of them cannot take concerns nobody else."""
        configuration = self._bucket.notification_configuration
        if configuration is None:
            return
        for notification in (*configuration.cloud_function, *configuration.queue, *configuration.topic):
            if notification.matches(self._event_name, self._key_name):
                body = json.dumps(self._event_for(notification.id))
                self._attempt(notification.arn, partial(_send, functions, notification.arn, body))
        if configuration.event_bridge is not None:
            self._attempt("EventBridge", self._send_to_bus)

    def _attempt(self, where: str, send: Callable[[], None]) -> None:
        try:
            send()
        except (ServiceException, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, KeyError, ValueError) as error:
            _log.warning("bucket %s: no %s to %s: %s", self._bucket.name, self._event_name, where, error)

    def _event_for(self, configuration_id: str) -> dict[str, Any]:
        request = self._request
        record = {
            "eventVersion": "2.3" if self._event_name.startswith(_LATER_VERSION) else "2.1",
            "eventSource": "aws:s3",
            "awsRegion": self._bucket.region_name,
            "eventTime": _iso(self._unix_ns),
            "eventName": self._event_name.removeprefix("s3:"),
            "userIdentity": {"principalId": principal_of(request, self._account_id)},
            "requestParameters": {"sourceIPAddress": _address(request)},
            "responseElements": _response_elements(request),
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": configuration_id,
                "bucket": {
                    "name": self._bucket.name,
                    "ownerIdentity": {"principalId": owner_of(self._account_id)},
                    "arn": self._bucket.arn,
                },
                "object": self._object(quote_plus(self._key_name, safe="/")),
            },
        }
        if self._event_name == "s3:ObjectRestore:Completed":
            record["glacierEventData"] = {"restoreEventData": {"lifecycleRestoreStorageClass": "GLACIER"}}
        return {"Records": [record]}

    def _object(self, key: str) -> dict[str, Any]:
        """A deletion has no size and no ETag, a delete marker no size."""
        described: dict[str, Any] = {"key": key}
        if self._event_name.startswith(("s3:ObjectCreated:", "s3:ObjectRestore:")):
            described["size"] = self._size
        if self._event_name != "s3:ObjectRemoved:Delete":
            described["eTag"] = self._etag
        if self._version_id is not None:
            described["versionId"] = self._version_id
        if self._event_name.startswith(_ORDERED):
            described["sequencer"] = f"00{self._unix_ns:016X}"
        return described

    def _send_to_bus(self) -> None:
        """To the rules of the default bus. Keys are not encoded there."""
        request = self._request
        about = self._object(self._key_name)
        names = {"versionId": "version-id", "eTag": "etag"}
        detail: dict[str, Any] = {
            "version": "0",
            "bucket": {"name": self._bucket.name},
            "object": {names.get(name, name): value for name, value in about.items()},
            "request-id": _response_elements(request)["x-amz-request-id"],
            "requester": self._account_id,
        }
        if request is not None and request.client_address is not None:
            detail["source-ip-address"] = request.client_address
        if self._event_name in _REASONS:
            detail["reason"] = _REASONS[self._event_name]
        if self._event_name in _DELETION_TYPES:
            detail["deletion-type"] = _DELETION_TYPES[self._event_name]
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": next(value for name, value in _DETAIL_TYPES.items() if self._event_name.startswith(name)),
            "source": "aws.s3",
            "account": self._account_id,
            "time": _iso(self._unix_ns)[:19] + "Z",
            "region": self._bucket.region_name,
            "resources": [self._bucket.arn],
            "detail": detail,
        }
        buses: Any = moto.events.models.events_backends[self._account_id][self._bucket.region_name].event_buses
        for rule in list(buses["default"].rules.values()):
            rule.send_to_targets(event)


def _send(functions: Functions, arn: str, body: str) -> None:
    _, _, service, region, account_id, name, *_ = arn.split(":")
    if service == "lambda":
        functions.send_event(arn, body)
    elif service == "sqs":
        queues: Any = moto.sqs.models.sqs_backends[account_id][region]
        queues.send_message(queue_name=name, message_body=body)
    else:
        topics: Any = moto.sns.models.sns_backends[account_id][region]
        topics.publish(arn=arn, message=body, subject="Amazon S3 Notification")


def _test_event(bucket_name: str) -> dict[str, Any]:
    """What queues and topics get when they are named in a configuration."""
    elements = _response_elements(current_request())
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _iso(time.time_ns()),
        "Bucket": bucket_name,
        "RequestId": elements["x-amz-request-id"],
        "HostId": elements["x-amz-id-2"],
    }


def _address(request: CurrentRequest | None) -> str:
    return "127.0.0.1" if request is None or request.client_address is None else request.client_address


def _response_elements(request: CurrentRequest | None) -> dict[str, str]:
    if request is None:
        return {"x-amz-request-id": uuid.uuid4().hex[:16].upper(), "x-amz-id-2": uuid.uuid4().hex}
    return {"x-amz-request-id": request.request_id, "x-amz-id-2": request.host_id}


def _iso(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
