"""Why a destination cannot be told."""

from alonzo.errors import AlonzoError


class DestinationRefused(AlonzoError):
    """It is of a kind that cannot be told, or not there, or the record is too large for it. Trying again does not help."""
