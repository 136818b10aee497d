"""From function versions to botocore's `FunctionConfiguration`, as AWS fills it in."""

from datetime import UTC, datetime
from typing import Any

from alonzo.functions.code.sources import resolved_image_uri
from alonzo.model.function import (
    CapacityProviderConfig,
    CustomRuntime,
    DurableConfig,
    FileSystemMount,
    FunctionVersion,
    ImageConfig,
    State,
    VpcConfig,
)

Members = dict[str, Any]


def function_configuration(version: FunctionVersion, *, qualified: bool) -> Members:
    """A version as one operation on it answers. AWS writes the ARN with its version only where the version was asked for."""
    runtime_version = {"RuntimeVersionArn": version.runtime_version_arn} if version.runtime_version_arn else None
    return listed_configuration(version, qualified=qualified) | {
        "State": version.state.value,
        "StateReason": version.state_reason,
        "StateReasonCode": version.state_reason_code,
        "LastUpdateStatus": version.last_update_status.value if version.last_update_status else None,
        "LastUpdateStatusReason": version.last_update_status_reason,
        "LastUpdateStatusReasonCode": version.last_update_status_reason_code,
        "RuntimeVersionConfig": runtime_version,
    }


def listed_configuration(version: FunctionVersion, *, qualified: bool) -> Members:
    """A version as lists show it: without state and runtime version."""
    return {
        "FunctionName": version.name,
        "FunctionArn": version.qualified_arn if qualified else version.function_arn,
        "Version": version.version,
        "Description": version.description,
        "Runtime": version.runtime,
        "Handler": version.handler,
        "Role": version.role,
        "PackageType": version.package_type,
        "Architectures": list(version.architectures),
        "CodeSha256": version.code.shown_sha256,
        "CodeSize": version.code.size_bytes,
        "Timeout": version.timeout_seconds,
        "MemorySize": version.memory_mib,
        "EphemeralStorage": {"Size": version.ephemeral_storage_mib},
        "LastModified": _timestamp(version.last_modified_unix_ms),
        "RevisionId": version.revision_id,
        "TracingConfig": {"Mode": version.tracing_mode},
        "SnapStart": {"ApplyOn": version.snap_start_apply_on, "OptimizationStatus": _optimization_status(version)},
        "LoggingConfig": _logging_config(version),
        **_optional_members(version),
    }


def _optional_members(version: FunctionVersion) -> Members:
    variables, target, accelerator_gb = version.environment_variables, version.dead_letter_target_arn, version.accelerator_memory_gb
    return {
        "Environment": None if variables is None else {"Variables": variables},
        "Layers": [{"Arn": layer.arn, "CodeSize": layer.size_bytes} for layer in version.layers] or None,
        "VpcConfig": None if version.vpc_config is None else _vpc_config(version.vpc_config),
        "DeadLetterConfig": None if target is None else {"TargetArn": target},
        "KMSKeyArn": version.kms_key_arn,
        "FileSystemConfigs": [_file_system(mount) for mount in version.file_systems] or None,
        "ImageConfigResponse": None if version.image_config is None else {"ImageConfig": _image_config(version.image_config)},
        "TenancyConfig": None if version.tenant_isolation_mode is None else {"TenantIsolationMode": version.tenant_isolation_mode},
        "CapacityProviderConfig": None if version.capacity_provider is None else _capacity_provider(version.capacity_provider),
        "DurableConfig": None if version.durable is None else _durable(version.durable),
        "RuntimeConfig": None if version.custom_runtime is None else _custom_runtime(version.custom_runtime),
        "AcceleratorConfig": None if accelerator_gb is None else {"AcceleratorMemorySize": accelerator_gb},
    }


def code_location(version: FunctionVersion, archive_link: str) -> Members:
    """Where a version's code is; `archive_link` is for archives."""
    if version.code.image_uri is not None:
        return {"RepositoryType": "ECR", "ImageUri": version.code.image_uri, "ResolvedImageUri": resolved_image_uri(version.code)}
    return {"RepositoryType": "S3", "Location": archive_link, "SourceKMSKeyArn": version.source_kms_key_arn}


def _file_system(mount: FileSystemMount) -> Members:
    s3_files = None if mount.direct_s3_read is None else {"DirectS3Read": mount.direct_s3_read}
    return {"Arn": mount.arn, "LocalMountPath": mount.local_mount_path, "S3FilesConfig": s3_files}


def _image_config(config: ImageConfig) -> Members:
    return {
        "EntryPoint": None if config.entry_point is None else list(config.entry_point),
        "Command": None if config.command is None else list(config.command),
        "WorkingDirectory": config.working_directory,
    }


def _capacity_provider(config: CapacityProviderConfig) -> Members:
    return {
        "LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": config.capacity_provider_arn,
            "PerExecutionEnvironmentMaxConcurrency": config.environment_max_concurrency,
            "ExecutionEnvironmentMemoryGiBPerVCpu": config.memory_gib_per_vcpu,
        }
    }


def _durable(config: DurableConfig) -> Members:
    return {
        "ExecutionTimeout": config.execution_timeout_seconds,
        "RetentionPeriodInDays": config.retention_days,
        "KMSKeyArn": config.kms_key_arn,
    }


def _custom_runtime(runtime: CustomRuntime) -> Members:
    return {"RuntimeArn": runtime.arn, "RuntimeAlias": runtime.alias}


def _vpc_config(config: VpcConfig) -> Members:
    return {
        "SubnetIds": list(config.subnet_ids),
        "SecurityGroupIds": list(config.security_group_ids),
        "VpcId": "",  # nothing is attached, and nobody here knows whose subnets these are
        "Ipv6AllowedForDualStack": config.ipv6_allowed_for_dual_stack,
    }


def _logging_config(version: FunctionVersion) -> Members:
    logging = version.logging
    return {
        "LogFormat": logging.format.value,
        "ApplicationLogLevel": logging.application_level,
        "SystemLogLevel": logging.system_level,
        "LogGroup": logging.log_group,
    }


def _optimization_status(version: FunctionVersion) -> str:
    return "On" if version.uses_snap_start and version.state is State.ACTIVE else "Off"


def _timestamp(unix_ms: int) -> str:
    """As Lambda writes `LastModified`: 2026-01-31T12:00:00.000+0000."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}+0000"
