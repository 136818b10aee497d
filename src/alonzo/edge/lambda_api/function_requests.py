"""From the parameters of the operations on functions, by botocore's names, to what the domain understands."""

from collections.abc import Mapping
from typing import Any

from alonzo.edge.lambda_api.code_objects import CodeObject
from alonzo.functions.code.sources import CodeSource, ContainerImage
from alonzo.functions.configuration import ConfigurationChange, DurableChange, LoggingChange
from alonzo.functions.errors import InvalidParameter, ZippedCodeTooLarge
from alonzo.model.function import CapacityProviderConfig, CustomRuntime, FileSystemMount, ImageConfig, LogFormat, VpcConfig
from alonzo.model.quotas import CODE_ZIPPED_IN_REQUEST_MAX_BYTES

Parameters = Mapping[str, Any]

_S3_PARAMETERS = ("S3Bucket", "S3Key", "S3ObjectVersion")


def configuration_change(parameters: Parameters) -> ConfigurationChange:
    """The configuration in the parameters of CreateFunction or UpdateFunctionConfiguration."""
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
        image_config=_image_config(parameters.get("ImageConfig")),
        tenant_isolation_mode=_member(parameters, "TenancyConfig", "TenantIsolationMode"),
        capacity_provider=_capacity_provider(parameters.get("CapacityProviderConfig")),
        custom_runtime=_custom_runtime(parameters.get("RuntimeConfig")),
        accelerator_memory_gb=_member(parameters, "AcceleratorConfig", "AcceleratorMemorySize"),
        durable=_durable_change(parameters.get("DurableConfig")),
        logging=_logging_change(parameters.get("LoggingConfig")),
    )


def code_of(source: Parameters) -> CodeSource | CodeObject:
    """The code in `Code` of CreateFunction, or in the parameters of UpdateFunctionCode. `InvalidParameter`, `ZippedCodeTooLarge`."""
    content: bytes | None = source.get("ZipFile")
    image_uri: str | None = source.get("ImageUri") or None
    in_s3 = any(source.get(name) for name in _S3_PARAMETERS)
    if content is not None and (in_s3 or image_uri):
        raise InvalidParameter("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    if image_uri is not None and not in_s3:
        return ContainerImage(image_uri)
    if in_s3:
        return _code_object(source)
    if content is None:
        raise InvalidParameter("Please provide a source for function code.")
    if len(content) >= CODE_ZIPPED_IN_REQUEST_MAX_BYTES:
        raise ZippedCodeTooLarge
    return content


def _code_object(source: Parameters) -> CodeObject:
    bucket, key = source.get("S3Bucket"), source.get("S3Key")
    if not bucket or not key:
        raise InvalidParameter("Please provide a source for function code.")
    return CodeObject(bucket, key, source.get("S3ObjectVersion") or None)


def new_code_of(parameters: Parameters) -> CodeSource | CodeObject:
    """The code of a new function, which must be of the kind that PackageType says. `InvalidParameter`."""
    package_type, source = parameters.get("PackageType") or "Zip", parameters["Code"]
    if package_type == "Image":
        if not source.get("ImageUri"):
            raise InvalidParameter("Please provide ImageUri when creating a function with packageType Image.")
        return code_of({"ImageUri": source["ImageUri"]})
    return code_of({name: value for name, value in source.items() if name != "ImageUri"})


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
    if configs is None:
        return None
    return tuple(
        FileSystemMount(config["Arn"], config["LocalMountPath"], _member(config, "S3FilesConfig", "DirectS3Read")) for config in configs
    )


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


def _image_config(config: Parameters | None) -> ImageConfig | None:
    if config is None:
        return None
    entry_point, command = config.get("EntryPoint"), config.get("Command")
    return ImageConfig(
        entry_point=tuple(entry_point) if entry_point else None,
        command=tuple(command) if command else None,
        working_directory=config.get("WorkingDirectory") or None,
    )


def _capacity_provider(config: Parameters | None) -> CapacityProviderConfig | None:
    if config is None:
        return None
    instances = config["LambdaManagedInstancesCapacityProviderConfig"]
    return CapacityProviderConfig(
        capacity_provider_arn=instances["CapacityProviderArn"],
        environment_max_concurrency=instances.get("PerExecutionEnvironmentMaxConcurrency"),
        memory_gib_per_vcpu=instances.get("ExecutionEnvironmentMemoryGiBPerVCpu"),
    )


def _custom_runtime(config: Parameters | None) -> CustomRuntime | None:
    return None if config is None else CustomRuntime(arn=config["RuntimeArn"], alias=config["RuntimeAlias"])


def _durable_change(config: Parameters | None) -> DurableChange | None:
    if not config:
        return None
    return DurableChange(
        execution_timeout_seconds=config.get("ExecutionTimeout"),
        retention_days=config.get("RetentionPeriodInDays"),
        kms_key_arn=config.get("KMSKeyArn"),
    )
