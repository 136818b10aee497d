"""One operation on a stack: its resources made, changed or deleted one after the other, and undone when one of them fails.

Source of the statuses and their order: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html.
"""

import copy
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import botocore.exceptions
from moto.core.exceptions import ServiceException

from alonzo.companion.cloudformation.clients import Clients
from alonzo.companion.cloudformation.errors import ResourceFailed, ValidationError
from alonzo.companion.cloudformation.intrinsics import Evaluator
from alonzo.companion.cloudformation.ordering import in_order, needs_of
from alonzo.companion.cloudformation.records import Options, Output, Source, Stack, StackResource, now
from alonzo.companion.cloudformation.references import FindExport, StackReferences, evaluator_of
from alonzo.companion.cloudformation.resources.catalog import find_provider
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted

_KEEPS = frozenset({"Retain", "RetainExceptOnCreate"})
_HANDLER_CODES = (("NotFound", "NotFound"), ("Exist", "AlreadyExists"), ("Conflict", "AlreadyExists"), ("AccessDenied", "AccessDenied"))

_log = logging.getLogger(__name__)


class Deployment:
    """Of one stack. `find_export` and `exporter_of` know the exports of others: values, and who exports a name."""

    def __init__(self, *, stack: Stack, clients: Clients, find_export: FindExport, exporter_of: Callable[[str], str | None]) -> None:
        self._stack = stack
        self._clients = clients
        self._find_export = find_export
        self._exporter_of = exporter_of
        self._undo: list[tuple[str, StackResource | None]] = []

    def create(self) -> None:
        """From a source that the stack has."""
        stack = self._stack
        assert stack.source is not None
        failed = self._make_all(stack.source)
        if failed is None:
            stack.set_status("CREATE_COMPLETE")
            return
        if stack.options.on_failure == "DO_NOTHING":
            stack.set_status("CREATE_FAILED", failed)
            return
        action = "DELETE" if stack.options.on_failure == "DELETE" else "ROLLBACK"
        stack.set_status(f"{action}_IN_PROGRESS", f"{failed} {'Delete' if action == 'DELETE' else 'Rollback'} requested by user.")
        not_deleted = self._delete_all([*stack.resources], is_rollback=True)
        if not_deleted:
            stack.set_status(f"{action}_FAILED", not_deleted)
        else:
            stack.outputs = []
            stack.deleted_at = now()
            stack.set_status(f"{action}_COMPLETE")

    def update(self, source: Source, options: Options) -> None:
        """To another source. What fails is undone, and the stack is as it was."""
        stack = self._stack
        before = copy.copy(stack)
        before.resources, before.outputs = dict(stack.resources), list(stack.outputs)
        stack.options = options
        failed = self._make_all(source)
        if failed is None:
            self._finish_update(source)
            return
        is_kept = options.on_failure == "DO_NOTHING"
        if is_kept:
            stack.set_status("UPDATE_FAILED", failed)
            return
        stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", failed)
        not_undone = self._undo_all()
        stack.outputs, stack.options = before.outputs, before.options
        if not_undone:
            stack.set_status("UPDATE_ROLLBACK_FAILED", not_undone)
            return
        stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        stack.set_status("UPDATE_ROLLBACK_COMPLETE")

    def delete(self, retained: frozenset[str]) -> None:
        """All resources but those that are retained."""
        stack = self._stack
        not_deleted = self._delete_all([*stack.resources], is_rollback=False, retained=retained)
        if not_deleted:
            stack.set_status("DELETE_FAILED", not_deleted)
            return
        stack.outputs = []
        stack.deleted_at = now()
        stack.set_status("DELETE_COMPLETE")

    def _make_all(self, source: Source) -> str | None:
        """Make and change what is to be; the reason if something failed."""
        stack = self._stack
        references = StackReferences(stack=stack, resources=stack.resources, clients=self._clients, find_export=self._find_export)
        evaluator = evaluator_of(stack, source, references)
        is_update = stack.status.startswith("UPDATE")
        name = ""
        try:
            needs = needs_of(source.template)
            names = [name for name, definition in source.template["Resources"].items() if evaluator.applies(definition)]
            for name in in_order(names, lambda name: needs[name]):
                needed = [each for each in needs[name] if each in names]
                self._make(name, source.template["Resources"][name], evaluator, needed)
            stack.outputs = self._evaluate_outputs(source, evaluator)
            stack.imports = references.imports
        except _Failed:
            return f"The following resource(s) failed to {'update' if is_update and self._was_there(name) else 'create'}: [{name}]."
        except ValidationError as error:
            return str(error.message)
        return None

    def _was_there(self, name: str) -> bool:
        return any(each == name and before is not None for each, before in self._undo)

    def _make(self, name: str, definition: dict[str, Any], evaluator: Evaluator, needs: list[str]) -> None:
        before = self._stack.resources.get(name)
        try:
            properties = evaluator.value(definition.get("Properties", {}))
        except (ValidationError, botocore.exceptions.ClientError) as error:
            self._fail_before(name, definition, before, _reason_of(error))
        if before is not None and before.type == definition["Type"]:
            if before.properties == properties:
                before.definition, before.needs = definition, needs
                return
            self._change(before, properties, definition, needs)
        else:
            self._add(name, properties, definition, needs, before)

    def _fail_before(self, name: str, definition: dict[str, Any], before: StackResource | None, reason: str) -> None:
        """A resource whose properties cannot even be told."""
        action = "CREATE" if before is None else "UPDATE"
        physical_id = "" if before is None else before.physical_id
        self._undo.append((name, before))
        self._stack.add_event(name, physical_id, definition["Type"], f"{action}_FAILED", reason)
        if before is None:
            failed = StackResource(logical_id=name, type=definition["Type"], properties={}, definition=definition)
            failed.status, failed.reason = "CREATE_FAILED", reason
            self._stack.resources[name] = failed
        raise _Failed

    def _add(
        self, name: str, properties: dict[str, Any], definition: dict[str, Any], needs: list[str], before: StackResource | None
    ) -> None:
        resource = StackResource(logical_id=name, type=definition["Type"], properties=properties, definition=definition, needs=needs)
        self._undo.append((name, before))
        self._stack.resources[name] = resource
        self._say(resource, "CREATE_IN_PROGRESS")
        with _Outcome(self, resource, "CREATE"):
            made = self._provider_of(resource.type).create(self._wanted(resource))
            _take(resource, made)
            self._say(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")

    def _change(self, before: StackResource, properties: dict[str, Any], definition: dict[str, Any], needs: list[str]) -> None:
        provider = self._provider_of(before.type)
        resource = copy.copy(before)
        resource.properties, resource.definition, resource.needs = properties, definition, needs
        wanted, existing = self._wanted(resource), _existing(before)
        self._undo.append((before.logical_id, before))
        self._stack.resources[before.logical_id] = resource
        is_replaced = provider.replaces(wanted, existing)
        why = "Requested update requires the creation of a new physical resource; hence creating one." if is_replaced else None
        self._say(resource, "UPDATE_IN_PROGRESS", why)
        with _Outcome(self, resource, "UPDATE"):
            made = provider.create(wanted) if is_replaced else provider.update(wanted, existing)
            _take(resource, made)

    def _evaluate_outputs(self, source: Source, evaluator: Evaluator) -> list[Output]:
        outputs = []
        for key, definition in source.template.get("Outputs", {}).items():
            if not evaluator.applies(definition):
                continue
            export = definition.get("Export")
            name = None if export is None else str(evaluator.value(export)["Name"])
            if name is not None and self._exporter_of(name) not in {None, self._stack.id}:
                owner = str(self._exporter_of(name)).split("/")[1]
                raise ValidationError(f"Export with name {name} is already exported by stack {owner}. Rollback requested by user.")
            value = evaluator.value(definition["Value"])
            if isinstance(value, dict | list):
                raise ValidationError(
                    f"Template format error: Output {key} is malformed. The Value field of every Outputs member must be a String"
                )
            text = str(value).lower() if isinstance(value, bool) else str(value)
            description = definition.get("Description")
            outputs.append(Output(key=key, value=text, description=description and str(evaluator.value(description)), export_name=name))
        return outputs

    def _finish_update(self, source: Source) -> None:
        stack = self._stack
        stack.source = source
        stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for name, before in reversed(self._undo):
            if before is not None and (
                before.physical_id != stack.resources[name].physical_id or before.type != stack.resources[name].type
            ):
                self._delete_one(before, before.definition.get("UpdateReplacePolicy", "Delete"))
        definitions = source.template["Resources"]
        made = {name for name, _ in self._undo}
        evaluator = evaluator_of(stack, source, None)
        gone = [name for name in stack.resources if name not in made and not (name in definitions and evaluator.applies(definitions[name]))]
        for name in reversed(in_order(gone, lambda name: stack.resources[name].needs)):
            if self._delete_one(stack.resources[name], stack.resources[name].definition.get("DeletionPolicy", "Delete")):
                del stack.resources[name]  # what cannot be deleted is left behind: the update itself has succeeded
        for name in [name for name in gone if name in stack.resources]:
            del stack.resources[name]
        stack.set_status("UPDATE_COMPLETE")

    def _undo_all(self) -> str | None:
        """Back to what was; the reason if that fails, too."""
        stack = self._stack
        not_undone = []
        for name, before in reversed(self._undo):
            current = stack.resources[name]
            if before is None:
                if current.physical_id and not self._delete_one(current, "Delete"):
                    not_undone.append(name)
                del stack.resources[name]
            elif current.physical_id != before.physical_id or current.type != before.type:
                if not self._delete_one(current, "Delete"):
                    not_undone.append(name)
                stack.resources[name] = before
                self._say(before, "UPDATE_COMPLETE")
            elif current is not before:
                self._say(current, "UPDATE_IN_PROGRESS")
                try:
                    _take(before, self._provider_of(before.type).update(self._wanted(before), _existing(current)))
                except Exception as error:
                    _log_unforeseen(error)
                    self._say(current, "UPDATE_FAILED", _reason_of(error))
                    not_undone.append(name)
                stack.resources[name] = before
                self._say(before, "UPDATE_COMPLETE" if name not in not_undone else "UPDATE_FAILED")
        return f"The following resource(s) failed to update: [{', '.join(not_undone)}]." if not_undone else None

    def _delete_all(self, names: list[str], *, is_rollback: bool, retained: frozenset[str] = frozenset()) -> str | None:
        """Of the stack, those that others need last; the reason if some are still there."""
        stack = self._stack
        failed: list[str] = []
        needed_by_failed: set[str] = set()
        for name in reversed(in_order(names, lambda name: stack.resources[name].needs)):
            resource = stack.resources[name]
            if resource.status == "DELETE_COMPLETE" or (not resource.physical_id and resource.handle is None):
                resource.status = "DELETE_COMPLETE"
                continue
            policy = "Retain" if name in retained else str(resource.definition.get("DeletionPolicy", "Delete"))
            if is_rollback:  # what a stack that was never complete has made, it takes away, but for what is to stay in any case
                policy = "Delete" if policy == "RetainExceptOnCreate" else policy
            if name in needed_by_failed or not self._delete_one(resource, policy):
                needed_by_failed |= set(resource.needs)
                failed.append(name)
        failed = [name for name in failed if stack.resources[name].status == "DELETE_FAILED"]
        return f"The following resource(s) failed to delete: [{', '.join(failed)}]. " if failed else None

    def _delete_one(self, resource: StackResource, policy: str) -> bool:
        """Whether it is gone, or nobody's business any more."""
        if policy in _KEEPS:
            self._say(resource, "DELETE_SKIPPED")
            return True
        self._say(resource, "DELETE_IN_PROGRESS")
        try:
            self._provider_of(resource.type).delete(self._wanted(resource), _existing(resource))
        except Exception as error:
            _log_unforeseen(error)
            self._say(resource, "DELETE_FAILED", _reason_of(error))
            return False
        self._say(resource, "DELETE_COMPLETE")
        return True

    def _say(self, resource: StackResource, status: str, reason: str | None = None) -> None:
        resource.status, resource.reason, resource.updated_at = status, reason, now()
        properties = json.dumps(resource.properties, default=str)
        self._stack.add_event(resource.logical_id, resource.physical_id, resource.type, status, reason, properties)

    def _provider_of(self, kind: str) -> Provider:
        provider = find_provider(kind)
        if provider is None:
            raise ResourceFailed(f"Alonzo does not make resources of type {kind}.")
        return provider

    def _wanted(self, resource: StackResource) -> Wanted:
        stack = self._stack
        return Wanted(
            logical_id=resource.logical_id,
            type=resource.type,
            properties=resource.properties,
            stack_id=stack.id,
            stack_name=stack.name,
            stack_tags=stack.options.tags,
            account_id=stack.account_id,
            region=stack.region,
            clients=self._clients,
        )

    def finish(self, resource: StackResource, action: str, error: BaseException | None) -> None:
        """What became of making or changing a resource, for `_Outcome`."""
        if error is None:
            self._say(resource, f"{action}_COMPLETE")
            return
        if isinstance(error, PartlyMade):
            _take(resource, error.made)
        _log_unforeseen(error)
        self._say(resource, f"{action}_FAILED", _reason_of(error))


class _Failed(Exception):
    """A resource failed, and its event says why."""


class _Outcome:
    """Says what becomes of a resource; whatever goes wrong with it is `_Failed` outside."""

    def __init__(self, deployment: Deployment, resource: StackResource, action: str) -> None:
        self._deployment, self._resource, self._action = deployment, resource, action

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._deployment.finish(self._resource, self._action, error)
        if isinstance(error, Exception):
            raise _Failed from error


def _take(resource: StackResource, made: Made) -> None:
    resource.physical_id, resource.attributes, resource.handle = made.physical_id, dict(made.attributes), made.handle


def _existing(resource: StackResource) -> Existing:
    return Existing(
        physical_id=resource.physical_id, properties=resource.properties, attributes=resource.attributes, handle=resource.handle
    )


def _reason_of(error: BaseException) -> str:
    if isinstance(error, botocore.exceptions.ClientError):
        details: Mapping[str, Any] = error.response
        found, metadata = details.get("Error", {}), details.get("ResponseMetadata", {})
        code = str(found.get("Code", ""))
        handler_code = next((name for part, name in _HANDLER_CODES if part in code), "InvalidRequest")
        service = f"Status Code: {metadata.get('HTTPStatusCode')}, Request ID: {metadata.get('RequestId')}"
        return _as_handler_says(f"{found.get('Message', code)} ({code}; {service})", handler_code)
    if isinstance(error, ResourceFailed):
        return str(error)
    if isinstance(error, ServiceException):
        return _as_handler_says(str(error.message), "InvalidRequest")
    return _as_handler_says(f"{type(error).__name__}: {error}", "InternalFailure")


def _as_handler_says(message: str, handler_code: str) -> str:
    return f'Resource handler returned message: "{message}" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {handler_code})'


def _log_unforeseen(error: BaseException) -> None:
    """A fault of ours or of moto's: the event alone would not tell where."""
    if not isinstance(error, ResourceFailed | ServiceException | botocore.exceptions.BotoCoreError | botocore.exceptions.ClientError):
        _log.error("a resource failed unexpectedly", exc_info=error)
