"""HTTPS on the port of HTTP: certificates for whatever name is asked for, and nothing less than TLS 1.2."""

import socket
import ssl
import stat
import warnings
from pathlib import Path

import boto3
import pytest
from cryptography import x509
from tests.conftest import StartServer
from tests.support.function_urls import id_of
from tests.support.server import Server


def _authority(server: Server) -> Path:
    return server.data_directory / "tls" / "ca.pem"


def _connect(server: Server, context: ssl.SSLContext, name: str) -> ssl.SSLSocket:
    host, port = server.endpoint_url.removeprefix("http://").split(":")
    plain = socket.create_connection((host, int(port)), timeout=60)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except OSError:
        plain.close()
        raise


@pytest.mark.parametrize("name", ["", "localhost", "127.0.0.1", "a.execute-api.eu-west-1.localhost.localstack.cloud"])
def test_any_name_has_a_certificate(server: Server, echo_url: str, name: str) -> None:
    url_host = f"{id_of(echo_url)}.lambda-url.us-east-1.localhost"
    context = ssl.create_default_context(cafile=str(_authority(server)))
    with _connect(server, context, name or url_host) as connection:
        connection.sendall(f"GET /secure HTTP/1.1\r\nHost: {url_host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"rawPath":"/secure"' in answer
    assert b'"x-forwarded-proto":"https"' in answer


def test_who_does_not_trust_the_authority_is_told(server: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _connect(server, ssl.create_default_context(), "localhost")


def test_old_versions_are_refused(server: Server) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of asking for them at all
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _connect(server, context, "localhost")


def test_the_key_is_its_owners_alone(server: Server) -> None:
    directory = _authority(server).parent
    assert stat.S_IMODE((directory / "ca-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    certificate = x509.load_pem_x509_certificate(_authority(server).read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert constraints.path_length == 0


def test_sdks_use_it(server: Server, echo_url: str) -> None:
    client = boto3.client(
        "lambda",
        endpoint_url=server.endpoint_url.replace("http://", "https://"),
        verify=str(_authority(server)),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert client.get_function_url_config(FunctionName="echo")["FunctionUrl"] == echo_url.replace("http://", "https://")


def test_given_certificates_and_several_workers(server: Server, start_server: StartServer, tmp_path: Path) -> None:
    from alonzo.edge.tls.authority import CertificateAuthority
    from alonzo.edge.tls.settings import own_authority

    pem = CertificateAuthority(own_authority(server.data_directory)).issue(["given.example.test"])
    key_begins = pem.index(b"-----BEGIN PRIVATE KEY")
    certificate, key = tmp_path / "given.pem", tmp_path / "given-key.pem"
    certificate.write_bytes(pem[:key_begins])
    key.write_bytes(pem[key_begins:])
    other = start_server("--tls-cert", str(certificate), "--tls-key", str(key), "--workers", "2", "--companion", "off")
    context = ssl.create_default_context(cafile=str(_authority(server)))
    for _ in range(2):
        with _connect(other, context, "given.example.test") as connection:
            connection.sendall(b"GET /_localstack/health HTTP/1.1\r\nHost: given.example.test\r\nConnection: close\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
    assert not (other.data_directory / "tls").exists()
