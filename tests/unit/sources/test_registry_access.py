"""How a schema registry is come into: each kind of access opens one that wants it."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.support.brokers.authority import Authority
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.unit.sources.streams import a_mapping

from alonzo.clock import ManualClock
from alonzo.model.event_source_mapping import KafkaConsumer, MappingSettings, SchemaRegistry, SourceAccess
from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.records import KafkaRecord
from alonzo.sources.kafka.schemas.validation import open_validation

_RECORD = b"\x00\x00\x00\x00\x01" + b'{"id": 1}'


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.authorizations.append(self.headers.get("Authorization"))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"schemaType": "JSON", "schema": '{"type": "object"}'}).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Of connections that were refused."""


@contextmanager
def _registry(context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str | None]]]:
    """Its URL, and the `Authorization` of what it has been asked."""
    authorizations: list[str | None] = []
    with _Quiet(("127.0.0.1", 0), _Pages) as http:
        http.authorizations = authorizations  # type: ignore[attr-defined]
        if context is not None:
            http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{http.server_address[1]}", authorizations
        http.shutdown()
        thread.join()


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
    with _registry() as (url, authorizations):
        assert _read(url, BASIC_AUTH={"username": "a", "password": "b"}) == b'{"id": 1}'
    assert authorizations == ["Basic YTpi"]


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
    with _registry(context) as (url, _):
        assert _read(url, **trust, **certificate) == b'{"id": 1}'
        for lacking in (trust, certificate):
            with pytest.raises(SourceProblem, match="cannot be reached"):
                _read(url, **lacking)


def test_with_tokens_of_an_identity_provider(tmp_path: Path) -> None:
    authority = Authority("registry test authority")
    with _registry() as (url, authorizations), IdentityProvider(tmp_path, authority) as provider:
        client = {"oauthTokenEndpointUrl": provider.url, "oauthClientId": CLIENT_ID, "oauthClientSecret": CLIENT_SECRET}
        assert _read(url, OAUTHBEARER_AUTH=client | {"oauthIdpCaCertificate": authority.root.certificate_pem}) == b'{"id": 1}'
        assert provider.requests == [{"grant_type": "client_credentials"}]
    assert str(authorizations[0]).startswith("Bearer ey")
