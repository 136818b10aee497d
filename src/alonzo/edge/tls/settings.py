"""How HTTPS is served: what `--tls`, `--tls-cert` and `--tls-key` say."""

from dataclasses import dataclass
from pathlib import Path

_DIRECTORY = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """PEM files. `is_authority`: the certificate is that of an authority of our own, which signs one for each name that is asked for."""

    certificate: Path
    key: Path
    is_authority: bool


def own_authority(data_directory: Path) -> TlsSettings:
    """The authority of a data directory, whether it has been made or not."""
    directory = data_directory / _DIRECTORY
    return TlsSettings(certificate=directory / "ca.pem", key=directory / "ca-key.pem", is_authority=True)


def trust_file(data_directory: Path) -> Path:
    """The file that functions read (`trust.py`), made and brought up to date: it holds the authority's certificate, or nothing. OSError."""
    authority = own_authority(data_directory).certificate
    path = data_directory / "trusted.pem"  # where there need be no authority
    certificate = authority.read_bytes() if authority.exists() else b""
    if not path.exists() or path.read_bytes() != certificate:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(certificate)  # never replaced: sandboxes that are there have it mounted
        path.chmod(0o644)
    return path
