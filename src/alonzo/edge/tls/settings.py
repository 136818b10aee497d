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
