"""What can be so when functions are created, changed and looked up.

The messages are AWS's own, as recorded from the service; `alonzo.edge.error_table` gives each class its code and status.
"""

from alonzo.errors import AlonzoError
from alonzo.model import quotas


class ResourceNotFound(AlonzoError):
    """Something that a request names is not there."""


class ResourceConflict(AlonzoError):
    """The request does not go with what is there: it exists already, or it is in a state that forbids this."""


class PreconditionFailed(AlonzoError):
    """The caller knows an older revision than there is."""


class InvalidParameter(AlonzoError):
    """A parameter has a value that cannot be, alone or together with others. Source of each message: where it is raised."""


class FunctionNotFound(ResourceNotFound):
    """No such function, version or alias; `arn` with the qualifier that the caller gave."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")
        self.arn = arn


class FunctionExists(ResourceConflict):
    """A function of that name is there already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Function already exist: {name}")


class UpdateInProgress(ResourceConflict):
    """The function's last change is still being carried out, or another one came first. Safe to retry."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The operation cannot be performed at this time. An update is in progress for resource: {arn}")


class FunctionPending(ResourceConflict):
    """The function is still being created. Safe to retry."""

    def __init__(self) -> None:
        super().__init__("The operation cannot be performed at this time. The function is currently in the following state: Pending")


class RevisionMismatch(PreconditionFailed):
    """The caller knows an older revision of the function than there is."""

    def __init__(self) -> None:
        super().__init__(
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
        )


class CodeMismatch(InvalidParameter):
    """The caller wants to publish other code than `$LATEST` has."""

    def __init__(self, *, given: str, current: str) -> None:
        super().__init__(
            f"CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )


class PackageUnreadable(InvalidParameter):
    """The archive is broken, or it is not one, or it holds what may not be unpacked (`reason`: an entry that leaves the tree, …)."""

    def __init__(self, reason: str | None = None) -> None:
        explanation = "" if reason is None else f" ({reason})"
        super().__init__(f"Could not unzip uploaded file. Please check your file, then try to upload again.{explanation}")


class PackageEmpty(InvalidParameter):
    """The archive holds nothing."""

    def __init__(self) -> None:
        super().__init__("Uploaded file must be a non-empty zip")


class UnzippedCodeTooLarge(InvalidParameter):
    """The archive holds more than the quota for unzipped code."""

    def __init__(self) -> None:
        super().__init__(f"Unzipped size must be smaller than {quotas.CODE_UNZIPPED_MAX_BYTES} bytes")


class ZippedCodeTooLarge(AlonzoError):
    """The archive in the request is larger than the quota."""

    def __init__(self) -> None:
        super().__init__(f"Zipped size must be smaller than {quotas.CODE_ZIPPED_IN_REQUEST_MAX_BYTES} bytes")


class CodeStorageExceeded(AlonzoError):
    """The account's quota for code is used up."""

    def __init__(self) -> None:
        super().__init__("Code storage limit exceeded.")


class NoRoomForCode(AlonzoError):
    """The disk has no room for the unpacked code; nothing was left behind. For the operator: make room."""

    def __init__(self) -> None:
        super().__init__("The disk of this server has no room for the unpacked code.")


class NotSupported(AlonzoError):
    """AWS can do it, this server cannot; `what` names it for the caller."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Alonzo does not support {what}.")


class ActivationFailed(AlonzoError):
    """A version cannot be made ready to run; `reason_code` is one of botocore's `StateReasonCode` values."""

    def __init__(self, reason: str, *, reason_code: str = "InternalError") -> None:
        super().__init__(reason)
        self.reason_code = reason_code
