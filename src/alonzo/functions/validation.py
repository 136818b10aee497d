"""What a configuration may be, beyond the shapes: what AWS checks when a function is created or its configuration updated.

Lengths, ranges and patterns are the business of the API's model. Source of the messages, unless said otherwise: answers recorded from AWS.
"""

import json
from types import MappingProxyType

from alonzo.functions.errors import InvalidParameter
from alonzo.model import quotas
from alonzo.model.function import FunctionVersion, LogFormat
from alonzo.model.runtimes import RUNTIMES_LISTED
from alonzo.runtimes.catalog import RuntimeFamily, RuntimeSpec, find_runtime
from alonzo.runtimes.concurrency import SUPPORTED_SINCE
from alonzo.runtimes.lifecycle import RuntimePhase

_RUNTIMES_SINCE = ("ruby4.0", "nodejs26.x", "python3.15", "java8.al2023", "java11.al2023", "java17.al2023")
"""Of botocore's model; newer than the recorded message."""
_RUNTIMES = frozenset((*RUNTIMES_LISTED, *_RUNTIMES_SINCE))

# Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html ("Supported features and limitations").
_SNAP_START_SINCE = MappingProxyType({RuntimeFamily.JAVA: (11,), RuntimeFamily.PYTHON: (3, 12), RuntimeFamily.DOTNET: (8,)})

_RESERVED_VARIABLES = frozenset(
    (
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME"),
        *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY"),
    )
)
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime."""


def check_configuration(version: FunctionVersion) -> None:
    """Whether a version may be so. `InvalidParameter` with AWS's message."""
    if version.package_type == "Image":
        _check_image_function(version)
    else:
        _check_zip_function(version)
    _check_memory(version)
    if version.capacity_provider is not None:
        _check_capacity_provider_function(version)
    _check_ephemeral_storage(version)
    _check_snap_start(version)
    _check_network(version)
    check_environment_variables(version.environment_variables or {})


def check_update(before: FunctionVersion, after: FunctionVersion) -> None:
    """Whether an existing function may become so: what is decided once, when it is created."""
    if before.durable is None and after.durable is not None:
        # Source: https://docs.aws.amazon.com/lambda/latest/dg/durable-configuration.html ("You cannot enable it on existing functions");
        # the words are ours.
        raise InvalidParameter("DurableConfig cannot be added to an existing function. Create a new function with DurableConfig instead.")


