"""What a saved file may concern, where a function is an image that is built from a Dockerfile."""

from collections.abc import Iterable
from pathlib import Path

from alonzo.deployment.images import ImageRequest
from alonzo.deployment.source_files import is_source_path


class ImageTarget:
    """One image, and which build of it is live."""

    def __init__(self, request: ImageRequest) -> None:
        self.request = request
        self.live_uri = ""

    def touched_by(self, changed: Iterable[Path]) -> frozenset[Path]:
        """Those of the files that lie in the context. Which of them the Dockerfile copies is known to the builder alone."""
        context = self.request.context
        below = (path for path in changed if path.is_relative_to(context))
        return frozenset(path for path in below if is_source_path(path.relative_to(context), skipped=frozenset()))
