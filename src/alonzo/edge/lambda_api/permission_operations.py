"""The Lambda API's operations on resource policies: of functions, versions and aliases, and of layer versions."""

from typing import Any

from alonzo.edge.lambda_api.function_requests import Parameters
from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.errors import InvalidParameter, NotSupported
from alonzo.functions.layers.policies import LayerPolicies
from alonzo.functions.policies.documents import read_principal, write_policy, write_statement
from alonzo.functions.policies.functions import FunctionPolicies
from alonzo.model.layer import LayerReference, LayerVersionReference
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.policy import Condition, ConditionOperator, Statement

_URL_ACTION = "lambda:InvokeFunctionUrl"


class PermissionOperations:
    """Each method is one operation: an `OperationHandler`. What may go wrong is the policies' to say."""

    def __init__(self, *, function_policies: FunctionPolicies, layer_policies: LayerPolicies) -> None:
        self._functions = function_policies
        self._layers = layer_policies

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "AddPermission": self.add_permission,
            "RemovePermission": self.remove_permission,
            "GetPolicy": self.get_policy,
            "PutResourcePolicy": self.put_resource_policy,
            "GetResourcePolicy": self.get_resource_policy,
            "DeleteResourcePolicy": self.delete_resource_policy,
            "AddLayerVersionPermission": self.add_layer_version_permission,
            "RemoveLayerVersionPermission": self.remove_layer_version_permission,
            "GetLayerVersionPolicy": self.get_layer_version_policy,
        }

    async def add_permission(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _function(call, parameters)
        if parameters.get("FunctionUrlAuthType") and parameters["Action"] != _URL_ACTION:
            raise InvalidParameter(f"FunctionUrlAuthType is only supported for {_URL_ACTION} action")
        statement = Statement(
            sid=parameters["StatementId"],
            principals=(read_principal(parameters["Principal"], reference.scope.partition),),
            actions=(parameters["Action"],),
            resources=(reference.arn,),
            conditions=_conditions(parameters),
        )
        await self._functions.add_statement(reference, statement, revision_id=parameters.get("RevisionId"))
        return {"Statement": write_statement(statement)}

    async def remove_permission(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._functions.remove_statement(
            _function(call, parameters), parameters["StatementId"], revision_id=parameters.get("RevisionId")
        )
        return {}

    async def get_policy(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        policy = self._functions.get(_function(call, parameters))
        return {"Policy": write_policy(policy), "RevisionId": policy.revision_id}

    async def put_resource_policy(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        policy = await self._functions.put(
            _policy_resource(call, parameters), parameters["Policy"], revision_id=parameters.get("RevisionId")
        )
        return {"Policy": write_policy(policy), "RevisionId": policy.revision_id}

    async def get_resource_policy(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        policy = self._functions.get(_policy_resource(call, parameters))
        return {"Policy": write_policy(policy), "RevisionId": policy.revision_id}

    async def delete_resource_policy(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._functions.delete(_policy_resource(call, parameters), revision_id=parameters.get("RevisionId"))
        return {}

    async def add_layer_version_permission(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _layer_version(call, parameters)
        organization_id = parameters.get("OrganizationId")
        statement = Statement(
            sid=parameters["StatementId"],
            principals=(read_principal(parameters["Principal"], reference.layer.scope.partition),),
            actions=(parameters["Action"],),
            resources=(reference.arn,),
            conditions=_string_equals("aws:PrincipalOrgID", organization_id),
        )
        policy = await self._layers.add_statement(reference, statement, caller=call.caller.scope, revision_id=parameters.get("RevisionId"))
        return {"Statement": write_statement(statement), "RevisionId": policy.revision_id}

    async def remove_layer_version_permission(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._layers.remove_statement(
            _layer_version(call, parameters),
            parameters["StatementId"],
            caller=call.caller.scope,
            revision_id=parameters.get("RevisionId"),
        )
        return {}

    async def get_layer_version_policy(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        policy = self._layers.get(_layer_version(call, parameters), caller=call.caller.scope)
        return {"Policy": write_policy(policy), "RevisionId": policy.revision_id}


def _function(call: CallContext, parameters: Parameters) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters.get("Qualifier"), call.caller.scope)


def _policy_resource(call: CallContext, parameters: Parameters) -> FunctionReference:
    """The model also allows `runtime/…`, of which the documentation of these operations says nothing."""
    arn: str = parameters["ResourceArn"]
    if ":function:" not in arn:
        raise NotSupported("resource policies of runtimes")
    return refer_to_function(arn, None, call.caller.scope)


def _layer_version(call: CallContext, parameters: Parameters) -> LayerVersionReference:
    return LayerVersionReference(LayerReference.of(parameters["LayerName"], call.caller.scope), parameters["VersionNumber"])


def _conditions(parameters: Parameters) -> tuple[Condition, ...]:
    """The keys are spelled as AWS spells them. Source: recorded, and for the URL https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"""
    via_url = parameters.get("InvokedViaFunctionUrl")
    source_arn = parameters.get("SourceArn")
    return (
        *_string_equals("lambda:FunctionUrlAuthType", parameters.get("FunctionUrlAuthType")),
        *_string_equals("aws:PrincipalOrgID", parameters.get("PrincipalOrgID")),
        *_string_equals("AWS:SourceAccount", parameters.get("SourceAccount")),
        *_string_equals("lambda:EventSourceToken", parameters.get("EventSourceToken")),
        *_condition(ConditionOperator.BOOL, "lambda:InvokedViaFunctionUrl", None if via_url is None else str(via_url).lower()),
        *_condition(ConditionOperator.ARN_LIKE, "AWS:SourceArn", source_arn),
    )


def _string_equals(key: str, value: str | None) -> tuple[Condition, ...]:
    return _condition(ConditionOperator.STRING_EQUALS, key, value)


def _condition(operator: ConditionOperator, key: str, value: str | None) -> tuple[Condition, ...]:
    return (Condition(operator=operator, key=key, values=(value,)),) if value else ()
