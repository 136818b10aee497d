"""How a function, one of its versions or an alias is invoked asynchronously."""

import msgspec

from alonzo.model import names
from alonzo.model.scope import Scope


class EventInvokeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Retries, age and destinations of asynchronous invocations. None is what was not set: AWS's defaults hold then.

    Destinations are ARNs. Source: botocore shape `FunctionEventInvokeConfig`.
    """

    scope: Scope
    function_name: str
    qualifier: str
    """`$LATEST`, a version's number or an alias."""
    maximum_retry_attempts: int | None = None
    maximum_event_age_seconds: int | None = None
    on_success_arn: str | None = None
    on_failure_arn: str | None = None
    last_modified_unix_ms: int

    @property
    def function_arn(self) -> str:
        """The function's ARN with the qualifier."""
        return f"{names.function_arn(self.scope, self.function_name)}:{self.qualifier}"
