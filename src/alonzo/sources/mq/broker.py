"""Where the broker of a mapping is, and of which kind: ARNs of Amazon MQ do not tell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.errors import SourceProblem
from alonzo.sources.source import PollerKit
from alonzo.sources.source_secrets import find_access, read_secret

_DEFAULT_VIRTUAL_HOST = "/"


class Protocol(StrEnum):
    """What is spoken to a broker: the first part of its URL."""

    AMQP = "amqp"
    STOMP = "stomp"


_ENGINES = {"RABBITMQ": Protocol.AMQP, "ACTIVEMQ": Protocol.STOMP}
"""Amazon MQ's word for a broker's kind."""
_SCHEMES = {
    "amqp": (Protocol.AMQP, False, 5672),
    "amqps": (Protocol.AMQP, True, 5671),
    "stomp": (Protocol.STOMP, False, 61613),
    "stomp+ssl": (Protocol.STOMP, True, 61614),
}
"""Whether it is TLS, and the usual port."""


@dataclass(frozen=True, slots=True)
class Address:
    """Of a broker's process."""

    host: str
    port: int
    is_tls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """`addresses`: of the one and the one that stands by, if there is one."""

    protocol: Protocol
    addresses: Sequence[Address]
    user: str
    password: str = field(repr=False)
    virtual_host: str


async def find_broker(mapping: EventSourceMapping, kit: PollerKit) -> Broker:
    """As `--broker` or Amazon MQ's endpoint says, with the credentials that the mapping names. `SourceProblem`, errors of AWS calls."""
    protocol, addresses = await _find_addresses(mapping, kit)
    login = await read_secret(kit.services, find_access(mapping, "BASIC_AUTH") or "", mapping, "username", "password")
    return Broker(
        protocol=protocol,
        addresses=addresses,
        user=login["username"],
        password=login["password"],
        virtual_host=find_access(mapping, "VIRTUAL_HOST") or _DEFAULT_VIRTUAL_HOST,
    )


async def _find_addresses(mapping: EventSourceMapping, kit: PollerKit) -> tuple[Protocol, Sequence[Address]]:
    arn = mapping.event_source_arn or ""
    given = kit.brokers.find(arn)
    if given is not None:
        protocol, address = _parse(given)
        return protocol, (address,)
    try:
        answer = await kit.services.call("mq", "DescribeBroker", {"BrokerId": arn.rpartition(":")[2]}, scope=mapping.scope)
    except AwsCallFailed as error:
        raise SourceProblem(f"The broker {arn} is not known ({error}): start with --broker {arn}=amqp://HOST:PORT") from error
    wanted = _ENGINES.get(str(answer.get("EngineType", "")).upper())
    endpoints = [endpoint for instance in answer.get("BrokerInstances", ()) for endpoint in instance.get("Endpoints", ())]
    known = [_parse(endpoint) for endpoint in endpoints if urlsplit(endpoint).scheme in _SCHEMES]
    addresses = [address for protocol, address in known if protocol is wanted]
    if wanted is None or not addresses:
        raise SourceProblem(f"The broker {arn} has no endpoint for queues")
    return wanted, addresses


def _parse(url: str) -> tuple[Protocol, Address]:
    try:
        parts = urlsplit(url)
        protocol, is_tls, usual_port = _SCHEMES[parts.scheme]
        return protocol, Address(parts.hostname or "localhost", parts.port or usual_port, is_tls)
    except (KeyError, ValueError) as error:
        raise SourceProblem(f"{url} is no address of a broker: give one with {', '.join(f'{scheme}://' for scheme in _SCHEMES)}") from error
