"""Stacks and change sets of one account and region: what the operations of CloudFormation's API do.

Operations on stacks end in a thread of their own; who asks sees how far it is.
"""

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import moto.cloudformation.urls as moto_urls
from moto.cloudformation.models import CloudFormationBackend

from alonzo.companion.cloudformation.changes import changes_of
from alonzo.companion.cloudformation.clients import Clients
from alonzo.companion.cloudformation.deployment import Deployment
from alonzo.companion.cloudformation.errors import (
    AlreadyExists,
    ChangeSetNotFound,
    InsufficientCapabilities,
    InvalidChangeSetStatus,
    ValidationError,
)
from alonzo.companion.cloudformation.ordering import in_order, needs_of
from alonzo.companion.cloudformation.parameters import resolve_parameters
from alonzo.companion.cloudformation.records import ChangeSet, Options, Source, Stack, now
from alonzo.companion.cloudformation.references import stored_parameter
from alonzo.companion.cloudformation.templates import check_template, parse_template
from alonzo.companion.cloudformation.transforms import transform, transforms_of

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
_INTERRUPTED = "The process that made it was ended."
_NAMED_IAM = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
_IAM = frozenset({*_NAMED_IAM, "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition"})
_DELETED_MAX = 1_000

_log = logging.getLogger(__name__)


