"""Rules and buses of EventBridge, and schedules.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html, and AWS_Scheduler.html beside it.
"""

from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.api_resource import ApiResource
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted, changed
from alonzo.companion.cloudformation.shapes import parameters_of

_TARGETS_AT_ONCE = 10


class RuleProvider:
    """A `Provider`: a rule with its targets."""

    def create(self, wanted: Wanted) -> Made:
        """First the rule."""
        name = str(wanted.properties.get("Name") or wanted.new_name())
        made = self._put(wanted, name)
        try:
            _put_targets(wanted, name, wanted.properties.get("Targets", []))
        except (ResourceFailed, wanted.client("events").exceptions.ClientError) as error:
            raise PartlyMade(str(error), made) from error
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Of another name or on another bus it is another one."""
        return changed(wanted, existing, "Name", "EventBusName")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """The rule, then what goes and what comes of its targets."""
        name = existing.physical_id.rpartition("|")[2]
        made = self._put(wanted, name)
        kept = {target["Id"] for target in wanted.properties.get("Targets", [])}
        gone = [target["Id"] for target in existing.properties.get("Targets", []) if target["Id"] not in kept]
        if gone:
            wanted.client("events").remove_targets(Rule=name, Ids=gone, **_bus_of(wanted))
        _put_targets(wanted, name, wanted.properties.get("Targets", []))
        return made

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """A rule with targets cannot be deleted."""
        client, name = wanted.client("events"), existing.physical_id.rpartition("|")[2]
        try:
            targets = client.list_targets_by_rule(Rule=name, **_bus_of(wanted))["Targets"]
            if targets:
                client.remove_targets(Rule=name, Ids=[target["Id"] for target in targets], **_bus_of(wanted))
            client.delete_rule(Name=name, **_bus_of(wanted))
        except client.exceptions.ResourceNotFoundException:
            return

    def _put(self, wanted: Wanted, name: str) -> Made:
        client = wanted.client("events")
        parameters = parameters_of(client, "put_rule", {**wanted.properties, "Name": name}, ignore=frozenset({"Targets"}))
        arn = client.put_rule(**parameters)["RuleArn"]
        bus = _bus_of(wanted).get("EventBusName", "default").rpartition("/")[2]
        return Made(physical_id=name if bus == "default" else f"{bus}|{name}", attributes={"Arn": arn})


def event_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::Events::EventBus": ApiResource(
            service="events",
            create_operation="create_event_bus",
            name="Name",
            physical_id="properties.Name",
            identity={"Name": "id"},
            update_operation="update_event_bus",
            delete_operation="delete_event_bus",
            creation_only=frozenset({"Tags"}),
            attributes={"Arn": "response.EventBusArn", "Name": "id"},
            read_operation="describe_event_bus",
        ),
        "AWS::Events::Rule": RuleProvider(),
        "AWS::Scheduler::Schedule": ApiResource(
            service="scheduler",
            create_operation="create_schedule",
            name="Name",
            physical_id="properties.Name",
            identity={"Name": "id", "GroupName": "properties.GroupName || 'default'"},
            update_operation="update_schedule",
            delete_operation="delete_schedule",
            replaced_by=frozenset({"GroupName"}),
            attributes={"Arn": "response.ScheduleArn"},
        ),
        "AWS::Scheduler::ScheduleGroup": ApiResource(
            service="scheduler",
            create_operation="create_schedule_group",
            name="Name",
            physical_id="properties.Name",
            identity={"Name": "id"},
            delete_operation="delete_schedule_group",
            attributes={"Arn": "response.ScheduleGroupArn"},
        ),
    }


def _bus_of(wanted: Wanted) -> dict[str, str]:
    bus = wanted.properties.get("EventBusName")
    return {"EventBusName": str(bus)} if bus else {}


def _put_targets(wanted: Wanted, name: str, targets: list[Any]) -> None:
    client = wanted.client("events")
    for start in range(0, len(targets), _TARGETS_AT_ONCE):
        some = {"Rule": name, "Targets": targets[start : start + _TARGETS_AT_ONCE], **_bus_of(wanted)}
        answer = client.put_targets(**parameters_of(client, "put_targets", some))
        for failed in answer.get("FailedEntries", []):
            raise ResourceFailed(f"Target {failed['TargetId']}: {failed['ErrorMessage']}")
