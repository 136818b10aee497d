"""Why a call to another AWS service came to nothing."""

from alonzo.errors import AlonzoError


class AwsCallFailed(AlonzoError):
    """`is_worth_retrying`: the same call may succeed a little later."""

    is_worth_retrying = False


class NoAwsEndpoint(AwsCallFailed):
    """Nobody has said where the service is."""

    def __init__(self, service: str) -> None:
        super().__init__(f"there is no endpoint for {service}: start with --aws-endpoint-url URL, or {service}=URL for this service alone")


class NoAwsCredentials(AwsCallFailed):
    """AWS itself is to be called, and this machine has no credentials for it."""


class AwsUnreachable(AwsCallFailed):
    """Nothing answered, or not in time, or not in HTTP."""

    is_worth_retrying = True


class AwsAnswerTooLarge(AwsCallFailed):
    """The service answered with more than the caller takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"an answer of more than {limit_bytes >> 20} MiB")


class AwsRefused(AwsCallFailed):
    """The service answered with an error. `code` is its own word."""

    def __init__(self, *, code: str, message: str, http_status: int, is_worth_retrying: bool) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.http_status = http_status
        self.is_worth_retrying = is_worth_retrying


class AwsRequestInvalid(AwsCallFailed):
    """The parameters do not fit the operation."""
