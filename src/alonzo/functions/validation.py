"""What a configuration may be, beyond the shapes: what AWS checks when a function is created or its configuration updated.

Lengths, ranges and patterns are the business of the API's model. Source of the messages, unless said otherwise: answers recorded from AWS.
"""

import json
import re
from types import MappingProxyType

from alonzo.functions.errors import InvalidParameter
from alonzo.model import quotas
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.runtimes.catalog import RuntimeFamily, find_runtime

_RUNTIMES_LISTED = (
    *("nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25", "python3.10"),
    *("python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17", "nodejs16.x", "dotnet10", "dotnet8"),
    *("java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2"),
)
"""In the order in which AWS's message names them."""
_RUNTIMES_SINCE = ("ruby4.0", "nodejs26.x", "python3.15", "java8.al2023", "java11.al2023", "java17.al2023")
"""Of botocore's model; newer than the recorded message."""
_RUNTIMES = frozenset((*_RUNTIMES_LISTED, *_RUNTIMES_SINCE))

# Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html ("Supported features and limitations").
_SNAP_START_SINCE = MappingProxyType({RuntimeFamily.JAVA: (11,), RuntimeFamily.PYTHON: (3, 12), RuntimeFamily.DOTNET: (8,)})

_RESERVED_VARIABLES = frozenset(
    (
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME"),
        *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    )
)
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime."""

_LAYER_VERSION_ARN = re.compile(r"(?P<layer>arn:[^:]*:lambda:(?P<region>[^:]*):\d{12}:layer:[a-zA-Z0-9-_]+):\d+")


def check_configuration(version: FunctionVersion) -> None:
    """Whether a version may be so. `InvalidParameter` with AWS's message."""
    if version.package_type == "Zip":
        if not version.runtime or not version.handler:
            # As the service answers; not among the recorded answers.
            raise InvalidParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
        check_runtime(version.runtime)
    _check_memory(version.memory_mib)
    _check_snap_start(version)
    check_environment_variables(version.environment_variables or {})
    check_layers(version.layers, version.scope)


def check_runtime(identifier: str) -> None:
    """Whether AWS still takes functions of this runtime."""
    spec = find_runtime(identifier)
    if spec is not None and spec.retired:
        raise InvalidParameter(
            f"The runtime parameter of {identifier} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if identifier not in _RUNTIMES:
        raise InvalidParameter(
            f"Value {identifier} at 'runtime' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(_RUNTIMES_LISTED)}] or be a valid ARN"
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


def check_layers(arns: tuple[str, ...], scope: Scope) -> None:
    """Layers of one region, each once. No layer can be published yet, so that none exists."""
    seen: dict[str, str] = {}
    for arn in arns:
        match = _LAYER_VERSION_ARN.fullmatch(arn)
        if match is None:
            continue
        if match["region"] != scope.region:
            raise InvalidParameter(
                f"Layers are not in the same region as the function. Layers are expected to be in region {scope.region}."
            )
        if match["layer"] in seen:
            raise InvalidParameter(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[match['layer']]} and {arn} are versions of the same layer."
            )
        seen[match["layer"]] = arn
    if arns:
        raise InvalidParameter(f"Layer version {arns[0]} does not exist.")


def _check_memory(memory_mib: int) -> None:
    if memory_mib > quotas.MEMORY_MAX_MIB:  # the model's limit is that of another compute type
        raise InvalidParameter(
            f"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {quotas.MEMORY_MAX_MIB}"
        )


def _check_snap_start(version: FunctionVersion) -> None:
    if version.snap_start_apply_on == "None" or version.runtime is None:
        return
    spec = find_runtime(version.runtime)
    since = None if spec is None else _SNAP_START_SINCE.get(spec.family)
    if spec is None or since is None or spec.version < since:
        raise InvalidParameter(f"{version.runtime} is not supported for SnapStart enabled functions.")
