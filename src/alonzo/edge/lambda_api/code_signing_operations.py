"""The Lambda API's operations on code signing configurations."""

from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.lambda_api.timestamps import lambda_timestamp
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.code.signing import CodeSigning, CodeSigningChange
from alonzo.model.code_signing import CodeSigningConfig, UntrustedArtifactPolicy
from alonzo.model.names import FunctionReference, refer_to_function

_LIST_PAGE_MAX = 10_000
"""Source: botocore, ListCodeSigningConfigs ("A request returns up to 10,000 configurations per call")."""


class CodeSigningOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, code_signing: CodeSigning) -> None:
        self._code_signing = code_signing

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "CreateCodeSigningConfig": self.create_config,
            "GetCodeSigningConfig": self.get_config,
            "ListCodeSigningConfigs": self.list_configs,
            "UpdateCodeSigningConfig": self.update_config,
            "DeleteCodeSigningConfig": self.delete_config,
            "ListFunctionsByCodeSigningConfig": self.list_functions,
            "PutFunctionCodeSigningConfig": self.put_function_config,
            "GetFunctionCodeSigningConfig": self.get_function_config,
            "DeleteFunctionCodeSigningConfig": self.delete_function_config,
        }

    async def create_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        config = await self._code_signing.create(call.caller.scope, _change(parameters), tags=parameters.get("Tags"))
        return {"CodeSigningConfig": _members(config)}

    async def get_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"CodeSigningConfig": _members(self._code_signing.get(call.caller.scope, parameters["CodeSigningConfigArn"]))}

    async def list_configs(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._code_signing.iter_configs(call.caller.scope),
            sort_key=lambda config: (config.config_id,),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        return {"CodeSigningConfigs": [_members(config) for config in page.items], "NextMarker": page.next_marker}

    async def update_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        config = await self._code_signing.update(call.caller.scope, parameters["CodeSigningConfigArn"], _change(parameters))
        return {"CodeSigningConfig": _members(config)}

    async def delete_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._code_signing.delete(call.caller.scope, parameters["CodeSigningConfigArn"])
        return {}

    async def list_functions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._code_signing.iter_function_arns(call.caller.scope, parameters["CodeSigningConfigArn"]),
            sort_key=lambda arn: (arn,),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        return {"FunctionArns": list(page.items), "NextMarker": page.next_marker}

    async def put_function_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference, arn = _reference(call, parameters), parameters["CodeSigningConfigArn"]
        await self._code_signing.attach(reference, arn)
        return {"CodeSigningConfigArn": arn, "FunctionName": reference.name}

    async def get_function_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        arn = self._code_signing.find_attached(reference)
        return {} if arn is None else {"CodeSigningConfigArn": arn, "FunctionName": reference.name}

    async def delete_function_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._code_signing.detach(_reference(call, parameters))
        return {}


def _reference(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], None, call.caller.scope)


def _change(parameters: dict[str, Any]) -> CodeSigningChange:
    publishers = parameters.get("AllowedPublishers")
    policy = (parameters.get("CodeSigningPolicies") or {}).get("UntrustedArtifactOnDeployment")
    return CodeSigningChange(
        description=parameters.get("Description"),
        signing_profile_version_arns=None if publishers is None else tuple(publishers["SigningProfileVersionArns"]),
        policy=None if policy is None else UntrustedArtifactPolicy(policy),
    )


def _members(config: CodeSigningConfig) -> Members:
    return {
        "CodeSigningConfigId": config.config_id,
        "CodeSigningConfigArn": config.arn,
        "Description": config.description,
        "AllowedPublishers": {"SigningProfileVersionArns": list(config.signing_profile_version_arns)},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy.value},
        "LastModified": lambda_timestamp(config.last_modified_unix_ms),
    }
