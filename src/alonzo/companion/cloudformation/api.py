"""CloudFormation's API: requests as moto has parsed them, answers that it writes, and `Stacks` between them."""

import json
import uuid
from typing import Any

from moto.cloudformation.models import cloudformation_backends
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.core.utils import camelcase_to_underscores

from alonzo.companion.cloudformation.answers import (
    change_of,
    describe_change_set,
    describe_stack,
    event_of,
    resource_detail,
    summarize_resource,
    summarize_stack,
    summarize_template,
)
from alonzo.companion.cloudformation.errors import ValidationError
from alonzo.companion.cloudformation.records import ChangeSet, Options, Source, Stack, StackResource
from alonzo.companion.cloudformation.stacks import Stacks
from alonzo.companion.cloudformation.template_urls import fetch_template
from alonzo.companion.cloudformation.templates import check_template, parse_template
from alonzo.companion.cloudformation.transforms import transforms_of

_PAGE = 100
_NAME_MAX = 128


class StacksApi(BaseResponse):
    """One request."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    @property
    def stacks(self) -> Stacks:
        """Of the caller's account and region."""
        found: Any = cloudformation_backends[self.current_account][self.region]
        assert isinstance(found, Stacks)
        return found

    def create_stack(self) -> ActionResult:
        name, options = self._stack_name(), self._options()
        source = self.stacks.source_of(self._body(), self._parameters(None), options, of_change_set=False)
        stack = self.stacks.create(
            name,
            source,
            options,
            is_protected=bool(self._get_param("EnableTerminationProtection")),
            policy=self._get_param("StackPolicyBody"),
        )
        return ActionResult({"StackId": stack.id})

    def update_stack(self) -> ActionResult:
        stack = self._stack()
        options = self._options(stack)
        source = self.stacks.source_of(self._body(stack), self._parameters(stack), options, of_change_set=False)
        self.stacks.update(stack, source, options)
        return ActionResult({"StackId": stack.id})

    def delete_stack(self) -> ActionResult:
        stack = self.stacks.find(self._get_param("StackName"))
        if stack is not None:
            self.stacks.delete(stack, frozenset(self._get_param("RetainResources", [])))
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        found = [self.stacks.get(name)] if name else [stack for stack in self.stacks.all() if stack.status != "DELETE_COMPLETE"]
        page, token = self._page(found)
        return ActionResult({"Stacks": [describe_stack(stack) for stack in page], "NextToken": token})

    def list_stacks(self) -> ActionResult:
        statuses = self._get_param("StackStatusFilter", [])
        page, token = self._page([stack for stack in self.stacks.all() if not statuses or stack.status in statuses])
        return ActionResult({"StackSummaries": [summarize_stack(stack) for stack in page], "NextToken": token})

    def describe_stack_events(self) -> ActionResult:
        stack = self._stack()
        page, token = self._page([*reversed(stack.events)])
        return ActionResult({"StackEvents": [event_of(stack, event) for event in page], "NextToken": token})

    def describe_stack_resource(self) -> ActionResult:
        stack = self._stack()
        return ActionResult({"StackResourceDetail": resource_detail(stack, self._resource(stack, self._get_param("LogicalResourceId")))})

    def describe_stack_resources(self) -> ActionResult:
        physical_id, logical_id = self._get_param("PhysicalResourceId"), self._get_param("LogicalResourceId")
        stack = self._stack() if self._get_param("StackName") else self._stack_with(physical_id)
        found = [self._resource(stack, logical_id)] if logical_id else [*stack.resources.values()]
        return ActionResult({"StackResources": [resource_detail(stack, resource) for resource in found]})

    def list_stack_resources(self) -> ActionResult:
        page, token = self._page([*self._stack().resources.values()])
        return ActionResult({"StackResourceSummaries": [summarize_resource(resource) for resource in page], "NextToken": token})

    def get_template(self) -> ActionResult:
        name = self._get_param("ChangeSetName")
        source = self._change_set().source if name else self._stack().source
        if source is None:
            return ActionResult({"TemplateBody": "", "StagesAvailable": ["Original", "Processed"]})
        is_processed = self._get_param("TemplateStage", "Original") == "Processed"
        body = json.dumps(source.template) if is_processed else source.body
        return ActionResult({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        name = self._get_param("StackName")
        return ActionResult(summarize_template(parse_template(self._body(self._stack() if name else None))))

    def validate_template(self) -> ActionResult:
        template = parse_template(self._body())
        if not transforms_of(template):
            check_template(template)
        summary = summarize_template(template)
        parameters = [
            {key: parameter[key] for key in ("ParameterKey", "DefaultValue", "NoEcho", "Description") if key in parameter}
            for parameter in summary["Parameters"]
        ]
        return ActionResult(
            {
                "Description": summary.get("Description"),
                "Parameters": parameters,
                "Capabilities": summary["Capabilities"],
                "DeclaredTransforms": summary["DeclaredTransforms"],
            }
        )

    def create_change_set(self) -> ActionResult:
        stack_name, kind = self._stack_name(), self._get_param("ChangeSetType", "UPDATE")
        if kind not in {"CREATE", "UPDATE"}:
            raise ValidationError(f"Alonzo does not make change sets of type {kind}.")
        stack = self.stacks.find(stack_name)
        options = self._options(stack)
        name = self._get_param("ChangeSetName")
        change_set = ChangeSet(
            id=f"arn:aws:cloudformation:{self.region}:{self.current_account}:changeSet/{name}/{uuid.uuid4()}",
            name=name,
            stack_id="",
            kind=kind,
            source=None,
            options=options,
            description=self._get_param("Description"),
            status="CREATE_PENDING",
            execution_status="UNAVAILABLE",
        )

        def source() -> Source:
            return self.stacks.source_of(self._body(stack), self._parameters(stack), options, of_change_set=True)

        self.stacks.add_change_set(stack_name.split("/")[1] if stack_name.startswith("arn:") else stack_name, change_set, source)
        return ActionResult({"Id": change_set.id, "StackId": change_set.stack_id})

    def describe_change_set(self) -> ActionResult:
        change_set = self._change_set()
        page, token = self._page(change_set.changes)
        stack = self.stacks.get(change_set.stack_id)
        return ActionResult({**describe_change_set(change_set, stack), "Changes": [change_of(each) for each in page], "NextToken": token})

    def list_change_sets(self) -> ActionResult:
        stack = self._stack()
        found = [describe_change_set(each, stack) for each in self.stacks.sets.values() if each.stack_id == stack.id]
        return ActionResult({"Summaries": found})

    def delete_change_set(self) -> ActionResult:
        change_set = self._change_set()
        del self.stacks.sets[change_set.id]
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        change_set = self._change_set()
        if self._get_param("DisableRollback"):
            change_set.options.on_failure = "DO_NOTHING"
        change_set.options.client_token = self._get_param("ClientRequestToken")
        self.stacks.execute(change_set)
        return EmptyResult()

    def list_exports(self) -> ActionResult:
        found = [
            {"ExportingStackId": stack.id, "Name": output.export_name, "Value": output.value}
            for stack in self.stacks.all()
            for output in stack.outputs
            if output.export_name is not None
        ]
        page, token = self._page(sorted(found, key=lambda export: str(export["Name"])))
        return ActionResult({"Exports": page, "NextToken": token})

    def list_imports(self) -> ActionResult:
        name = self._get_param("ExportName")
        users = [stack.name for stack in self.stacks.all() if name in stack.imports and stack.status != "DELETE_COMPLETE"]
        if not users:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        return ActionResult({"Imports": users})

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack()
        stack.is_protected = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.id})

    def get_stack_policy(self) -> ActionResult:
        return ActionResult({"StackPolicyBody": self._stack().policy})

    def set_stack_policy(self) -> ActionResult:
        self._stack().policy = self._get_param("StackPolicyBody")
        return EmptyResult()

    def _stack_name(self) -> str:
        name = str(self._get_param("StackName"))
        plain = name.split("/")[1] if name.startswith("arn:") else name
        if not plain[:1].isalpha() or not plain.replace("-", "").isalnum() or len(plain) > _NAME_MAX:
            raise ValidationError(
                f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular "
                "expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
            )
        return name

    def _stack(self) -> Stack:
        name = self._get_param("StackName")
        stack = self.stacks.find(name)
        if stack is None:
            raise ValidationError(f"Stack [{name}] does not exist")
        return stack

    def _stack_with(self, physical_id: str | None) -> Stack:
        for stack in self.stacks.all():
            if stack.status != "DELETE_COMPLETE" and any(resource.physical_id == physical_id for resource in stack.resources.values()):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")

    def _resource(self, stack: Stack, logical_id: str) -> StackResource:
        if logical_id not in stack.resources:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {stack.name}")
        return stack.resources[logical_id]

    def _change_set(self) -> ChangeSet:
        return self.stacks.get_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))

    def _body(self, stack: Stack | None = None) -> str:
        body, url, takes_previous = (self._get_param(name) for name in ("TemplateBody", "TemplateURL", "UsePreviousTemplate"))
        if body and url:
            raise ValidationError("Template URL and Template Body cannot be specified at the same time.")
        if body:
            return str(body)
        if url:
            return fetch_template(str(url), clients=self.stacks.clients, account_id=self.current_account, region=self.region)
        if stack is not None and stack.source is not None and (takes_previous or self._get_param("StackName")):
            return stack.source.body
        raise ValidationError("Either Template URL or Template Body must be specified.")

    def _parameters(self, stack: Stack | None) -> dict[str, str]:
        before = {} if stack is None or stack.source is None else stack.source.parameters
        given = {}
        for parameter in self._get_param("Parameters", []):
            key = parameter["ParameterKey"]
            if parameter.get("UsePreviousValue"):
                if key not in before:
                    raise ValidationError(f"Parameters: [{key}] must have values")
                given[key] = before[key]
            else:
                given[key] = parameter.get("ParameterValue", "")
        return given

    def _options(self, before: Stack | None = None) -> Options:
        tags = self._get_param("Tags")
        on_failure = self._get_param("OnStackFailure") or self._get_param("OnFailure") or "ROLLBACK"
        return Options(
            tags=(before.options.tags if before and tags is None else {tag["Key"]: tag["Value"] for tag in tags or ()}),
            capabilities=list(self._get_param("Capabilities", [])),
            notification_arns=list(self._get_param("NotificationARNs", before.options.notification_arns if before else [])),
            role_arn=self._get_param("RoleARN"),
            on_failure="DO_NOTHING" if self._get_param("DisableRollback") else on_failure,
            timeout_minutes=self._get_param("TimeoutInMinutes"),
            client_token=self._get_param("ClientRequestToken"),
        )

    def _page(self, found: list[Any]) -> tuple[list[Any], str | None]:
        token = self._get_param("NextToken")
        start = int(token) if token and str(token).isdigit() else 0
        return found[start : start + _PAGE], str(start + _PAGE) if len(found) > start + _PAGE else None

    def call_action(self) -> Any:
        """moto's, but for what is not here: it is refused in a way that clients read."""
        if not hasattr(type(self), camelcase_to_underscores(self._get_action() or "")):
            refusal = ValidationError(f"Alonzo's CloudFormation has no {self._get_action()}.")
            status, headers, body = self.serialized(ActionResult(refusal))
            return status, {**headers, "status": status}, body
        return super().call_action()
