"""How a schema registry is come into: each kind of access opens one that wants it."""

import asyncio
import json
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.support.brokers.authority import Authority
from tests.support.http_server import LocalHttpHandler, LocalHttpServer
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.unit.sources.streams import a_mapping

from alonzo.clock import ManualClock
from alonzo.model.event_source_mapping import KafkaConsumer, MappingSettings, SchemaRegistry, SourceAccess
from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.records import KafkaRecord
from alonzo.sources.kafka.schemas.validation import open_validation

_RECORD = b"\x00\x00\x00\x00\x01" + b'{"id": 1}'


class _Registry(LocalHttpServer):
    """`authorizations`: of what it has been asked."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(_Pages)
        self.authorizations: list[str | None] = []
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """Of connections that were refused."""


class _Pages(LocalHttpHandler):
    server: _Registry

    def do_GET(self) -> None:
        self.server.authorizations.append(self.headers.get("Authorization"))
        self.answer(json.dumps({"schemaType": "JSON", "schema": '{"type": "object"}'}).encode())


class _Secrets:
    """Secrets Manager; the ARN of a secret is the kind of access that it is for."""

    def __init__(self, secrets: dict[str, dict[str, str]]) -> None:
        self._secrets = secrets

    async def call(self, service: str, operation: str, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        assert (service, operation) == ("secretsmanager", "GetSecretValue")
        return {"SecretString": json.dumps(self._secrets[parameters["SecretId"]])}


def _read(url: str, **secrets: dict[str, str]) -> bytes | None:
    registry = SchemaRegistry(
        uri=url, event_record_format="JSON", validated_attributes=("VALUE",), access=tuple(SourceAccess(kind, kind) for kind in secrets)
    )
    settings = MappingSettings(self_managed_kafka=KafkaConsumer(schema_registry=registry))

    async def run() -> bytes | None:
        kit: Any = SimpleNamespace(services=_Secrets(secrets), clock=ManualClock())
        validation = await open_validation(msgspec.structs.replace(a_mapping(), settings=settings), kit)
        assert validation is not None
        try:
            return (await validation.read(KafkaRecord("t", 0, 0, 0, 0, None, _RECORD, ()))).value
        finally:
            await validation.aclose()

    return asyncio.run(run())


def test_with_a_name_and_a_password() -> None:
    with _Registry() as registry:
        assert _read(registry.url, BASIC_AUTH={"username": "a", "password": "b"}) == b'{"id": 1}'
    assert registry.authorizations == ["Basic YTpi"]


def test_with_certificates_of_both_sides(tmp_path: Path) -> None:
    authority = Authority("registry test authority")
    pair, own, pem, root = authority.issue("registry"), authority.issue("lambda"), tmp_path / "registry.pem", tmp_path / "root.pem"
    pem.write_text(pair.key_pem() + pair.certificate_pem)
    root.write_text(authority.root.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.load_verify_locations(root)
    context.verify_mode = ssl.CERT_REQUIRED
    trust = {"SERVER_ROOT_CA_CERTIFICATE": {"certificate": authority.root.certificate_pem}}
    certificate = {"CLIENT_CERTIFICATE_TLS_AUTH": {"certificate": own.certificate_pem, "privateKey": own.key_pem()}}
    with _Registry(context) as registry:
        assert _read(registry.url, **trust, **certificate) == b'{"id": 1}'
        for lacking in (trust, certificate):
            with pytest.raises(SourceProblem, match="cannot be reached"):
                _read(registry.url, **lacking)


def test_with_tokens_of_an_identity_provider(tmp_path: Path) -> None:
    authority = Authority("registry test authority")
    with _Registry() as registry, IdentityProvider(tmp_path, authority) as provider:
        client = {"oauthTokenEndpointUrl": provider.url, "oauthClientId": CLIENT_ID, "oauthClientSecret": CLIENT_SECRET}
        assert _read(registry.url, OAUTHBEARER_AUTH=client | {"oauthIdpCaCertificate": authority.root.certificate_pem}) == b'{"id": 1}'
        assert provider.requests == [{"grant_type": "client_credentials"}]
    assert str(registry.authorizations[0]).startswith("Bearer ey")
