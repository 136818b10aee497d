"""The one table that turns what may be so in the domain into what AWS's API says of it.

A class stands for those below it that have no row of their own. A test proves that every error of the domain has a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alonzo.aws.api_error import ApiError, Fault
from alonzo.environment import outcomes as environment
from alonzo.errors import AlonzoError
from alonzo.event_sources import errors as event_sources
from alonzo.functions import aliases, capacity_providers
from alonzo.functions import errors as functions
from alonzo.functions.code import signing as code_signing
from alonzo.functions.durable import callbacks as durable_callbacks
from alonzo.functions.layers import layers
from alonzo.functions.policies.records import PolicyTooLong
from alonzo.functions.settings import concurrency, provisioned
from alonzo.images import errors as images
from alonzo.invoke import errors as invoke
from alonzo.model import names
from alonzo.runtimes.interpreters import RuntimeUnavailable
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.users import UserIdsExhausted
from alonzo.store import errors as store
from alonzo.triggers import errors as triggers


@dataclass(frozen=True, slots=True)
class ApiErrorRow:
    """`http_status` None: the one of the code in the service's model. `tells_message` False: AWS answers null."""

    code: str
    http_status: int | None = None
    fault: Fault | None = "User"
    tells_message: bool = True


_INVALID_PARAMETER = ApiErrorRow("InvalidParameterValueException", 400)
_NOT_FOUND = ApiErrorRow("ResourceNotFoundException", 404)
_CONFLICT = ApiErrorRow("ResourceConflictException", 409)
_SERVICE_FAILURE = ApiErrorRow("ServiceException", 500, "Service")

ERROR_TABLE: Mapping[type[AlonzoError], ApiErrorRow] = MappingProxyType(
    {
        names.FunctionNameMalformed: ApiErrorRow("ValidationException", 400),
        names.FunctionNameTooLong: _INVALID_PARAMETER,
        names.QualifierMismatch: _INVALID_PARAMETER,
        names.FunctionOfOtherRegion: _NOT_FOUND,
        names.FunctionOfOtherAccount: ApiErrorRow("AccessDeniedException", 403, tells_message=False),
        functions.ResourceNotFound: _NOT_FOUND,
        functions.ResourceConflict: _CONFLICT,
        functions.PreconditionFailed: ApiErrorRow("PreconditionFailedException", 412),
        functions.InvalidParameter: _INVALID_PARAMETER,
        functions.ZippedCodeTooLarge: ApiErrorRow("RequestEntityTooLargeException", 413),
        functions.CodeStorageExceeded: ApiErrorRow("CodeStorageExceededException", 400),
        functions.NoRoomForCode: _SERVICE_FAILURE,
        aliases.LatestRouted: ApiErrorRow("InvalidParameterValueException", 400, fault=None),
        PolicyTooLong: ApiErrorRow("PolicyLengthExceededException", 400),
        code_signing.CodeSigningConfigNotFound: ApiErrorRow("ResourceNotFoundException", 404, fault=None),
        code_signing.FunctionCodeSigningConfigNotFound: ApiErrorRow("CodeSigningConfigNotFoundException", 404),
        code_signing.CodeNotVerified: ApiErrorRow("CodeVerificationFailedException", 400),
        capacity_providers.CapacityProviderLimitExceeded: ApiErrorRow("CapacityProviderLimitExceededException", 400),
        capacity_providers.CapacityProviderVersionsExceeded: ApiErrorRow("FunctionVersionsPerCapacityProviderLimitExceededException", 400),
        durable_callbacks.CallbackClosed: ApiErrorRow("CallbackTimeoutException", 400),
        concurrency.ConcurrencyQuotaExceeded: ApiErrorRow("InvalidParameterValueException", 400, fault=None),
        provisioned.ProvisionedConfigNotFound: ApiErrorRow("ProvisionedConcurrencyConfigNotFoundException", 404),
        functions.NotSupported: ApiErrorRow("NotImplementedException", 501, "Service"),
        functions.ActivationFailed: _SERVICE_FAILURE,
        layers.LayerAccessDenied: ApiErrorRow("AccessDeniedException", 403),
        event_sources.MappingNotFound: _NOT_FOUND,
        event_sources.MappingExists: _CONFLICT,
        event_sources.MappingInUse: ApiErrorRow("ResourceInUseException", 400),
        event_sources.InvalidMapping: _INVALID_PARAMETER,
        event_sources.InvalidPattern: _INVALID_PARAMETER,
        event_sources.FiltersUnreadable: _INVALID_PARAMETER,
        store.StoreError: _SERVICE_FAILURE,
        invoke.Throttled: ApiErrorRow("TooManyRequestsException", 429),
        invoke.FunctionNotReady: _CONFLICT,
        invoke.RecursiveInvocation: ApiErrorRow("RecursiveInvocationException", 400),
        invoke.SnapshotNotReady: ApiErrorRow("SnapStartNotReadyException", 409),
        invoke.NoEnvironment: _SERVICE_FAILURE,
        environment.InitFailed: _SERVICE_FAILURE,
        environment.EnvironmentLost: _SERVICE_FAILURE,
        environment.RestoreFailed: ApiErrorRow("SnapStartException", 400),
        environment.RestoreTimedOut: ApiErrorRow("SnapStartTimeoutException", 408),
        triggers.DeliveryFailed: _SERVICE_FAILURE,
        triggers.InvalidSchedule: ApiErrorRow("ValidationException", 400),
        triggers.UnknownPath: _INVALID_PARAMETER,
        images.ImageNotFound: _INVALID_PARAMETER,
        images.ImageInvalid: _INVALID_PARAMETER,
        images.ImageAccessDenied: ApiErrorRow("AccessDeniedException", 403),
        images.ImageGone: ApiErrorRow("InvalidRuntimeException", 502, "Service"),
        images.NoRoomForImage: _SERVICE_FAILURE,
        images.RegistryFailed: _SERVICE_FAILURE,
        RuntimeUnavailable: ApiErrorRow("InvalidRuntimeException", 502, "Service"),
        SandboxLost: _SERVICE_FAILURE,
        UserIdsExhausted: _SERVICE_FAILURE,
    }
)


def to_api_error(error: AlonzoError) -> ApiError:
    """What the API answers. An error without a row is one of the server, whose message is not for the client."""
    for kind in type(error).__mro__:
        row = ERROR_TABLE.get(kind)
        if row is not None:
            message = str(error) if row.tells_message else None
            members = None
            if isinstance(error, invoke.Throttled):
                members = {"Reason": error.reason, "retryAfterSeconds": str(error.retry_after_seconds)}
            return ApiError(code=row.code, message=message, http_status=row.http_status, fault=row.fault, members=members)
    return ApiError(code="ServiceException", message="An internal error occurred.", http_status=500, fault="Service")
