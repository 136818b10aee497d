"""What the Logs API says of what is not there, or is already. Its codes have other statuses than Lambda's of the same names."""

from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.edge.operations import CallContext, OperationHandler, OperationTable
from alonzo.errors import AlonzoError
from alonzo.triggers.log_groups import LogLimitExceeded, LogResourceExists, LogResourceNotFound, TooManyLogTags

_CODES: dict[type[AlonzoError], str] = {
    LogResourceNotFound: "ResourceNotFoundException",
    LogResourceExists: "ResourceAlreadyExistsException",
    LogLimitExceeded: "LimitExceededException",
}
_HTTP_STATUS = 400


def with_log_errors(table: OperationTable) -> OperationTable:
    """The same operations, whose errors of log groups are answered as CloudWatch Logs answers them."""
    return {name: _translating(perform) for name, perform in table.items()}


def _translating(perform: OperationHandler) -> OperationHandler:
    async def translate(call: CallContext, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            return await perform(call, parameters)
        except TooManyLogTags as error:
            members = {"resourceName": error.arn}
            raise ApiError(code="TooManyTagsException", message=str(error), http_status=_HTTP_STATUS, members=members) from error
        except (LogResourceNotFound, LogResourceExists, LogLimitExceeded) as error:
            raise ApiError(code=_CODES[type(error)], message=str(error), http_status=_HTTP_STATUS) from error

    return translate
