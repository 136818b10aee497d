"""Errors as API errors, and those of them that are our own failures in the node's log: once, with the request's id."""

import logging
from collections.abc import Callable

from alonzo.aws.api_error import ApiError
from alonzo.errors import AlonzoError

_FAILED = 500


def as_api_error(
    error: Exception,
    request_id: str,
    *,
    translate_error: Callable[[AlonzoError], ApiError],
    log: logging.Logger,
    code: str = "ServiceException",
    what: str = "request",
) -> ApiError:
    """`code`: of what nobody has foreseen; `what`: it is that failed."""
    if isinstance(error, ApiError):
        return error
    fields = {"request_id": request_id}
    if isinstance(error, AlonzoError):
        api_error = translate_error(error)
        if api_error.http_status is not None and api_error.http_status >= _FAILED:
            log.error("%s %s failed: %s", what, request_id, error, extra=fields)
        return api_error
    log.error("%s %s failed", what, request_id, exc_info=error, extra=fields)
    return ApiError(code=code, message="An internal error occurred.", http_status=_FAILED, fault="Service")
