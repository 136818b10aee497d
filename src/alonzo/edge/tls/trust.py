"""What functions trust beside the authorities of their runtimes: this node's own, once it has one.

It is in a file that every sandbox is shown from the beginning, empty at first. When the authority is made the file is filled, and stays
the same one. Node.js reads what NODE_EXTRA_CA_CERTS names when it starts, so that only those that start afterwards are told of it.
"""

import fcntl
from pathlib import Path

from alonzo.edge.tls.authority import ensure_authority
from alonzo.edge.tls.settings import own_authority, trust_file


def ensure_trusted_authority(data_directory: Path) -> None:
    """Have an authority, and functions trust it. Several processes may ask for it at once. SetupError."""
    settings = own_authority(data_directory)
    settings.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.key.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure_authority(settings)
        trust_file(data_directory)
