"""Publishing, in writes that a kill may separate.

A published version is a record beside `$LATEST`, which counts the versions. Whoever publishes writes the new version into `$LATEST` first,
as `publishing`, together with the count: with this one write it is published and its number taken. Then the version gets a record of its
own, and then `publishing` goes away. What a kill leaves to do is done by the next change or the next start, whichever comes first.
"""

import logging
from contextlib import suppress

import msgspec

from alonzo.functions import states
from alonzo.functions.configuration import same_configuration
from alonzo.model.function import LATEST, LATEST_PUBLISHED, FunctionVersion, State
from alonzo.store.errors import RecordConflict, RecordExists, StoreError
from alonzo.store.records import RecordTable

_log = logging.getLogger(__name__)

RecordKey = tuple[str, ...]


def publishing(latest: FunctionVersion, *, to_latest_published: bool, description: str | None = None) -> FunctionVersion:
    """`$LATEST` with the next version in it, to be written; or with the one version that is published again and again."""
    count = latest.published_count + (not to_latest_published)
    version = msgspec.structs.replace(
        latest,
        version=LATEST_PUBLISHED if to_latest_published else str(count),
        description=latest.description if description is None else description,
        tags={},
        published_count=0,
        superseded=None,
        publishing=None,
        latest_description=latest.description,
    )
    version = states.created(version)
    if latest.state is State.ACTIVE and not latest.awaits_activation and not version.uses_snap_start:  # its snapshot is made first
        version = states.activated(version)
    return msgspec.structs.replace(latest, published_count=count, publishing=version)


def is_published(latest: FunctionVersion, last: FunctionVersion | None) -> bool:
    """Whether publishing `$LATEST` would give what the last version is already, the description that was given with that one aside."""
    if last is None or latest.description != last.latest_description:
        return False
    blank = {"superseded": None, "publishing": None, "latest_description": None}
    return same_configuration(msgspec.structs.replace(latest, **blank), msgspec.structs.replace(last, **blank))


async def finish_publication(records: RecordTable[FunctionVersion], key: RecordKey) -> FunctionVersion | None:
    """Do what is left of the publication in the `$LATEST` of this key; the version as published, or None when none was.

    However many do it at once, all of it is done once. Errors: the store's.
    """
    published: FunctionVersion | None = None
    while (record := records.get_versioned(key)) is not None and record.value.publishing is not None:
        published = record.value.publishing
        try:
            await _write(records, published)
            await records.update(key, msgspec.structs.replace(record.value, publishing=None), revision=record.revision)
        except RecordConflict:  # activated in between, or finished by somebody else: the record says it
            continue
    return published


async def finish_publications(records: RecordTable[FunctionVersion]) -> None:
    """Finish what an earlier run could not. Not being able to is no reason not to start: the next change of the function tries again."""
    for key in [key for key, version in records.iter_prefix(()) if version.version == LATEST and version.publishing is not None]:
        try:
            await finish_publication(records, key)
        except StoreError as error:
            _log.warning("a version of function %s is not published yet: %s", key[2], error)


async def _write(records: RecordTable[FunctionVersion], version: FunctionVersion) -> None:
    """A number is written once, `$LATEST.PUBLISHED` over what it was. `RecordConflict` when somebody else did that just now."""
    key = (version.scope.account_id, version.scope.region, version.name, version.version)
    before = records.get_versioned(key) if version.version == LATEST_PUBLISHED else None
    if before is not None:
        await records.update(key, version, revision=before.revision)
        return
    with suppress(RecordExists):
        await records.create(key, version)
