"""What CloudFormation refuses, and why a resource could not be made."""

from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):
    """A request that cannot be carried out; the template's faults are among the reasons."""

    code = "ValidationError"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class AlreadyExists(ServiceException):
    """A name that a stack or a change set has already."""

    code = "AlreadyExistsException"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class InsufficientCapabilities(ServiceException):
    """The template makes what the caller has not said it may make."""

    code = "InsufficientCapabilitiesException"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ChangeSetNotFound(ServiceException):
    """There is no such change set."""

    code = "ChangeSetNotFound"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class InvalidChangeSetStatus(ServiceException):
    """A change set that cannot be carried out as it is."""

    code = "InvalidChangeSetStatus"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ResourceFailed(Exception):
    """A resource could not be made, changed or deleted; the message is the reason in its event."""
