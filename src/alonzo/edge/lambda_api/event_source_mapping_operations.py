"""The Lambda API's operations on event source mappings."""

from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.lambda_api.event_source_mapping_members import Members, Parameters, mapping_members, settings_of
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.event_sources.errors import FiltersUnreadable
from alonzo.event_sources.mappings import EventSourceMappings, MappingChange, NewMapping
from alonzo.functions.tags import checked_tags
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.names import FunctionReference, refer_to_function

_LIST_PAGE_MAX = 100
"""Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html."""


class EventSourceMappingOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, mappings: EventSourceMappings) -> None:
        self._mappings = mappings

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "CreateEventSourceMapping": self.create_event_source_mapping,
            "GetEventSourceMapping": self.get_event_source_mapping,
            "UpdateEventSourceMapping": self.update_event_source_mapping,
            "DeleteEventSourceMapping": self.delete_event_source_mapping,
            "ListEventSourceMappings": self.list_event_source_mappings,
        }

    async def create_event_source_mapping(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        new = NewMapping(
            function=_function(call, parameters),
            event_source_arn=parameters.get("EventSourceArn"),
            settings=settings_of(parameters),
            enabled=parameters.get("Enabled", True) is not False,
            tags=checked_tags(parameters.get("Tags") or {}),
        )
        return await self._members(await self._mappings.create(new))

    async def get_event_source_mapping(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return await self._members(self._mappings.get(call.caller.scope, parameters["UUID"]))

    async def update_event_source_mapping(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        change = MappingChange(
            function=_function(call, parameters) if parameters.get("FunctionName") else None,
            settings=settings_of(parameters),
            enabled=parameters.get("Enabled"),
        )
        return await self._members(await self._mappings.update(call.caller.scope, parameters["UUID"], change))

    async def delete_event_source_mapping(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return await self._members(await self._mappings.delete(call.caller.scope, parameters["UUID"]))

    async def list_event_source_mappings(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        mappings = self._mappings.iter_mappings(
            call.caller.scope,
            function=_function(call, parameters) if parameters.get("FunctionName") else None,
            event_source_arn=parameters.get("EventSourceArn") or None,
        )
        page = paginate(
            mappings,
            sort_key=lambda mapping: (mapping.uuid,),
            marker=parameters.get("Marker") or None,
            limit=min(parameters.get("MaxItems") or _LIST_PAGE_MAX, _LIST_PAGE_MAX),
        )
        # Filters encrypted with a key of the customer's are not shown in lists. Source: botocore, `EventSourceMappingConfiguration`.
        listed = [mapping_members(mapping) | ({"FilterCriteria": None} if mapping.settings.kms_key_arn else {}) for mapping in page.items]
        return {"EventSourceMappings": listed, "NextMarker": page.next_marker}

    async def _members(self, mapping: EventSourceMapping) -> Members:
        try:
            return mapping_members(await self._mappings.read_filters(mapping))
        except FiltersUnreadable as error:
            return mapping_members(mapping) | {"FilterCriteriaError": {"ErrorCode": error.code, "Message": str(error)}}


def _function(call: CallContext, parameters: Parameters) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], None, call.caller.scope)
