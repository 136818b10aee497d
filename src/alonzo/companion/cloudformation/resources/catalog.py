"""Which provider makes resources of a type."""

from functools import cache

from alonzo.companion.cloudformation.resources.alarms import alarm_providers
from alonzo.companion.cloudformation.resources.bucket import bucket_providers
from alonzo.companion.cloudformation.resources.custom_resource import CustomResourceProvider
from alonzo.companion.cloudformation.resources.events import event_providers
from alonzo.companion.cloudformation.resources.http_api import http_api_providers
from alonzo.companion.cloudformation.resources.iam import iam_providers
from alonzo.companion.cloudformation.resources.lambda_resources import lambda_providers
from alonzo.companion.cloudformation.resources.logs import log_providers
from alonzo.companion.cloudformation.resources.messaging import messaging_providers
from alonzo.companion.cloudformation.resources.moto_model import find_model
from alonzo.companion.cloudformation.resources.provider import Provider
from alonzo.companion.cloudformation.resources.rest_api import rest_api_providers
from alonzo.companion.cloudformation.resources.settings import settings_providers
from alonzo.companion.cloudformation.resources.stack_resources import stack_providers
from alonzo.companion.cloudformation.resources.state_machine import StateMachineProvider
from alonzo.companion.cloudformation.resources.table import TableProvider


@cache
def find_provider(kind: str) -> Provider | None:
    """None if resources of this type cannot be made here."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return CustomResourceProvider()
    return _providers().get(kind) or find_model(kind)


@cache
def _providers() -> dict[str, Provider]:
    return {
        **lambda_providers(),
        **stack_providers(),
        **alarm_providers(),
        **bucket_providers(),
        **event_providers(),
        **http_api_providers(),
        **iam_providers(),
        **log_providers(),
        **messaging_providers(),
        **rest_api_providers(),
        **settings_providers(),
        "AWS::DynamoDB::Table": TableProvider(),
        "AWS::StepFunctions::StateMachine": StateMachineProvider(),
    }
