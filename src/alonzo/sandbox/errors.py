"""Why there is no sandbox."""

from alonzo.errors import AlonzoError


class SandboxLost(AlonzoError):
    """A sandbox ended, or could not be built, before its runtime was started. Trying again with another one is safe."""
