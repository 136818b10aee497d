"""Carries out what was accepted: makes new and changed versions ready to run and says how that went.

A component beside the API: whoever creates or changes a version only writes that it waits for activation. The records say what is left
to do, so nothing is lost with a node: after a restart the work goes on, and every node of a cluster unpacks the code it will run.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alonzo.errors import AlonzoError
from alonzo.functions import states
from alonzo.functions.code.directories import CodeDirectories
from alonzo.functions.errors import ActivationFailed, InvalidParameter
from alonzo.functions.registry import RecordKey
from alonzo.model.function import FunctionVersion
from alonzo.store.errors import RecordConflict, StoreError, StoreFull, StoreRefused, StoreUnavailable
from alonzo.store.records import RecordTable

Activate = Callable[[FunctionVersion], Awaitable[None]]
"""Whatever a version needs besides its code. `ActivationFailed`, or any other `AlonzoError`: its message becomes the reason."""

_AT_ONCE = 4
"""Packages that are unpacked at a time. What comes after may take minutes, a snapshot, and keeps nobody waiting."""
_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    reason_code: str


class Activations:
    """Does its work while `run` runs. Bounded by the number of versions: one that waits is remembered once."""

    def __init__(self, *, records: RecordTable[FunctionVersion], code_directories: CodeDirectories, activate: Activate) -> None:
        self._records = records
        self._code_directories = code_directories
        self._activate = activate
        self._waiting: dict[RecordKey, None] = {}
        self._in_hand: set[RecordKey] = set()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Component: until cancelled. What is in hand then waits for the next start."""
        unsubscribe = self._records.subscribe(self._note)
        try:
            for key, version in self._records.iter_prefix(()):
                self._note(key, version)
            async with asyncio.TaskGroup() as activations:
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._waiting:
                        key, _ = self._waiting.popitem()
                        self._in_hand.add(key)
                        activations.create_task(self._take_in_hand(key))
        finally:
            unsubscribe()

    def _note(self, key: RecordKey, version: FunctionVersion | None) -> None:
        if version is not None and version.awaits_activation and key not in self._in_hand:
            self._waiting[key] = None
            self._wake.set()

    async def _take_in_hand(self, key: RecordKey) -> None:
        try:
            # Again if it was deleted and created anew, or changed by another node, in the meantime.
            while (record := self._records.get_versioned(key)) is not None and record.value.awaits_activation:
                try:
                    failure = await self._make_ready(record.value)
                    await self._records.update(key, _outcome(record.value, failure), revision=record.revision)
                except RecordConflict:
                    continue
                except StoreError as error:
                    _log.warning("activation of %s waits for the store: %s", record.value.qualified_arn, error)
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._in_hand.discard(key)
            self._wake.set()

    async def _make_ready(self, version: FunctionVersion) -> _Failure | None:
        try:
            async with self._turns:
                if version.code.image_uri is None:
                    await self._code_directories.ensure(version.code.sha256)
                if version.layer_packages:
                    await self._code_directories.ensure_layers(version.layer_packages)
            await self._activate(version)
        except (StoreUnavailable, StoreFull, StoreRefused):
            raise
        except ActivationFailed as error:
            return _Failure(str(error), error.reason_code)
        except InvalidParameter as error:
            return _Failure(str(error), "InvalidZipFileException")
        except AlonzoError as error:
            return _Failure(str(error), "InternalError")
        except Exception:
            _log.exception("activation of %s failed", version.qualified_arn)
            return _Failure("An internal error occurred.", "InternalError")
        return None


def _outcome(version: FunctionVersion, failure: _Failure | None) -> FunctionVersion:
    if failure is None:
        return states.activated(version)
    return states.failed(version, reason=failure.reason, reason_code=failure.reason_code)