def check_runtime(identifier: str | None, *, before: str | None, takes_blocked: bool) -> None:
    """Whether AWS still takes a function's runtime, or a change of a function that has had it `before`. `InvalidParameter`.

    `takes_blocked`: no runtime is too old.
    """
    spec = None if identifier is None else find_runtime(identifier)
    if spec is not None and spec.phase >= (RuntimePhase.UPDATES_BLOCKED if identifier == before else RuntimePhase.CREATION_BLOCKED):
        if takes_blocked:
            return
        raise InvalidParameter(
            f"The runtime parameter of {identifier} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if identifier not in (None, before, *_RUNTIMES):
        raise InvalidParameter(
            f"Value {identifier} at 'runtime' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(RUNTIMES_LISTED)}] or be a valid ARN"
        )


def check_environment_variables(variables: dict[str, str]) -> None:
    """Names that belong to the platform, and the size of all variables as AWS measures it: of their JSON form."""
    reserved = sorted(_RESERVED_VARIABLES & variables.keys())
    if reserved:
        # As the service answers; not among the recorded answers.
        raise InvalidParameter(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains "
            "reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > quotas.ENVIRONMENT_VARIABLES_MAX_BYTES:
        raise InvalidParameter(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded "
            f"the 4KB limit. String measured: {measured}"
        )


def _check_zip_function(version: FunctionVersion) -> None:
    # As the service answers; not among the recorded answers.
    if not version.handler or not (version.runtime or version.custom_runtime):
        raise InvalidParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    if version.image_config is not None:
        raise InvalidParameter("Please don't provide ImageConfig when the intended function PackageType is Zip.")


def _check_image_function(version: FunctionVersion) -> None:
    if version.runtime or version.handler or version.layers:
        # As the service answers; not among the recorded answers.
        raise InvalidParameter("Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")


def _check_memory(version: FunctionVersion) -> None:
    # The model's limit is that of functions on a capacity provider.
    if version.capacity_provider is None and version.memory_mib > quotas.MEMORY_MAX_MIB:
        raise InvalidParameter(
            f"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {quotas.MEMORY_MAX_MIB}"
        )


def _check_capacity_provider_function(version: FunctionVersion) -> None:
    # Sources: https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html and the page of best practices; the
    # words are ours.
    spec = find_runtime(version.runtime or "")
    if spec is not None and not _is_for_capacity_providers(spec):
        raise InvalidParameter(f"Runtime {spec.identifier} is not supported for functions with CapacityProviderConfig.")
    if version.memory_mib < quotas.MEMORY_ON_CAPACITY_PROVIDER_MIN_MIB:
        raise InvalidParameter(
            f"MemorySize must be at least {quotas.MEMORY_ON_CAPACITY_PROVIDER_MIN_MIB} for functions with CapacityProviderConfig."
        )
    if version.logging.format is not LogFormat.JSON:
        raise InvalidParameter("LogFormat must be JSON for functions with CapacityProviderConfig.")


def _is_for_capacity_providers(spec: RuntimeSpec) -> bool:
    if spec.family is RuntimeFamily.PROVIDED:
        return spec.identifier != "provided.al2"
    since = SUPPORTED_SINCE.get(spec.family)
    return since is not None and spec.version >= since


def _check_ephemeral_storage(version: FunctionVersion) -> None:
    # The model's limit is that of functions with an accelerator.
    if version.accelerator_memory_gb is None and version.ephemeral_storage_mib > quotas.EPHEMERAL_STORAGE_MAX_MIB:
        raise InvalidParameter(
            "'EphemeralStorage' value failed to satisfy constraint: "
            f"Member must have value less than or equal to {quotas.EPHEMERAL_STORAGE_MAX_MIB}"
        )
    if version.accelerator_memory_gb is not None and version.capacity_provider is None:
        raise InvalidParameter("AcceleratorConfig is supported only for functions with CapacityProviderConfig.")  # the words are ours


def _check_network(version: FunctionVersion) -> None:
    # As the service answers; not among the recorded answers.
    vpc = version.vpc_config
    if vpc is not None and bool(vpc.subnet_ids) != bool(vpc.security_group_ids):
        raise InvalidParameter("SubnetIds and SecurityIds must coexist or be both empty list.")
    for mount in version.file_systems:
        if vpc is None or not vpc.subnet_ids:
            raise InvalidParameter(f"Function must be configured to execute in a VPC to reference access point {mount.arn}.")
        if mount.direct_s3_read is not None and ":s3files:" not in mount.arn:
            raise InvalidParameter(f"S3FilesConfig is not supported for access point {mount.arn}.")


def _check_snap_start(version: FunctionVersion) -> None:
    if version.snap_start_apply_on == "None":
        return
    # Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html; the words are ours.
    if version.file_systems:
        raise InvalidParameter("File systems are not supported for SnapStart enabled functions.")
    if version.ephemeral_storage_mib > quotas.EPHEMERAL_STORAGE_MIN_MIB:
        raise InvalidParameter(
            f"Ephemeral storage greater than {quotas.EPHEMERAL_STORAGE_MIN_MIB} MB is not supported for SnapStart enabled functions."
        )
    if version.tenant_isolation_mode is not None:
        raise InvalidParameter("Tenant isolation is not supported for SnapStart enabled functions.")
    if version.package_type == "Image":
        raise InvalidParameter("Container images are not supported for SnapStart enabled functions.")
    if version.runtime is None:
        return
    spec = find_runtime(version.runtime)
    since = None if spec is None else _SNAP_START_SINCE.get(spec.family)
    if spec is None or since is None or spec.version < since:
        raise InvalidParameter(f"{version.runtime} is not supported for SnapStart enabled functions.")
