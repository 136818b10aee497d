"""Whose certificates are believed where a service is reached by HTTPS: those of authorities that the system knows, and AWS_CA_BUNDLE's.

Source of the variable: https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html (ca_bundle).
"""

import logging
import ssl

_log = logging.getLogger(__name__)


def trusted(ca_bundle: str | None) -> ssl.SSLContext | bool:
    """For aiohttp, which takes True for what the system knows. A bundle that cannot be read is logged. Blocking: reads files."""
    if not ca_bundle:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except OSError as error:  # ssl.SSLError is one, too
        _log.warning("AWS_CA_BUNDLE=%s cannot be read: %s; certificates are those that the system knows", ca_bundle, error)
    return context
