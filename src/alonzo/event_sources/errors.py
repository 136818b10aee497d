"""What can be so with event source mappings. The messages are AWS's; the place that raises one says where it is from."""

from alonzo.errors import AlonzoError


class MappingNotFound(AlonzoError):
    """There is no such mapping in that account and region, or no longer."""

    def __init__(self) -> None:
        super().__init__("The resource you requested does not exist.")


class MappingExists(AlonzoError):
    """The function is mapped to that source already."""


class MappingInUse(AlonzoError):
    """The mapping is on its way from one state to another; `verb` is what was to be done to it. Safe to retry."""

    def __init__(self, verb: str) -> None:
        super().__init__(f"Cannot {verb} the event source mapping because it is in use.")


class InvalidMapping(AlonzoError):
    """A parameter of a mapping has a value that cannot be, alone, together with others, or for that kind of source."""


class InvalidPattern(AlonzoError):
    """An event pattern that the language does not have; the message says why, for those who wrote it."""


class FiltersUnreadable(AlonzoError):
    """Filters could not be encrypted or decrypted. `code` is the exception of KMS, which the message begins with, too."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
