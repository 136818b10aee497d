"""The server's side of TLS: which certificate a client is shown."""

import os
import re
import socket
import ssl
import sys
import tempfile

from alonzo.edge.tls.authority import CertificateAuthority
from alonzo.edge.tls.settings import TlsSettings
from alonzo.errors import SetupError

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAMES_REMEMBERED = 1_024
_LOCAL_NAMES = ("localhost", "*.localhost", "localhost.localstack.cloud", "*.localhost.localstack.cloud", "127.0.0.1", "::1")


def open_tls(settings: TlsSettings, *, host: str) -> ssl.SSLContext:
    """A context for all connections. `host`: what the server listens on. SetupError when the files are not what they should be."""
    if settings.is_authority:
        return _NamedContexts(CertificateAuthority(settings), own_names=_own_names(host)).context
    context = _new_context()
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"the certificate {settings.certificate} with the key {settings.key} cannot be used: {error}") from error
    return context


class _NamedContexts:
    """A certificate for each name, signed when somebody asks for it: names of function URLs have four labels, and wildcards stand for one.

    Signing takes half a millisecond, once a name, in the event loop, where OpenSSL asks for it.
    """

    def __init__(self, authority: CertificateAuthority, *, own_names: tuple[str, ...]) -> None:
        self._authority = authority
        self._by_name: dict[str, ssl.SSLContext] = {}
        self.context = self._issue(own_names)
        """For clients that name nobody, because they know an address only."""
        self.context.sni_callback = self._on_name

    def _on_name(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name is None or _HOST_NAME.fullmatch(name.lower()) is None:
            return None
        context = self._by_name.get(name.lower())
        if context is None:
            if len(self._by_name) >= _NAMES_REMEMBERED:
                self._by_name.clear()
            context = self._by_name[name.lower()] = self._issue((name.lower(),))
        connection.context = context
        return None

    def _issue(self, names: tuple[str, ...]) -> ssl.SSLContext:
        context = _new_context()
        _load(context, self._authority.issue(names))
        return context


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """OpenSSL is handed files only, by this Python; on Linux one that is in memory."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("certificate", os.MFD_CLOEXEC), "wb") as file:
            file.write(pem)
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        return
    with tempfile.NamedTemporaryFile() as temporary:  # 0600
        temporary.write(pem)
        temporary.flush()
        context.load_cert_chain(temporary.name)


def _own_names(host: str) -> tuple[str, ...]:
    names = [*_LOCAL_NAMES, socket.gethostname().lower(), host.lower()]
    return tuple(dict.fromkeys(name for name in names if name and (_is_name(name) or name in _LOCAL_NAMES)))


def _is_name(name: str) -> bool:
    return _HOST_NAME.fullmatch(name) is not None or ":" in name
