"""Resources that are one operation to make, one to change and one to delete: a table says which (`catalog.py` and the files beside it)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions
import jmespath

from alonzo.companion.cloudformation.resources.provider import Existing, Made, Wanted, changed, is_missing
from alonzo.companion.cloudformation.shapes import parameters_of

Parameters = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ApiResource:
    """A `Provider`. Operations are methods of boto3's client of `service`.

    `name`: the property that is generated if it is not given, up to `name_length`. `physical_id`, and the values of `identity` (what
    `update`, `delete` and `read` are given) and `attributes`: JMESPath over `id`, `properties`, `response` (of `create`), `read` (what
    `read` answers), `account` and `region`. `replaced_by`: properties that cannot be changed; without `update`, none can.
    `creation_only`: properties that `update` is not given. `prepare`: changes parameters of `create` and `update` before the call.
    """

    service: str
    create_operation: str
    physical_id: str
    identity: Mapping[str, str] = field(default_factory=dict)
    update_operation: str | None = None
    delete_operation: str | None = None
    delete_identity: Mapping[str, str] | None = None
    read_operation: str | None = None
    name: str | None = None
    name_length: int = 64
    attributes: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    replaced_by: frozenset[str] = frozenset()
    creation_only: frozenset[str] = frozenset()
    prepare: Callable[[Wanted, Parameters], None] | None = None

    def create(self, wanted: Wanted) -> Made:
        """See `Provider`."""
        client = wanted.client(self.service)
        properties = dict(wanted.properties)
        if self.name is not None and self.name not in properties:
            properties[self.name] = wanted.new_name(longest=self.name_length)
        parameters = self._parameters(wanted, client, self.create_operation, properties)
        response = getattr(client, self.create_operation)(**parameters)
        context = {"properties": properties, "response": response, "account": wanted.account_id, "region": wanted.region}
        physical_id = str(jmespath.search(self.physical_id, context))
        return self._made(wanted, client, {**context, "id": physical_id})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """See `Provider`."""
        return self.update_operation is None or changed(wanted, existing, *self.replaced_by, *([self.name] if self.name else []))

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """See `Provider`."""
        assert self.update_operation is not None
        client = wanted.client(self.service)
        context = {"id": existing.physical_id, "properties": wanted.properties, "account": wanted.account_id, "region": wanted.region}
        identity = {name: jmespath.search(path, context) for name, path in self.identity.items()}
        of_creation = self.creation_only | self.replaced_by | {self.name or ""}
        properties = {name: value for name, value in wanted.properties.items() if name not in of_creation}
        parameters = self._parameters(wanted, client, self.update_operation, properties)
        response = getattr(client, self.update_operation)(**{**parameters, **identity})
        return self._made(wanted, client, {**context, "response": response}, before=existing.attributes)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """See `Provider`."""
        if self.delete_operation is None:
            return
        client = wanted.client(self.service)
        context = {"id": existing.physical_id, "properties": existing.properties, "account": wanted.account_id, "region": wanted.region}
        identity = self.identity if self.delete_identity is None else self.delete_identity
        try:
            getattr(client, self.delete_operation)(**{name: jmespath.search(path, context) for name, path in identity.items()})
        except botocore.exceptions.ClientError as error:
            if not is_missing(error):
                raise

    def _parameters(self, wanted: Wanted, client: Any, operation: str, properties: Mapping[str, Any]) -> Parameters:
        renamed = {self.renamed.get(name, name): value for name, value in properties.items()}
        parameters = parameters_of(client, operation, renamed, ignore=self.ignored)
        if self.prepare is not None:
            self.prepare(wanted, parameters)
        return parameters

    def _made(self, wanted: Wanted, client: Any, context: dict[str, Any], before: Mapping[str, Any] | None = None) -> Made:
        if self.read_operation is not None:
            identity = {name: jmespath.search(path, context) for name, path in self.identity.items()}
            context = {**context, "read": getattr(client, self.read_operation)(**identity)}
        found = {name: jmespath.search(path, context) for name, path in self.attributes.items()}
        kept = {name: (before or {}).get(name) if value is None else value for name, value in found.items()}
        return Made(physical_id=context["id"], attributes={name: value for name, value in kept.items() if value is not None})
