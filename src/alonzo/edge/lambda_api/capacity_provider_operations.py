"""The Lambda API's operations on capacity providers."""

from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.lambda_api.timestamps import lambda_timestamp
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.capacity_providers import CapacityProviderChange, CapacityProviderNotFound, CapacityProviders
from alonzo.functions.registry import version_sort_key
from alonzo.model.capacity_provider import (
    CapacityProvider,
    CapacityProviderState,
    InstanceRequirements,
    ScalingMode,
    TagPropagation,
    TargetTrackingPolicy,
    capacity_provider_arn,
)

_LIST_PAGE_MAX = 50
"""Source: botocore shape `MaxFiftyListItems`."""


class CapacityProviderOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, capacity_providers: CapacityProviders) -> None:
        self._providers = capacity_providers

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "CreateCapacityProvider": self.create_provider,
            "GetCapacityProvider": self.get_provider,
            "ListCapacityProviders": self.list_providers,
            "UpdateCapacityProvider": self.update_provider,
            "DeleteCapacityProvider": self.delete_provider,
            "ListFunctionVersionsByCapacityProvider": self.list_function_versions,
        }

    async def create_provider(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        vpc, requirements = parameters["VpcConfig"], parameters.get("InstanceRequirements") or {}
        provider = CapacityProvider(
            scope=call.caller.scope,
            name=_new_name(call, parameters["CapacityProviderName"]),
            subnet_ids=tuple(vpc["SubnetIds"]),
            security_group_ids=tuple(vpc["SecurityGroupIds"]),
            operator_role_arn=parameters["PermissionsConfig"]["CapacityProviderOperatorRoleArn"],
            instance_requirements=InstanceRequirements(
                architectures=tuple(requirements.get("Architectures") or ("x86_64",)),
                allowed_types=tuple(requirements.get("AllowedInstanceTypes") or ()),
                excluded_types=tuple(requirements.get("ExcludedInstanceTypes") or ()),
            ),
            kms_key_arn=parameters.get("KmsKeyArn"),
            last_modified_unix_ms=0,
            tags=parameters.get("Tags") or {},
        )
        return {"CapacityProvider": _members(await self._providers.create(provider, _change(parameters)))}

    async def get_provider(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"CapacityProvider": _members(self._providers.get(call.caller.scope, parameters["CapacityProviderName"]))}

    async def list_providers(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        state = parameters.get("State")
        page = paginate(
            self._providers.iter_providers(call.caller.scope, state=None if state is None else CapacityProviderState(state)),
            sort_key=lambda provider: (provider.name,),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        return {"CapacityProviders": [_members(provider) for provider in page.items], "NextMarker": page.next_marker}

    async def update_provider(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        provider = await self._providers.update(call.caller.scope, parameters["CapacityProviderName"], _change(parameters))
        return {"CapacityProvider": _members(provider)}

    async def delete_provider(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"CapacityProvider": _members(await self._providers.delete(call.caller.scope, parameters["CapacityProviderName"]))}

    async def list_function_versions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        provider = self._providers.get(call.caller.scope, parameters["CapacityProviderName"])
        page = paginate(
            self._providers.iter_versions(provider),
            sort_key=version_sort_key,
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        versions = [{"FunctionArn": version.qualified_arn, "State": version.state.value} for version in page.items]
        return {"CapacityProviderArn": provider.arn, "FunctionVersions": versions, "NextMarker": page.next_marker}


def _new_name(call: CallContext, name_or_arn: str) -> str:
    """A new provider may be named by its ARN, too, if that is one of the caller's account and region."""
    name = name_or_arn.rpartition(":")[2]
    if name_or_arn != name and name_or_arn != capacity_provider_arn(call.caller.scope, name):
        raise CapacityProviderNotFound(name_or_arn)
    return name


def _change(parameters: dict[str, Any]) -> CapacityProviderChange:
    scaling = parameters.get("CapacityProviderScalingConfig") or {}
    mode, policies = scaling.get("ScalingMode"), scaling.get("ScalingPolicies")
    logging = (parameters.get("TelemetryConfig") or {}).get("LoggingConfig") or {}
    propagation = parameters.get("PropagateTags") or {}
    return CapacityProviderChange(
        scaling_mode=None if mode is None else ScalingMode(mode),
        max_vcpu_count=scaling.get("MaxVCpuCount"),
        scaling_policies=None if policies is None else tuple(map(_policy, policies)),
        tag_propagation=_tag_propagation(propagation),
        log_group=logging.get("LogGroup"),
        system_log_level=logging.get("SystemLogLevel"),
    )


def _policy(policy: dict[str, Any]) -> TargetTrackingPolicy:
    return TargetTrackingPolicy(policy["PredefinedMetricType"], policy["TargetValue"])


def _tag_propagation(propagation: dict[str, Any]) -> TagPropagation | None:
    """Tags without a mode ask for their propagation."""
    tags = propagation.get("ExplicitTags") or {}
    if not propagation:
        return None
    return TagPropagation(mode=propagation.get("Mode") or ("Explicit" if tags else "None"), explicit_tags=tags)


def _members(provider: CapacityProvider) -> Members:
    return {
        "CapacityProviderArn": provider.arn,
        "State": provider.state.value,
        "VpcConfig": {"SubnetIds": list(provider.subnet_ids), "SecurityGroupIds": list(provider.security_group_ids)},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": provider.operator_role_arn},
        "InstanceRequirements": _requirements(provider.instance_requirements),
        "CapacityProviderScalingConfig": _scaling(provider),
        "KmsKeyArn": provider.kms_key_arn,
        "LastModified": lambda_timestamp(provider.last_modified_unix_ms),
        "PropagateTags": _propagation(provider.tag_propagation),
        "TelemetryConfig": _telemetry(provider),
    }


def _requirements(requirements: InstanceRequirements) -> Members:
    return {
        "Architectures": list(requirements.architectures),
        "AllowedInstanceTypes": list(requirements.allowed_types) or None,
        "ExcludedInstanceTypes": list(requirements.excluded_types) or None,
    }


def _scaling(provider: CapacityProvider) -> Members:
    scaling = provider.scaling
    policies = [{"PredefinedMetricType": policy.metric, "TargetValue": policy.target_percent} for policy in scaling.policies]
    return {"MaxVCpuCount": scaling.max_vcpu_count, "ScalingMode": scaling.mode.value, "ScalingPolicies": policies or None}


def _propagation(propagation: TagPropagation | None) -> Members | None:
    return None if propagation is None else {"Mode": propagation.mode, "ExplicitTags": propagation.explicit_tags or None}


def _telemetry(provider: CapacityProvider) -> Members | None:
    logging = provider.logging
    return None if logging is None else {"LoggingConfig": {"SystemLogLevel": logging.system_level, "LogGroup": logging.log_group}}
