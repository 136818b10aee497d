"""What a saved file may concern: a source that is built and made live by itself, without anything around it.

Builds may write into their sources (a Makefile's, a code generator's). Such files look like saved ones, so they are found out: what changed
while a build ran, and changed again while the build ran that this change led to, is written by the build and not by a person.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from alonzo.deployment.assembly import Assembly, concerns
from alonzo.deployment.build_methods import BuildRequest
from alonzo.deployment.packages import Package


class Target:
    """One source, and what of it is live."""

    def __init__(self, request: BuildRequest, *, now: Callable[[], float] = time.time) -> None:
        self.request = request
        self._now = now
        self._live: tuple[str, BuildRequest] | None = None
        self._built_from = self._built_until = 0.0
        self._maybe_outputs: frozenset[Path] = frozenset()
        self._outputs: frozenset[Path] = frozenset()

    def touched_by(self, changed: Iterable[Path]) -> frozenset[Path]:
        """Those of the files that a person has changed, as far as one can tell; empty if there is nothing to build."""
        touched = frozenset(path for path in changed if concerns(path, self.request)) - self._outputs
        doubtful = frozenset(path for path in touched if self._changed_while_building(path))
        if touched and touched == doubtful and touched <= self._maybe_outputs:
            self._outputs |= touched
            return frozenset()
        self._maybe_outputs = doubtful
        return touched

    def assemble(self, assembly: Assembly) -> Package:
        """Build and pack it as it is now."""
        self._built_from = self._now()
        try:
            return assembly.assemble(self.request)
        finally:
            self._built_until = self._now()

    def is_live(self, package: Package) -> bool:
        """Whether this is what was made live last, for the same request."""
        return self._live == (package.sha256, self.request)

    def note_live(self, package: Package) -> None:
        """This is live now."""
        self._live = (package.sha256, self.request)

    def _changed_while_building(self, path: Path) -> bool:
        try:
            modified_at = path.stat().st_mtime
        except OSError:
            return False
        return self._built_from <= modified_at <= self._built_until
