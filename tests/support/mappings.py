"""Event source mappings and what they need beside."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.server import Server
from tests.support.waiting import eventually


def create_secret(server: Server, name: str, **content: str) -> str:
    """Keep a secret in the node's Secrets Manager; its ARN."""
    arn: str = server.own_client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(content))["ARN"]
    return arn


def create_mapping(server: Server, function: str, **settings: Any) -> str:
    """Create a mapping and wait until it is enabled; its UUID."""
    uuid: str = server.own_client("lambda").create_event_source_mapping(FunctionName=function, **settings)["UUID"]
    wait_for_mapping(server, uuid, State="Enabled")
    return uuid


def wait_for_mapping(server: Server, uuid: str, **members: Any) -> dict[str, Any]:
    """The mapping, once it is so."""

    def found() -> dict[str, Any] | None:
        mapping: dict[str, Any] = server.own_client("lambda").get_event_source_mapping(UUID=uuid)
        return mapping if mapping.items() >= members.items() else None

    return eventually(found, what=f"{members} of mapping {uuid}")


def switch_mapping(server: Server, uuid: str, *, enabled: bool) -> None:
    """Enable or disable a mapping and wait until it is so."""
    server.own_client("lambda").update_event_source_mapping(UUID=uuid, Enabled=enabled)
    wait_for_mapping(server, uuid, State="Enabled" if enabled else "Disabled")


@contextmanager
def mappings_deleted(server: Server) -> Iterator[None]:
    """Mappings that are made meanwhile are deleted at the end: each that is left enabled goes on polling, and on costing processor time."""
    client = server.own_client("lambda")
    before = {mapping["UUID"] for mapping in client.list_event_source_mappings()["EventSourceMappings"]}
    yield
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        if mapping["UUID"] not in before:
            with suppress(client.exceptions.ResourceInUseException, client.exceptions.ResourceNotFoundException):
                client.delete_event_source_mapping(UUID=mapping["UUID"])
