"""What function URLs answer when no function does, in AWS's words. Recorded: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
tells the statuses; a URL that is not there, one that the policy forbids and a function that fails were seen."""

import json
import logging

from alonzo.aws.api_error import ApiError
from alonzo.edge.asgi import Answer
from alonzo.edge.error_table import to_api_error
from alonzo.edge.http_events.function_calls import EventTooLarge
from alonzo.edge.http_events.request import TooManyParameters
from alonzo.errors import AlonzoError
from alonzo.model.quotas import PAYLOAD_SYNC_MAX_BYTES

_log = logging.getLogger(__name__)

_JSON = (b"content-type", b"application/json")


class Refused(AlonzoError):
    """The request does not reach the function."""

    def __init__(self, status: int, error_type: str, message: str | None, *, member: str = "Message") -> None:
        super().__init__(message or error_type)
        self.status = status
        self.error_type = error_type
        self.body = json.dumps({member: message}, separators=(",", ":")).encode()


def no_such_url() -> Refused:
    """AWS does not tell whether there has ever been one."""
    return Refused(403, "AccessDeniedException", None)


def forbidden() -> Refused:
    """Unsigned where a signature is needed, or the policy does not allow it."""
    return Refused(403, "AccessDeniedException", "Forbidden")


def bad_signature(error_type: str, message: str) -> Refused:
    """Signed, but not well."""
    return Refused(403, error_type, message, member="message")


def too_large() -> Refused:
    """The body, or the event that it would become."""
    message = f"Request must be smaller than {PAYLOAD_SYNC_MAX_BYTES} bytes for the InvokeFunction operation"
    return Refused(413, "RequestEntityTooLargeException", message)


def refusal(error: Exception, request_id: str) -> Answer:
    """The answer to a request that went wrong, in whatever way."""
    if isinstance(error, EventTooLarge):
        error = too_large()
    elif isinstance(error, TooManyParameters):
        error = Refused(400, "BadRequestException", f"Bad Request: {error}")
    if isinstance(error, Refused):
        return _answer(error.status, error.error_type, error.body, request_id)
    api_error = to_api_error(error) if isinstance(error, AlonzoError) else ApiError(code="ServiceException", message=None, http_status=500)
    status = api_error.http_status or 400
    if status >= 500:  # noqa: PLR2004
        trace, fields = None if isinstance(error, AlonzoError) else error, {"request_id": request_id}
        _log.error("request %s of a function URL failed: %s", request_id, error, exc_info=trace, extra=fields)
        return function_failed(request_id)
    content = {**(api_error.members or {}), "Type": "User", "message": api_error.message}
    return _answer(status, api_error.code, json.dumps(content, separators=(",", ":")).encode(), request_id)


def function_failed(request_id: str) -> Answer:
    """The function has failed, or has answered what HTTP cannot carry. What exactly is in its log, and for nobody else."""
    return Answer(502, [_JSON, (b"x-amzn-requestid", request_id.encode())], b"Internal Server Error")


def _answer(status: int, error_type: str, body: bytes, request_id: str) -> Answer:
    headers = [_JSON, (b"x-amzn-requestid", request_id.encode()), (b"x-amzn-errortype", error_type.encode())]
    return Answer(status, headers, body)
