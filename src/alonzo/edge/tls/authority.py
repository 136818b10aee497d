"""A certificate authority of one's own: made once, kept in the data directory, trusted by whoever is told to.

It signs certificates for any name that a client asks this server for. Whoever has its key can pretend to be any site to those who trust it:
hence the key's file is its owner's alone.
"""

import ipaddress
import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from alonzo.edge.tls.settings import TlsSettings
from alonzo.errors import SetupError

_AUTHORITY_LIFE = timedelta(days=3_650)
_LIFE = timedelta(days=397)
"""Browsers take no longer ones (CA/Browser Forum, Baseline Requirements 6.3.2)."""

_EARLIER = timedelta(days=1)
"""Clocks differ."""


def ensure_authority(settings: TlsSettings) -> bool:
    """Make the authority's files unless they are there; whether they were made. SetupError."""
    if settings.certificate.exists() and settings.key.exists():
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Alonzo, {socket.gethostname()[:40]}"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Alonzo local certificate authority"),
        ]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    try:
        settings.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_secret(settings.key, _key_pem(key))
        settings.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise SetupError(f"the certificate authority cannot be kept in {settings.key.parent}: {error.strerror}") from error
    return True


class CertificateAuthority:
    """Signs. SetupError when its files cannot be read."""

    def __init__(self, settings: TlsSettings) -> None:
        try:
            self._certificate = x509.load_pem_x509_certificate(settings.certificate.read_bytes())
            key = serialization.load_pem_private_key(settings.key.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise SetupError(f"the certificate authority in {settings.key.parent} cannot be used: {error}") from error
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())

    def issue(self, names: Iterable[str]) -> bytes:
        """A certificate for these host names and addresses, with its key, as PEM. All have the same key, which is nowhere kept."""
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._certificate.subject)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLIER)
            .not_valid_after(min(now + _LIFE, self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + _key_pem(self._leaf_key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write_secret(path: os.PathLike[str], content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # of a file that was there already
        file.write(content)
