"""The Lambda API's operation on the account: limits and what is used of them."""

from typing import Any

from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.registry import Functions
from alonzo.functions.settings.concurrency import ConcurrencySettings
from alonzo.model import quotas


class AccountOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, functions: Functions, concurrency: ConcurrencySettings) -> None:
        self._functions = functions
        self._concurrency = concurrency

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {"GetAccountSettings": self.get_account_settings}

    async def get_account_settings(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        del parameters
        scope = call.caller.scope
        usage = self._functions.account_usage(scope)
        return {
            "AccountLimit": {
                "TotalCodeSize": quotas.CODE_STORAGE_MAX_BYTES,
                "CodeSizeUnzipped": quotas.CODE_UNZIPPED_MAX_BYTES,
                "CodeSizeZipped": quotas.CODE_ZIPPED_IN_REQUEST_MAX_BYTES,
                "ConcurrentExecutions": self._concurrency.account_limit,
                "UnreservedConcurrentExecutions": self._concurrency.unreserved_count(self._concurrency.account(scope)),
            },
            "AccountUsage": {"TotalCodeSize": usage.code_size_bytes, "FunctionCount": usage.function_count},
        }
