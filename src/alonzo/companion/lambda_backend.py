"""moto's Lambda, replaced: what moto's other services ask of it goes to the node.

Its services find it through `moto.awslambda.models.lambda_backends` and look functions up before they invoke them, so a function is
something that can be looked up and invoked, and has nothing else. Services that push events do not wait for what becomes of them, as on
AWS: such events go through the node's durable queue (`InvocationType=Event`).
"""

from typing import Any

import botocore.exceptions
import moto.awslambda.models as moto_lambda
from moto.awslambda.exceptions import LambdaClientError, UnknownFunctionException

from alonzo.companion.functions import Functions
from alonzo.companion.secret_rotation import RotationStepFailed, step_of


class InvokedFunction:
    """A function of the node, as far as moto's services use one."""

    def __init__(self, *, client: Any, configuration: dict[str, Any], qualifier: str | None) -> None:
        self._client = client
        self._configuration = configuration
        self._qualifier = qualifier

    @property
    def function_arn(self) -> str:
        """Its ARN, qualified if it was looked up so."""
        return str(self._configuration["FunctionArn"])

    @property
    def function_name(self) -> str:
        """Its name."""
        return str(self._configuration["FunctionName"])

    @property
    def role(self) -> str:
        """The ARN of its execution role."""
        return str(self._configuration["Role"])

    def invoke(self, body: Any, headers: Any, response_headers: Any) -> bytes:
        """Have the node accept the event; moto's callers do not look at what is returned."""
        payload = body.encode() if isinstance(body, str) else body
        name = self.function_arn if self._qualifier is None else self.function_name
        parameters = {} if self._qualifier is None else {"Qualifier": self._qualifier}
        self._client.invoke(FunctionName=name, InvocationType="Event", Payload=payload, **parameters)
        return b""

    def take_step(self, body: bytes) -> bytes:
        """Invoke it and wait for its answer. Raises RotationStepFailed with its error."""
        answer = self._client.invoke(FunctionName=self.function_arn, Payload=body)
        payload: bytes = answer["Payload"].read()
        if "FunctionError" in answer:
            raise RotationStepFailed(payload.decode("utf-8", "replace"))
        return payload


def replace_lambda(functions: Functions) -> None:
    """Have moto's services use the functions of the node. To be called before the first of them does."""

    class NodeFunctions(moto_lambda.LambdaBackend):
        """Of one account and region."""

        def __init__(self, region_name: str, account_id: str) -> None:
            super().__init__(region_name, account_id)
            self._lambdas: Any = _Storage(functions, account_id, region_name)

        def get_function(self, function_name_or_arn: str, qualifier: str | None = None) -> Any:
            return self._lambdas.get_function_by_name_or_arn_with_qualifier(function_name_or_arn, qualifier)

        def invoke(self, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any) -> bytes:
            """Lambda's own operation: Secrets Manager's rotation takes a step when the one before is done."""
            step = step_of(body, account_id=self.account_id, region=self.region_name)
            return bytes(self.get_function(function_name, qualifier).take_step(step))

    moto_lambda.lambda_backends.backend = NodeFunctions


class _Storage:
    """In the place of moto's store of functions."""

    def __init__(self, functions: Functions, account_id: str, region: str) -> None:
        self._functions = functions
        self._account_id = account_id
        self._region = region

    def get_function_by_name_or_arn_with_qualifier(self, name_or_arn: str, qualifier: str | None = None) -> InvokedFunction:
        """Raises moto's error for a function that is not there."""
        account_id, region = _place(name_or_arn) or (self._account_id, self._region)
        client = self._functions.client(account_id, region)
        parameters = {} if qualifier is None else {"Qualifier": qualifier}
        try:
            configuration = client.get_function_configuration(FunctionName=name_or_arn, **parameters)
        except client.exceptions.ResourceNotFoundException as error:
            raise UnknownFunctionException(name_or_arn) from error
        except botocore.exceptions.ClientError as error:
            raise LambdaClientError(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error
        return InvokedFunction(client=client, configuration=configuration, qualifier=qualifier)

    def get_arn(self, arn: str) -> InvokedFunction | None:
        """As above; None for a function that is not there."""
        try:
            return self.get_function_by_name_or_arn_with_qualifier(arn)
        except UnknownFunctionException:
            return None


def _place(name_or_arn: str) -> tuple[str, str] | None:
    """Account and region of an ARN."""
    elements = name_or_arn.split(":")
    return (elements[4], elements[3]) if elements[0] == "arn" and len(elements) > 6 else None  # noqa: PLR2004 - those of an ARN
