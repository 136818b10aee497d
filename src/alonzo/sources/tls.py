"""TLS to brokers, with authorities and certificates that come out of secrets."""

import asyncio
import ssl
import tempfile
from pathlib import Path

from alonzo.sources.errors import SourceProblem

INVALID_CERTIFICATE = "Provided certificate or private key is invalid"
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kafka-troubleshoot.html#kafka-key-errors."""


async def make_ssl_context(*, root_ca: str | None = None, client: dict[str, str] | None = None) -> ssl.SSLContext:
    """For a server whose certificate `root_ca` (PEM) has signed, or one that the machine trusts.

    `client`: `certificate`, `privateKey` and perhaps `privateKeyPassword`, for a server that wants to know who comes. `SourceProblem`.
    """
    return await asyncio.to_thread(_make_ssl_context, root_ca, client)


def _make_ssl_context(root_ca: str | None, client: dict[str, str] | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=root_ca)
        if client is not None:
            with tempfile.TemporaryDirectory() as directory:  # OpenSSL reads them from files only; nobody else may read these
                certificate, key = Path(directory) / "certificate", Path(directory) / "key"
                certificate.write_text(client["certificate"])
                key.write_text(client["privateKey"])
                # Without a password of its own OpenSSL would ask at the terminal for that of an encrypted key.
                context.load_cert_chain(certificate, key, password=client.get("privateKeyPassword", ""))
    except (ssl.SSLError, ValueError) as error:
        raise SourceProblem(INVALID_CERTIFICATE) from error
    return context
