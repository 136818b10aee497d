"""What an asynchronous invocation may carry."""

from alonzo.aws.api_error import ApiError
from alonzo.edge.json_payload import check_json
from alonzo.model.quotas import PAYLOAD_ASYNC_MAX_BYTES


def checked_event_payload(payload: bytes) -> bytes:
    """The payload, `{}` for none. ApiError when it is too large or not JSON.

    Source of code and message: AWS's answer, as people have reported it ("264496 byte payload is too large for the Event invocation type
    (limit 262144 bytes)"), with the limit of today.
    """
    if len(payload) > PAYLOAD_ASYNC_MAX_BYTES:
        message = f"{len(payload)} byte payload is too large for the Event invocation type (limit {PAYLOAD_ASYNC_MAX_BYTES} bytes)"
        raise ApiError(code="RequestEntityTooLargeException", message=message, http_status=413)
    if not payload:
        return b"{}"
    check_json(payload)
    return payload
