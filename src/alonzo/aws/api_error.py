"""An error as an AWS API answers it: what clients find in `x-amzn-ErrorType` and in the body."""

from collections.abc import Mapping
from typing import Any, Literal

from alonzo.errors import AlonzoError

Fault = Literal["User", "Service"]
"""Whose fault it is; Lambda writes it as `Type` into the body."""


class ApiError(AlonzoError):
    """An answer that is an error.

    `http_status` None means the status that the service's model has for the code (400 when it has none).
    `fault` None leaves `Type` out of the body: AWS does so for some errors.
    `members` are further members of the error's shape (`Reason`, `retryAfterSeconds`), by their names in botocore's model.
    A `message` of None is written as null, as AWS does when it refuses access to another account's function.
    """

    def __init__(
        self,
        *,
        code: str,
        message: str | None,
        http_status: int | None = None,
        fault: Fault | None = "User",
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.fault = fault
        self.members: Mapping[str, Any] = members or {}


def serialization_error(message: str) -> ApiError:
    """The request is not what its protocol allows: broken JSON, a string where a number belongs. AWS says so before it validates."""
    return ApiError(code="SerializationException", message=message, http_status=400)


def not_implemented(*, service: str, operation: str) -> ApiError:
    """The request is a fine one, and this server does not serve it."""
    return ApiError(
        code="NotImplementedException",
        message=f"Alonzo does not implement the operation {operation} of the service {service}.",
        http_status=501,
        fault="Service",
    )
