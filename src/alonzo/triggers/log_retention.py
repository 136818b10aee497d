"""Deletes events that log groups need not keep any longer."""

import asyncio
import logging

from alonzo.errors import AlonzoError
from alonzo.triggers.log_groups import LogGroups

_INTERVAL_SECONDS = 600.0
"""Meanwhile what is too old is still there, but nobody is shown it."""

_log = logging.getLogger(__name__)


class LogRetention:
    """One a node; where there are several, each does it, which changes nothing."""

    def __init__(self, *, groups: LogGroups) -> None:
        self._groups = groups

    async def run(self) -> None:
        """Component: now and then, until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(_INTERVAL_SECONDS)

    async def sweep(self) -> None:
        """All groups, once."""
        for scope, group, kept in list(self._groups.iter_kept()):
            if kept.retention_days is None:
                continue
            try:
                await self._groups.forget_old(scope, group)
            except AlonzoError:
                _log.exception("old events of %s are not deleted", group)
