"""A stack on its way to a server: created or updated through a change set, with its events as progress."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alonzo.deployment.errors import StackFailed
from alonzo.deployment.project import Report
from alonzo.deployment.uploads import Uploads

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_BODY_MAX_BYTES = 51_200
"""Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html, TemplateBody."""
_UNUSABLE = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
"""States of a stack whose creation has failed: it can only be deleted."""
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_THERE_ALREADY = "already exist"
_LEFT_BEHIND = (
    "it may be left from a stack that was forgotten when an earlier server ended: functions are kept, stacks only with "
    "`alonzo up --persist`; delete it (aws lambda delete-function) or give it another name"
)
_POLL_SECONDS, _POLL_MAX_SECONDS = 0.05, 1.0
_WAIT_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class StackResource:
    """What a resource has become."""

    logical_id: str
    physical_id: str
    type: str


class Stacks:
    """Speaks to one server. What it refuses comes as botocore's ClientError."""

    def __init__(self, *, create_client: Callable[[str], Any], uploads: Uploads, report: Report) -> None:
        self._cloudformation = create_client("cloudformation")
        self._uploads = uploads
        self._report = report

    def deploy(self, name: str, template: str, *, template_key: str, parameters: dict[str, str]) -> bool:
        """Have the stack be as the template says; whether that changed anything. `StackFailed` with the reasons of the resources.

        `template_key` names the template's content, for one that is too large for a request.
        """
        stack = self._find(name)
        if stack is not None and stack["StackStatus"] in _UNUSABLE:
            self._report(f"stack {name} could not be created earlier ({stack['StackStatus']}); deleting it first")
            self._delete(name)
            stack = None
        is_new = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        known = {event["EventId"] for event in self._events(name)} if stack is not None else set()
        change_set = self._create_change_set(name, template, template_key, parameters, is_new=is_new)
        if not self._is_executable(name, change_set):
            return False
        self._cloudformation.execute_change_set(ChangeSetName=change_set, StackName=name)
        self._follow(name, known)
        return True

    def outputs(self, name: str) -> list[tuple[str, str, str]]:
        """Key, value and description of each output."""
        stack = self._find(name) or {}
        return [(item["OutputKey"], item["OutputValue"], item.get("Description", "")) for item in stack.get("Outputs", [])]

    def resources(self, name: str) -> list[StackResource]:
        """What the stack consists of by now."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        items = (item for page in pages for item in page["StackResourceSummaries"])
        return [StackResource(item["LogicalResourceId"], item.get("PhysicalResourceId", ""), item["ResourceType"]) for item in items]

    def _create_change_set(self, name: str, template: str, key: str, parameters: dict[str, str], *, is_new: bool) -> str:
        body = {"TemplateBody": template}
        if len(template.encode()) > _BODY_MAX_BYTES:
            _, key = self._uploads.put(template.encode(), key)
            body = {"TemplateURL": self._uploads.url_of(key)}
        answer = self._cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"alonzo-{time.time_ns()}",
            ChangeSetType="CREATE" if is_new else "UPDATE",
            Capabilities=_CAPABILITIES,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            **body,
        )
        return str(answer["Id"])

    def _is_executable(self, name: str, change_set: str) -> bool:
        """Whether there is something to change. `StackFailed`: the template is refused."""
        for state in _states(lambda: self._cloudformation.describe_change_set(ChangeSetName=change_set, StackName=name)):
            if state["Status"].endswith("_COMPLETE"):
                return True
            if state["Status"] == "FAILED":
                reason = state.get("StatusReason") or "no reason is given"
                self._cloudformation.delete_change_set(ChangeSetName=change_set, StackName=name)
                if any(text in reason for text in _UNCHANGED):
                    return False
                raise StackFailed(f"stack {name}: {reason}")
        raise StackFailed(f"the change set of stack {name} is not ready after {_WAIT_SECONDS:.0f} s")

    def _follow(self, name: str, known: set[str]) -> None:
        reasons: list[str] = []
        for stack in _states(lambda: self._find(name) or {"StackStatus": "DELETE_COMPLETE"}):
            for event in reversed(self._events(name)):
                if event["EventId"] not in known:
                    known.add(event["EventId"])
                    self._report_event(name, event, reasons)
            status = stack["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                if status in _GOOD:
                    return
                details = "".join(f"\n  {reason}" for reason in reasons) or f" {stack.get('StackStatusReason', '')}"
                if any(_THERE_ALREADY in reason for reason in reasons):
                    details += f"\n{_LEFT_BEHIND}"
                raise StackFailed(f"stack {name} ended as {status}:{details}")
        raise StackFailed(f"stack {name} is not ready after {_WAIT_SECONDS:.0f} s")

    def _report_event(self, name: str, event: dict[str, Any], reasons: list[str]) -> None:
        status, logical_id = event["ResourceStatus"], event["LogicalResourceId"]
        reason = event.get("ResourceStatusReason", "")
        if logical_id == name:
            return
        if status.endswith("_FAILED"):
            reasons.append(f"{logical_id} ({event['ResourceType']}): {reason}")
        if not status.endswith("_IN_PROGRESS"):
            self._report(f"  {status} {logical_id} ({event['ResourceType']}){f': {reason}' if reason else ''}")

    def _delete(self, name: str) -> None:
        self._cloudformation.delete_stack(StackName=name)
        for stack in _states(lambda: self._find(name)):
            if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
                return
            if stack["StackStatus"] == "DELETE_FAILED":
                break
        raise StackFailed(f"stack {name} cannot be deleted: {(stack or {}).get('StackStatusReason', 'it takes too long')}")

    def _find(self, name: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            stacks = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return next((stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"), None)

    def _events(self, name: str) -> list[dict[str, Any]]:
        """The newest first."""
        return list(self._cloudformation.describe_stack_events(StackName=name)["StackEvents"])


def _states(ask: Callable[[], Any]) -> Any:
    """What is answered, again and again, for half an hour at most."""
    deadline, pause_seconds = time.monotonic() + _WAIT_SECONDS, _POLL_SECONDS
    while time.monotonic() < deadline:
        yield ask()
        time.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, _POLL_MAX_SECONDS)
