"""HTTPS, set up: the authority made if it has to be, the server's context, what users are told of it.

What makes certificates is imported only here and only when it is wanted: it takes a tenth of a second.
"""

import ssl

from alonzo.edge.server import TlsSource
from alonzo.node.configuration import Configuration


def prepare_tls(configuration: Configuration) -> None:
    """Before the event loop, and before workers, who share the files. SetupError."""
    tls = configuration.tls
    if tls is not None and tls.is_authority:
        from alonzo.edge.tls.authority import ensure_authority  # noqa: PLC0415 - see above

        ensure_authority(tls)


def open_tls_source(configuration: Configuration) -> TlsSource | None:
    """None: HTTP only. SetupError."""
    if configuration.tls is None:
        return None
    from alonzo.edge.tls.contexts import open_tls  # noqa: PLC0415 - see above

    context = open_tls(configuration.tls, host=configuration.host)

    async def opened() -> ssl.SSLContext:
        return context

    return opened


def trust_instructions(configuration: Configuration) -> str | None:
    """How clients come to trust the authority; None if there is none."""
    tls = configuration.tls
    if tls is None or not tls.is_authority:
        return None
    path = tls.certificate
    return (
        f"alonzo: HTTPS on the same port; its certificates are signed by {path}\n"
        f"  curl --cacert {path} https://...\n"
        f"  export AWS_CA_BUNDLE={path} NODE_EXTRA_CA_CERTS={path} REQUESTS_CA_BUNDLE={path}\n"
        f"  the whole machine (Debian): sudo cp {path} /usr/local/share/ca-certificates/alonzo.crt && sudo update-ca-certificates\n"
        f"  Firefox and Chromium: import it under certificate authorities, to identify websites"
    )
