"""From the parameters of the operations on functions, by botocore's names, to what the domain understands."""

from collections.abc import Mapping
from typing import Any

from alonzo.functions.configuration import ConfigurationChange, LoggingChange
from alonzo.functions.errors import InvalidParameter, NotSupported
from alonzo.model.function import FileSystemMount, LogFormat, VpcConfig

Parameters = Mapping[str, Any]

# Accepted by AWS, unknown here. What is empty asks for nothing.
_UNSUPPORTED = (
    *("ImageConfig", "CodeSigningConfigArn", "TenancyConfig", "CapacityProviderConfig", "DurableConfig", "RuntimeConfig"),
    *("AcceleratorConfig", "PublishTo"),
)
_S3_PARAMETERS = ("S3Bucket", "S3Key", "S3ObjectVersion")


def configuration_change(parameters: Parameters) -> ConfigurationChange:
    """The configuration in the parameters of CreateFunction or UpdateFunctionConfiguration. `NotSupported`."""
    for name in _UNSUPPORTED:
        if parameters.get(name):
            raise NotSupported(f"the parameter {name} of Lambda functions")
    layers = parameters.get("Layers")
    return ConfigurationChange(
        description=parameters.get("Description"),
        runtime=parameters.get("Runtime"),
        handler=parameters.get("Handler"),
        role=parameters.get("Role"),
        timeout_seconds=parameters.get("Timeout"),
        memory_mib=parameters.get("MemorySize"),
        ephemeral_storage_mib=_member(parameters, "EphemeralStorage", "Size"),
        environment_variables=_environment_variables(parameters.get("Environment")),
        layers=None if layers is None else tuple(layers),
        vpc_config=_vpc_config(parameters.get("VpcConfig")),
        dead_letter_target_arn=_dead_letter_target(parameters.get("DeadLetterConfig")),
        kms_key_arn=parameters.get("KMSKeyArn"),
        tracing_mode=_member(parameters, "TracingConfig", "Mode"),
        file_systems=_file_systems(parameters.get("FileSystemConfigs")),
        snap_start_apply_on=_member(parameters, "SnapStart", "ApplyOn"),
        logging=_logging_change(parameters.get("LoggingConfig")),
    )


def code_of(source: Parameters) -> bytes:
    """The archive in `Code` of CreateFunction, or in the parameters of UpdateFunctionCode. `InvalidParameter`, `NotSupported`."""
    content: bytes | None = source.get("ZipFile")
    in_s3 = any(source.get(name) for name in _S3_PARAMETERS)
    if source.get("ImageUri"):
        raise NotSupported("functions from container images (ImageUri)")
    if content is not None and in_s3:
        raise InvalidParameter("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    if in_s3:
        raise InvalidParameter(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"
        )
    if content is None:
        raise InvalidParameter("Please provide a source for function code.")
    return content


def architectures_of(parameters: Parameters) -> tuple[str, ...] | None:
    """None when the caller leaves them open."""
    architectures = parameters.get("Architectures")
    return tuple(architectures) if architectures else None


def _member(parameters: Parameters, structure: str, member: str) -> Any:
    content = parameters.get(structure)
    return None if content is None else content.get(member)


def _environment_variables(environment: Parameters | None) -> dict[str, str] | None:
    return None if environment is None else dict(environment.get("Variables") or {})


def _vpc_config(config: Parameters | None) -> VpcConfig | None:
    if config is None:
        return None
    return VpcConfig(
        subnet_ids=tuple(config.get("SubnetIds") or ()),
        security_group_ids=tuple(config.get("SecurityGroupIds") or ()),
        ipv6_allowed_for_dual_stack=bool(config.get("Ipv6AllowedForDualStack")),
    )


def _dead_letter_target(config: Parameters | None) -> str | None:
    return None if config is None else config.get("TargetArn") or ""


def _file_systems(configs: list[Parameters] | None) -> tuple[FileSystemMount, ...] | None:
    return None if configs is None else tuple(FileSystemMount(config["Arn"], config["LocalMountPath"]) for config in configs)


def _logging_change(config: Parameters | None) -> LoggingChange | None:
    if config is None:
        return None
    log_format = config.get("LogFormat")
    return LoggingChange(
        format=None if log_format is None else LogFormat(log_format),
        application_level=config.get("ApplicationLogLevel"),
        system_level=config.get("SystemLogLevel"),
        log_group=config.get("LogGroup"),
    )
