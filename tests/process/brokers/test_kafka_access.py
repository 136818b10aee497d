"""How Kafka mappings come in, with Apache's own broker."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.batch_sink import BatchSink
from tests.support.brokers.authority import Authority
from tests.support.brokers.kafka import PASSWORD, USER, KafkaBroker, Sent
from tests.support.brokers.kafka_mappings import kafka_values_of, map_topic
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.support.mappings import create_secret, wait_for_mapping
from tests.support.server import Server

_SUBNET_PAIRS = [("VPC_SUBNET", "subnet:subnet-0123456789abcdef0")]


@pytest.fixture
def server(kafka_server: Server) -> Server:
    return kafka_server


def secured(kafka: KafkaBroker, address: str, *access: tuple[str, str]) -> dict[str, Any]:
    return {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [address]}},
        "SourceAccessConfigurations": [{"Type": kind, "URI": secret} for kind, secret in access],
    }


def test_credentials_and_certificates_open_the_listeners_that_want_them(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("secured")
    kafka.send(topic, [Sent(value=b"secret")])
    client = kafka.authority.issue("client")
    login = create_secret(server, "kafka-login", username=USER, password=PASSWORD)
    root = ("SERVER_ROOT_CA_CERTIFICATE", create_secret(server, "kafka-root", certificate=kafka.authority.root.certificate_pem))
    certificate = {"certificate": client.certificate_pem, "privateKey": client.key_pem("sesame"), "privateKeyPassword": "sesame"}
    own = ("CLIENT_CERTIFICATE_TLS_AUTH", create_secret(server, "kafka-client", **certificate))
    ways = {
        "sasl-plain": secured(kafka, kafka.sasl, ("BASIC_AUTH", login), root),
        "scram-256": secured(kafka, kafka.sasl, ("SASL_SCRAM_256_AUTH", login), root),
        "scram-512": secured(kafka, kafka.sasl, ("SASL_SCRAM_512_AUTH", login), root),
        "tls": secured(kafka, kafka.tls, root),
        "mutual": secured(kafka, kafka.mutual_tls, own, root),
    }
    uuids = {name: map_topic(server, kafka, sink.deploy(server, name), topic, **way) for name, way in ways.items()}
    for uuid in uuids.values():
        wait_for_mapping(server, uuid, LastProcessingResult="OK")
    assert kafka_values_of(sink.events) == ["secret"] * len(ways)


def test_tokens_of_an_identity_provider_open_the_listener_that_wants_them(
    server: Server, kafka: KafkaBroker, sink: BatchSink, tmp_path: Path
) -> None:
    topic = kafka.create_topic("tokens")
    kafka.send(topic, [Sent(value=b"for those with a token")])
    root = ("SERVER_ROOT_CA_CERTIFICATE", create_secret(server, "kafka-root-3", certificate=kafka.authority.root.certificate_pem))
    with IdentityProvider(tmp_path, kafka.authority) as provider:
        client = {"oauthTokenEndpointUrl": provider.url, "oauthClientId": CLIENT_ID}
        client |= {"oauthIdpCaCertificate": kafka.authority.root.certificate_pem}
        right = create_secret(server, "kafka-oauth", **client, oauthClientSecret=CLIENT_SECRET)
        wrong = create_secret(server, "kafka-oauth-wrong", **client, oauthClientSecret="wrong")
        for_what = (("OAUTHBEARER_SCOPE", "topics:read"), ("OAUTHBEARER_AUDIENCE", "kafka"), ("OAUTHBEARER_LOGICAL_CLUSTER", "lkc-1"))
        function = sink.deploy(server, "tokens")
        uuid = map_topic(server, kafka, function, topic, **secured(kafka, kafka.oauth, ("OAUTHBEARER_AUTH", right), root, *for_what))
        wait_for_mapping(server, uuid, LastProcessingResult="OK")
        assert kafka_values_of(sink.events) == ["for those with a token"]
        assert provider.requests[0] == {"grant_type": "client_credentials", "scope": "topics:read", "audience": "kafka"}
        refused = map_topic(server, kafka, function, "tokens-2", **secured(kafka, kafka.oauth, ("OAUTHBEARER_AUTH", wrong), root))
        problem = f"PROBLEM: The identity provider {provider.url} has answered with status 401"
        wait_for_mapping(server, refused, LastProcessingResult=problem)


def test_what_is_wrong_with_the_access_is_said_in_awss_words(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("refused")
    function = sink.deploy(server, "refused")
    wrong = create_secret(server, "kafka-wrong", username=USER, password="wrong")
    root = ("SERVER_ROOT_CA_CERTIFICATE", create_secret(server, "kafka-root-2", certificate=kafka.authority.root.certificate_pem))
    other = ("SERVER_ROOT_CA_CERTIFICATE", create_secret(server, "kafka-other", certificate=Authority("other").root.certificate_pem))
    broken = ("CLIENT_CERTIFICATE_TLS_AUTH", create_secret(server, "kafka-broken", certificate="-", privateKey="-"))
    problems = {
        "SASL authentication failed": secured(kafka, kafka.sasl, ("SASL_SCRAM_512_AUTH", wrong), root),
        "Lambda failed to authenticate server": secured(kafka, kafka.tls, other),
        "Server failed to authenticate Lambda": secured(kafka, kafka.mutual_tls, root),
        "Provided certificate or private key is invalid": secured(kafka, kafka.mutual_tls, broken, root),
        "Connection error. Please check your event source connection configuration.": secured(kafka, "127.0.0.1:1", *_SUBNET_PAIRS),
    }
    # Each reads another topic, since mappings of one function to one topic would be the same.
    uuids = {
        problem: map_topic(server, kafka, function, f"{topic}-{number}", **way) for number, (problem, way) in enumerate(problems.items())
    }
    for problem, uuid in uuids.items():
        wait_for_mapping(server, uuid, LastProcessingResult=f"PROBLEM: {problem}")
    missing = map_topic(server, kafka, function, "missing")
    wait_for_mapping(server, missing, LastProcessingResult="PROBLEM: Topic missing does not exist")
