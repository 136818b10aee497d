"""Resources without a provider of ours, made by moto's own model of them."""

from typing import Any

from moto.cloudformation.parsing import get_model_map

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.provider import Existing, Made, Wanted


class MotoModel:
    """A `Provider`, of one class of moto's."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def create(self, wanted: Wanted) -> Made:
        """See `Provider`."""
        properties = dict(wanted.properties)
        name_property = self._model.cloudformation_name_type()
        name = str(properties.get(name_property) or wanted.new_name()) if name_property else wanted.new_name()
        if name_property:
            properties.setdefault(name_property, name)
        made = self._model.create_from_cloudformation_json(
            name,
            {"Type": wanted.type, "Properties": properties},
            wanted.account_id,
            wanted.region,
            LogicalId=wanted.logical_id,
            StackId=wanted.stack_id,
            ResourceType=wanted.type,
        )
        return _made(made)

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """moto's updates know by themselves."""
        return hasattr(self._model.update_from_cloudformation_json, "__isabstractmethod__")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """See `Provider`."""
        name_property = self._model.cloudformation_name_type()
        name = str(wanted.properties.get(name_property) or existing.physical_id)
        properties = dict(wanted.properties)
        if name_property:
            properties.setdefault(name_property, name)
        changed = self._model.update_from_cloudformation_json(
            original_resource=existing.handle,
            new_resource_name=name,
            cloudformation_json={"Type": wanted.type, "Properties": properties},
            account_id=wanted.account_id,
            region_name=wanted.region,
        )
        return _made(changed or existing.handle)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """See `Provider`."""
        handle_deletes = getattr(existing.handle, "delete", None)
        if callable(handle_deletes):
            try:
                handle_deletes(wanted.account_id, wanted.region)
            except TypeError:  # it takes other arguments, and is not meant for this
                pass
            else:
                return
        if hasattr(self._model.delete_from_cloudformation_json, "__isabstractmethod__"):
            raise ResourceFailed(f"{wanted.type} cannot be deleted by CloudFormation here: delete it by its own API and retain it.")
        definition = {"Type": wanted.type, "Properties": dict(existing.properties)}
        self._model.delete_from_cloudformation_json(existing.physical_id, definition, wanted.account_id, wanted.region)


def find_model(kind: str) -> MotoModel | None:
    """Of a type of resource; None if moto has none."""
    model = get_model_map().get(kind)
    return None if model is None else MotoModel(model)


def attribute_of(handle: Any, name: str) -> Any:
    """What moto's object says. ResourceFailed if it has no such attribute."""
    try:
        return handle.get_cfn_attribute(name)
    except Exception as error:  # moto raises several kinds, some without a word
        raise ResourceFailed(f"Resource does not support attribute type {name} in Fn::GetAtt") from error


def _made(handle: Any) -> Made:
    return Made(physical_id=str(handle.physical_resource_id), handle=handle)
