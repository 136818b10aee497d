"""The cluster of a mapping: where its brokers are, and how they want to be spoken to.

Which credentials mean which protocol: https://docs.aws.amazon.com/lambda/latest/dg/kafka-cluster-auth.html and msk-cluster-auth.html. SASL
is always spoken over TLS. What LastProcessingResult says of failures: https://docs.aws.amazon.com/lambda/latest/dg/with-kafka-troubleshoot.html.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.records import KafkaEnvelope
from alonzo.sources.kafka.tokens import open_token_provider
from alonzo.sources.source import PollerKit
from alonzo.sources.source_secrets import find_access, read_secret
from alonzo.sources.tls import make_ssl_context

_MECHANISMS: Mapping[str, str] = MappingProxyType(
    {"BASIC_AUTH": "PLAIN", "SASL_SCRAM_256_AUTH": "SCRAM-SHA-256", "SASL_SCRAM_512_AUTH": "SCRAM-SHA-512"}
)
_OAUTH = "OAUTHBEARER_AUTH"
_LISTENERS: Mapping[str, str] = MappingProxyType({"PLAINTEXT": "", "SSL": "Tls", "SASL_SSL": "SaslScram"})
"""How botocore's shape `GetBootstrapBrokersResponse` calls those who speak so."""
_SCHEME = "kafka://"
_CHECK_MS = 10_000
_OF_CONNECTIONS = (
    *("ssl_context", "security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password"),
    "sasl_oauth_token_provider",
)

NOT_AUTHORIZED = "Cluster failed to authorize Lambda"
SASL_FAILED = "SASL authentication failed"
NOT_AUTHENTICATED = "Server failed to authenticate Lambda"
SERVER_NOT_AUTHENTICATED = "Lambda failed to authenticate server"
UNREACHABLE = "Connection error. Please check your event source connection configuration."


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaCluster:
    """`options`: what every client of aiokafka takes to connect."""

    bootstrap_servers: str
    envelope: KafkaEnvelope
    options: Mapping[str, Any] = field(repr=False)

    async def problem(self, error: KafkaError) -> SourceProblem:
        """An error of a client in AWS's words. A client that cannot connect does not say why: it is tried once more to find that out."""
        if isinstance(error, KafkaConnectionError):
            return SourceProblem(await self._find_why())
        return SourceProblem(_words_of(error))

    async def _find_why(self) -> str:
        why = UNREACHABLE
        for server in self.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            chosen = {name: self.options[name] for name in _OF_CONNECTIONS if name in self.options}
            try:
                connection = await create_conn(host, int(port), request_timeout_ms=_CHECK_MS, **chosen)
            except (KafkaError, OSError, TimeoutError) as error:
                why = _words_of(error)
                if why == UNREACHABLE and isinstance(error, KafkaError) and self.options["security_protocol"] == "SSL":
                    # Since TLS 1.3 a server closes after the handshake only when it does not like the client's certificate.
                    why = NOT_AUTHENTICATED
            else:
                connection.close()
            if why != UNREACHABLE:
                break
        return why


async def open_cluster(mapping: EventSourceMapping, kit: PollerKit) -> KafkaCluster:
    """Finds the brokers and fetches the credentials; connects to nobody. `SourceProblem`, errors of AWS calls."""
    options = await _read_options(mapping, kit)
    servers = ",".join(mapping.settings.bootstrap_servers or ())
    if not servers:
        servers, options = await _find_servers(mapping, kit, options)
    return KafkaCluster(
        bootstrap_servers=servers,
        envelope=KafkaEnvelope(event_source_arn=mapping.event_source_arn, bootstrap_servers=servers),
        options=MappingProxyType({"bootstrap_servers": servers, "client_id": f"alonzo-{mapping.uuid}", **options}),
    )


async def _read_options(mapping: EventSourceMapping, kit: PollerKit) -> dict[str, Any]:
    root_ca_arn, client_arn = (find_access(mapping, kind) for kind in ("SERVER_ROOT_CA_CERTIFICATE", "CLIENT_CERTIFICATE_TLS_AUTH"))
    mechanism = next((kind for kind in _MECHANISMS if find_access(mapping, kind) is not None), None)
    oauth_arn = find_access(mapping, _OAUTH)
    if mechanism is None and oauth_arn is None and client_arn is None and root_ca_arn is None:
        return {"security_protocol": "PLAINTEXT"}
    root_ca = None if root_ca_arn is None else (await read_secret(kit.services, root_ca_arn, mapping, "certificate"))["certificate"]
    client = None if client_arn is None else await read_secret(kit.services, client_arn, mapping, "certificate", "privateKey")
    options: dict[str, Any] = {"security_protocol": "SSL", "ssl_context": await make_ssl_context(root_ca=root_ca, client=client)}
    if mechanism is not None:
        login = await read_secret(kit.services, find_access(mapping, mechanism) or "", mapping, "username", "password")
        options |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": _MECHANISMS[mechanism],
            "sasl_plain_username": login["username"],
            "sasl_plain_password": login["password"],
        }
    elif oauth_arn is not None:
        provider = await open_token_provider(oauth_arn, mapping, kit)
        options |= {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": provider}
    return options


async def _find_servers(mapping: EventSourceMapping, kit: PollerKit, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Of a managed cluster; with the options to speak to them, since one without credentials may want TLS."""
    arn = mapping.event_source_arn or ""
    given = kit.brokers.find(arn)
    if given is not None:
        return given.removeprefix(_SCHEME).rstrip("/"), options
    try:
        answer = await kit.services.call("kafka", "GetBootstrapBrokers", {"ClusterArn": arn}, scope=mapping.scope)
    except AwsCallFailed as error:
        raise SourceProblem(f"The brokers of {arn} are not known ({error}): start with --broker {arn}=kafka://HOST:PORT") from error
    servers = answer.get(f"BootstrapBrokerString{_LISTENERS[options['security_protocol']]}")
    if servers is None and options["security_protocol"] == "PLAINTEXT":
        servers = answer.get("BootstrapBrokerStringTls")
        options = {"security_protocol": "SSL", "ssl_context": await make_ssl_context()}
    if servers is None:
        raise SourceProblem(f"The cluster {arn} has no brokers for the credentials of this mapping")
    return str(servers), options


def _words_of(error: Exception) -> str:
    match error:
        case AuthenticationFailedError() | AuthenticationMethodNotSupported() | SaslAuthenticationFailed():
            return SASL_FAILED
        case ClusterAuthorizationFailedError() | GroupAuthorizationFailedError() | TopicAuthorizationFailedError():
            return NOT_AUTHORIZED
        case ssl.SSLCertVerificationError():
            return SERVER_NOT_AUTHENTICATED
        case ssl.SSLError():
            return NOT_AUTHENTICATED
        case KafkaConnectionError() | OSError() | TimeoutError():
            cause = error.__cause__
            return _words_of(cause) if isinstance(cause, ssl.SSLError | KafkaError | SourceProblem) else UNREACHABLE
    return str(error) or type(error).__name__