class Threads:
    """The operations that are under way, by stack. Ended with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_stacks: dict[str, threading.Thread] = {}

    def start(self, stack: Stack, work: Callable[[], None]) -> None:
        """Have it done."""

        def do() -> None:
            try:
                work()
            except Exception as error:
                _log.exception("the operation on %s failed unexpectedly", stack.id)
                stack.set_status(_failed(stack.status), f"Internal failure: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    del self._of_stacks[stack.id]

        thread = threading.Thread(target=do, name=f"stack {stack.name}", daemon=True)
        with self._lock:
            self._of_stacks[stack.id] = thread
        thread.start()

    def has(self, stack: Stack) -> bool:
        """Whether something is being done with a stack."""
        with self._lock:
            return stack.id in self._of_stacks


class Stacks(CloudFormationBackend):
    """moto's backend for CloudFormation, with stacks of ours. `clients` and `threads` are set before the first is made."""

    clients: ClassVar[Clients]
    threads: ClassVar[Threads]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.of_ids: dict[str, Stack] = {}
        self.sets: dict[str, ChangeSet] = {}

    @property
    def _url_module(self) -> Any:
        return moto_urls

    def all(self) -> list[Stack]:
        """Newest first, with those that are deleted."""
        for stack in self.of_ids.values():
            if stack.is_busy and not self.threads.has(stack) and stack.is_busy:  # it may have ended between the two
                stack.set_status(_failed(stack.status), _INTERRUPTED)
        return sorted(self.of_ids.values(), key=lambda stack: stack.created_at, reverse=True)

    def find(self, name_or_id: str) -> Stack | None:
        """By id, or by name if it is not deleted."""
        for stack in self.all():
            if stack.id == name_or_id or (stack.name == name_or_id and stack.status != "DELETE_COMPLETE"):
                return stack
        return None

    def get(self, name_or_id: str) -> Stack:
        """As above. Raises ValidationError."""
        stack = self.find(name_or_id)
        if stack is None:
            raise ValidationError(f"Stack with id {name_or_id} does not exist")
        return stack

    def source_of(self, body: str, given: dict[str, str], options: Options, *, of_change_set: bool) -> Source:
        """Of a template and its parameters. Raises ValidationError, InsufficientCapabilities."""
        written = parse_template(body)
        if transforms_of(written) and not of_change_set and "CAPABILITY_AUTO_EXPAND" not in options.capabilities:
            raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
        texts, values = resolve_parameters(written, given, find_stored=self._find_stored)
        template = transform(written, parameters=values, region=self.region_name) if transforms_of(written) else written
        check_template(template)
        needs = needs_of(template)
        in_order([*needs], lambda name: needs[name])
        texts, values = resolve_parameters(template, given, find_stored=self._find_stored)
        _check_capabilities(template, options)
        return Source(body=body, template=template, parameters=texts, values=values)

    def create(self, name: str, source: Source, options: Options, *, is_protected: bool, policy: str | None) -> Stack:
        """Begin to make a stack. Raises AlreadyExists."""
        if self.find(name) is not None:
            raise AlreadyExists(f"Stack [{name}] already exists")
        stack = self._new_stack(name, options)
        stack.is_protected, stack.policy, stack.source = is_protected, policy, source
        self._begin_create(stack)
        return stack

    def update(self, stack: Stack, source: Source, options: Options) -> None:
        """Begin to change a stack. Raises ValidationError if it cannot be, or if there is nothing to change."""
        _check_updatable(stack)
        if not changes_of(stack, source, options, self.clients, self.find_export):
            raise ValidationError("No updates are to be performed.")
        self._begin_update(stack, source, options)

    def delete(self, stack: Stack, retained: frozenset[str]) -> None:
        """Begin to delete a stack. Raises ValidationError."""
        if stack.status in {"DELETE_COMPLETE", "DELETE_IN_PROGRESS"}:
            return
        if stack.is_protected:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.is_busy:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
        for output in stack.outputs:
            users = [other.name for other in self.all() if output.export_name in other.imports and other.status != "DELETE_COMPLETE"]
            if users:
                raise ValidationError(f"Export {output.export_name} cannot be deleted as it is in use by {' and '.join(sorted(users))}")
        for change_set in [each for each in self.sets.values() if each.stack_id == stack.id]:
            del self.sets[change_set.id]
        stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        self.threads.start(stack, lambda: self._deployment(stack).delete(retained))
        self._forget_deleted()

    def add_change_set(self, stack_name: str, change_set: ChangeSet, make_source: Callable[[], Source]) -> ChangeSet:
        """Compute what it would do. Raises AlreadyExists, ValidationError."""
        stack = self.find(stack_name)
        if change_set.kind == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise ValidationError(
                    f"Stack [{stack_name}] already exists and cannot be created again with the changeSet [{change_set.name}]."
                )
        elif stack is None or stack.status == "REVIEW_IN_PROGRESS":
            raise ValidationError(f"Stack [{stack_name}] does not exist")
        else:
            _check_updatable(stack)
        if stack is not None and any(each.stack_id == stack.id and each.name == change_set.name for each in self.sets.values()):
            raise AlreadyExists(f"ChangeSet {change_set.name} already exists for stack {stack_name}")
        source = make_source()
        if stack is None:
            stack = self._new_stack(stack_name, change_set.options)
            stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
        change_set.stack_id, change_set.source = stack.id, source
        change_set.changes = changes_of(stack, source, change_set.options, self.clients, self.find_export)
        if change_set.changes:
            change_set.status, change_set.execution_status = "CREATE_COMPLETE", "AVAILABLE"
        else:
            change_set.status, change_set.execution_status, change_set.reason = "FAILED", "UNAVAILABLE", NO_CHANGES
        self.sets[change_set.id] = change_set
        return change_set

    def get_change_set(self, name_or_id: str, stack_name: str | None) -> ChangeSet:
        """Raises ChangeSetNotFound."""
        stack = self.find(stack_name) if stack_name else None
        for change_set in self.sets.values():
            if change_set.id == name_or_id or (change_set.name == name_or_id and stack is not None and change_set.stack_id == stack.id):
                return change_set
        raise ChangeSetNotFound(f"ChangeSet [{name_or_id}] does not exist")

    def execute(self, change_set: ChangeSet) -> None:
        """Begin to carry it out. Raises InvalidChangeSetStatus."""
        if change_set.execution_status != "AVAILABLE" or change_set.source is None:
            raise InvalidChangeSetStatus(
                f"ChangeSet [{change_set.id}] cannot be executed in its current status of [{change_set.status}], "
                f"execution status [{change_set.execution_status}]"
            )
        stack = self.get(change_set.stack_id)
        if stack.is_busy:
            raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        change_set.execution_status = "EXECUTE_COMPLETE"
        for other in [each for each in self.sets.values() if each.stack_id == stack.id and each is not change_set]:
            other.execution_status = "OBSOLETE"
        stack.change_set_id = change_set.id
        if change_set.kind == "CREATE":
            stack.source, stack.options = change_set.source, change_set.options
            self._begin_create(stack)
        else:
            self._begin_update(stack, change_set.source, change_set.options)

    def find_export(self, name: str) -> str | None:
        """The value of an export."""
        found = [output.value for stack in self.all() for output in stack.outputs if output.export_name == name]
        return found[0] if found else None

    def _exporter_of(self, name: str) -> str | None:
        found = [stack.id for stack in self.all() for output in stack.outputs if output.export_name == name]
        return found[0] if found else None

    def _new_stack(self, name: str, options: Options) -> Stack:
        stack_id = f"arn:aws:cloudformation:{self.region_name}:{self.account_id}:stack/{name}/{uuid.uuid4()}"
        stack = Stack(
            id=stack_id, name=name, account_id=self.account_id, region=self.region_name, status="REVIEW_IN_PROGRESS", options=options
        )
        self.of_ids[stack_id] = stack
        return stack

    def _begin_create(self, stack: Stack) -> None:
        stack.set_status("CREATE_IN_PROGRESS", "User Initiated")
        self.threads.start(stack, self._deployment(stack).create)

    def _begin_update(self, stack: Stack, source: Source, options: Options) -> None:
        stack.updated_at = now()
        stack.set_status("UPDATE_IN_PROGRESS", "User Initiated")
        self.threads.start(stack, lambda: self._deployment(stack).update(source, options))

    def _deployment(self, stack: Stack) -> Deployment:
        return Deployment(stack=stack, clients=self.clients, find_export=self.find_export, exporter_of=self._exporter_of)

    def _find_stored(self, name: str) -> str:
        place: Any = Stack(id="", name="", account_id=self.account_id, region=self.region_name, status="", options=Options())
        return stored_parameter(self.clients, place, name)

    def _forget_deleted(self) -> None:
        deleted = [stack for stack in self.all() if stack.status == "DELETE_COMPLETE"]
        for stack in deleted[_DELETED_MAX:]:
            del self.of_ids[stack.id]


def _check_updatable(stack: Stack) -> None:
    unchangeable = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"}
    if stack.is_busy or stack.status in unchangeable or stack.source is None:
        raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _check_capabilities(template: dict[str, Any], options: Options) -> None:
    resources = [resource for resource in template["Resources"].values() if resource["Type"] in _IAM]
    named = any(_NAMED_IAM.get(resource["Type"], "") in resource.get("Properties", {}) for resource in resources)
    if named and "CAPABILITY_NAMED_IAM" not in options.capabilities:
        raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_NAMED_IAM]")
    if resources and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(options.capabilities):
        raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_IAM]")


def _failed(status: str) -> str:
    if status.startswith("UPDATE_ROLLBACK"):
        return "UPDATE_ROLLBACK_FAILED"
    return f"{status.split('_', 1)[0]}_FAILED"
