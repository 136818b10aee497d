"""The door for responses of custom resources, wired."""

import ssl
from pathlib import Path

from alonzo.aws.client.clients import AwsClients
from alonzo.edge.patience import HttpTimeouts
from alonzo.edge.response_door import ResponseDoor, ports_of
from alonzo.edge.tls.settings import own_authority
from alonzo.node.configuration import Configuration
from alonzo.node.host_setup import Host


def wire_responses(configuration: Configuration, *, services: AwsClients, host: Host, timeouts: HttpTimeouts) -> ResponseDoor:
    """Nothing listens yet."""
    address = host.settings.response_address
    return ResponseDoor(
        deliver=services.hand_response,
        open_tls=lambda name: _open_tls(configuration.common_directory, name),
        ports=ports_of(configuration.data_directory),
        in_sandboxes=None if address is None else address[1],
        timeouts=timeouts,
    )


def _open_tls(directory: Path, host: str) -> ssl.SSLContext:
    from alonzo.edge.tls.contexts import open_tls  # noqa: PLC0415 - a tenth of a second, with the first custom resource
    from alonzo.edge.tls.trust import ensure_trusted_authority  # noqa: PLC0415 - the same

    ensure_trusted_authority(directory)
    return open_tls(own_authority(directory), host=host)
