"""What a provider is, and what it is told."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from alonzo.companion.cloudformation.clients import Clients
from alonzo.companion.cloudformation.errors import ResourceFailed

_SUFFIX_LETTERS = string.ascii_uppercase + string.digits
_SUFFIX_LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A resource as the template wants it. `clients`: the APIs of its account and region."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    stack_id: str
    stack_name: str
    stack_tags: Mapping[str, str]
    account_id: str
    region: str
    clients: Clients

    def client(self, service: str) -> Any:
        """boto3's."""
        return self.clients.client(service, account_id=self.account_id, region=self.region)

    def new_name(self, *, longest: int = 64, lower: bool = False) -> str:
        """A name as CloudFormation gives: of the stack, the resource, and something that nobody else has.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html.
        """
        suffix = "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(_SUFFIX_LENGTH))
        room = longest - len(suffix) - 2
        logical_id = self.logical_id[: max(room - len(self.stack_name), room // 2)]
        name = f"{self.stack_name[: room - len(logical_id)]}-{logical_id}-{suffix}"
        return name.lower() if lower else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A resource that is there. `physical_id`: what `Ref` gives; another one than before means that it was made anew.

    `attributes`: what `Fn::GetAtt` gives. `handle`: what the provider wants to have back.
    """

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    handle: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """A resource as it was made."""

    physical_id: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any]
    handle: Any


class Provider(Protocol):
    """All raise botocore's ClientError or ResourceFailed for what cannot be."""

    def create(self, wanted: Wanted) -> Made:
        """Make it, and wait until it can be used."""
        ...

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Whether the change needs another resource in the place of this one."""
        ...

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Change it in place."""
        ...

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Delete it; one that is gone already is no error. `wanted` has its last properties."""
        ...


def changed(wanted: Wanted, existing: Existing, *names: str) -> bool:
    """Whether one of these properties is another one now."""
    return any(wanted.properties.get(name) != existing.properties.get(name) for name in names)


def is_missing(error: Any) -> bool:
    """Whether a service says that what it was asked for is not there."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return any(part in code for part in ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "NotExist")) or code == "404"


class PartlyMade(ResourceFailed):
    """It failed when a part of it was there already, which is to be deleted."""

    def __init__(self, reason: str, made: Made) -> None:
        super().__init__(reason)
        self.made = made
