"""Functions and their versions: what the operations on them do.

One record a version, keyed by account, region, name and version; `$LATEST` stands for the function itself and is written first and deleted
last, so that a function is there exactly as long as its `$LATEST` is. Every change compares the record's revision with the one that was
read: of two changes at once one wins, and the other is told that an update is in progress.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.functions import states
from alonzo.functions.code.directories import CodeDirectories, SharedBytes
from alonzo.functions.code.sources import CodeSource, ResolveImage, admit_code, check_package_type, package_type_of
from alonzo.functions.configuration import ConfigurationChange, apply_change, default_log_group
from alonzo.functions.errors import (
    CodeMismatch,
    CodeStorageExceeded,
    FunctionExists,
    FunctionNotFound,
    FunctionPending,
    InvalidParameter,
    RevisionMismatch,
    UpdateInProgress,
)
from alonzo.functions.layers.layers import Layers
from alonzo.functions.publication import finish_publication, is_published, publishing
from alonzo.functions.tags import checked_tags
from alonzo.functions.turns import Turns
from alonzo.functions.usage import AccountUsage, CodeUsage
from alonzo.functions.validation import check_configuration, check_runtime, check_update
from alonzo.ids import new_uuid
from alonzo.model import quotas
from alonzo.model.function import LATEST, LATEST_PUBLISHED, CodePackage, FunctionVersion, LastUpdateStatus, LoggingConfig, State
from alonzo.model.names import BARE_NAME_MAX_LENGTH, FunctionNameTooLong, FunctionReference, is_version_number
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.record_index import Versioned
from alonzo.store.records import RecordTable

RecordKey = tuple[str, ...]
ChangeListener = Callable[[RecordKey, FunctionVersion | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFunction:
    """What CreateFunction says. `configuration` needs a role, and with an archive a runtime and a handler.

    `to_latest_published`: what is published is `$LATEST.PUBLISHED`, not a numbered version.
    """

    reference: FunctionReference
    code: CodeSource
    configuration: ConfigurationChange
    source_kms_key_arn: str | None = None
    architectures: tuple[str, ...] | None = None
    tags: dict[str, str] | None = None
    publish: bool = False
    to_latest_published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUpdate:
    """What UpdateFunctionCode says. `revision_id`: of the function as the caller knows it; with `dry_run` everything is only checked.

    `shared`: what the code has in common with a package that is kept.
    """

    reference: FunctionReference
    code: CodeSource
    source_kms_key_arn: str | None = None
    architectures: tuple[str, ...] | None = None
    revision_id: str | None = None
    publish: bool = False
    to_latest_published: bool = False
    dry_run: bool = False
    shared: SharedBytes | None = None


class Functions:
    """The functions of all accounts. Reads are look-ups in memory; writes raise the store's errors, too."""

    def __init__(
        self,
        *,
        records: RecordTable[FunctionVersion],
        code_directories: CodeDirectories,
        resolve_image: ResolveImage,
        layers: Layers,
        turns: Turns,
        takes_blocked_runtimes: bool,
        clock: Clock,
    ) -> None:
        self._records = records
        self._code_directories = code_directories
        self._resolve_image = resolve_image
        self._layers = layers
        self._takes_blocked_runtimes = takes_blocked_runtimes
        self._clock = clock
        self._turns = turns
        self._usage = CodeUsage()
        records.subscribe(self._usage.note)
        for key, version in records.iter_prefix(()):
            self._usage.note(key, version)

    def find_version(self, scope: Scope, name: str, qualifier: str | None) -> FunctionVersion | None:
        """The version that a qualifier means (None: `$LATEST`); None when there is no such function or version."""
        return self._records.find((scope.account_id, scope.region, name, qualifier or LATEST))

    def find_current(self, version: FunctionVersion) -> FunctionVersion | None:
        """What is run of a version by now; None if it was deleted."""
        current = self._records.find(_key(version))
        return None if current is None else current.runnable

    def get_version(self, reference: FunctionReference) -> FunctionVersion:
        """The version that a reference means. `FunctionNotFound`."""
        version = self.find_version(reference.scope, reference.name, reference.qualifier)
        if version is None:
            raise FunctionNotFound(reference.arn)
        return version

    def iter_functions(self, scope: Scope, *, first_name: str = "") -> Iterator[FunctionVersion]:
        """The `$LATEST` of every function of an account and region, by name; those before `first_name` are left out."""
        return (version for version in self._iter_records(scope, first_name=first_name) if version.version == LATEST)

    def iter_versions(self, scope: Scope, name: str | None = None, *, first_name: str = "") -> Iterator[FunctionVersion]:
        """All versions of all functions, or of one: by name, then `$LATEST` and the numbers in their order.

        Functions before `first_name` are left out.
        """
        for _, versions in groupby(self._iter_records(scope, name, first_name=first_name), key=lambda version: version.name):
            yield from sorted(versions, key=version_sort_key)

    def account_usage(self, scope: Scope) -> AccountUsage:
        """What counts towards the account's quotas: layers take of the storage for code, too."""
        usage = self._usage.of(scope)
        return replace(usage, code_size_bytes=usage.code_size_bytes + self._layers.stored_bytes(scope))

    def subscribe(self, listener: ChangeListener) -> Callable[[], None]:
        """Call the listener at every change of a version, by any node: key (account, region, name, version) and record, None when deleted.

        It must not block. Returns how to unsubscribe.
        """
        return self._records.subscribe(listener)

    def turn(self, reference: FunctionReference) -> AbstractAsyncContextManager[None]:
        """One change of the function at a time: for what has to agree with its versions. Not to be asked for within a turn."""
        return self._turns.of((reference.scope.account_id, reference.scope.region, reference.name))

    async def create(self, new: NewFunction) -> FunctionVersion:
        """Create a function, `Pending`. With `publish` its version 1, too, which is then what is returned.

        `FunctionNameTooLong`, `FunctionExists`, `InvalidParameter` and its kinds, `ZippedCodeTooLarge`, `CodeStorageExceeded`.
        """
        scope, name = new.reference.scope, new.reference.name
        if len(name) > BARE_NAME_MAX_LENGTH:
            raise FunctionNameTooLong(name)
        latest = self._apply(self._blank(scope, name), new.configuration)
        latest = msgspec.structs.replace(
            latest,
            package_type=package_type_of(new.code),
            source_kms_key_arn=new.source_kms_key_arn,
            tags=checked_tags(new.tags or {}),
            architectures=new.architectures or latest.architectures,
        )
        check_runtime(latest.runtime, before=None, takes_blocked=self._takes_blocked_runtimes)
        check_configuration(latest)
        if self.find_version(scope, name, LATEST) is not None:
            raise FunctionExists(name)

        package = await admit_code(new.code, self._code_directories, self._resolve_image)
        await self._layers.check_total_size(latest.layers, new.code)
        self._check_code_storage(scope, package)
        latest = states.created(msgspec.structs.replace(latest, code=package))
        if new.publish:
            latest = publishing(latest, to_latest_published=new.to_latest_published)
        async with self.turn(new.reference):
            try:
                await self._records.create(_key(latest), latest)
            except RecordExists as error:
                raise FunctionExists(name) from error
            return await finish_publication(self._records, _key(latest)) or latest

    async def update_code(self, update: CodeUpdate) -> FunctionVersion:
        """Give a function other code; it is `InProgress` then. With `publish` what is returned is the new version.

        `FunctionNotFound`, `RevisionMismatch`, `FunctionPending`, `UpdateInProgress`, `InvalidParameter` and its kinds,
        `ZippedCodeTooLarge`, `CodeStorageExceeded`.
        """
        record = await self._get_changeable(update.reference, update.revision_id)
        check_runtime(record.value.runtime, before=record.value.runtime, takes_blocked=self._takes_blocked_runtimes)
        check_package_type(update.code, record.value.package_type)
        package = await admit_code(update.code, self._code_directories, self._resolve_image, dry_run=update.dry_run, shared=update.shared)
        await self._layers.check_total_size(record.value.layers, update.code)
        self._check_code_storage(update.reference.scope, package)
        changes: dict[str, Any] = {
            "code": package,
            "source_kms_key_arn": update.source_kms_key_arn,
            "architectures": update.architectures or record.value.architectures,
        }
        if update.dry_run:
            return msgspec.structs.replace(record.value, **changes)
        latest = self._changed(msgspec.structs.replace(record.value, **changes))
        last = self._find_published(latest, to_latest_published=update.to_latest_published) if update.publish else None
        if update.publish and last is None:
            latest = publishing(latest, to_latest_published=update.to_latest_published)
        async with self.turn(update.reference):
            await self._update(latest, record.revision)
            return await finish_publication(self._records, _key(latest)) or last or latest

    async def update_configuration(
        self, reference: FunctionReference, change: ConfigurationChange, *, revision_id: str | None = None
    ) -> FunctionVersion:
        """Change a function's configuration; it is `InProgress` then. Errors: those of `update_code`, less the ones of code."""
        record = await self._get_changeable(reference, revision_id)
        wanted = self._apply(record.value, change)
        check_runtime(wanted.runtime, before=record.value.runtime, takes_blocked=self._takes_blocked_runtimes)
        check_configuration(wanted)
        check_update(record.value, wanted)
        if change.layers is not None:
            await self._layers.check_total_size(wanted.layers, wanted.code)
        latest = self._changed(wanted)
        await self._update(latest, record.revision)
        return latest

    async def publish(
        self,
        reference: FunctionReference,
        *,
        description: str | None = None,
        code_sha256_base64: str | None = None,
        revision_id: str | None = None,
        to_latest_published: bool = False,
    ) -> FunctionVersion:
        """Publish `$LATEST` as a new version, or as `$LATEST.PUBLISHED`; the last one if nothing has changed since.

        `FunctionNotFound`, `RevisionMismatch`, `CodeMismatch`, `FunctionPending`, `UpdateInProgress`.
        """
        async with self.turn(reference):
            record = await self._get_changeable(reference, revision_id)
            latest = record.value
            current = latest.code.shown_sha256
            if code_sha256_base64 is not None and code_sha256_base64 != current:
                raise CodeMismatch(given=code_sha256_base64, current=current)
            if (last := self._find_published(latest, to_latest_published=to_latest_published)) is not None:
                return last
            latest = publishing(latest, to_latest_published=to_latest_published, description=description)
            latest = msgspec.structs.replace(latest, revision_id=new_uuid())  # as on AWS
            await self._update(latest, record.revision)
            return await finish_publication(self._records, _key(latest)) or latest

    def check_deletable(self, reference: FunctionReference) -> None:
        """`FunctionNotFound`; `InvalidParameter` for what cannot be deleted this way: `$LATEST` and aliases."""
        qualifier = reference.qualifier
        if qualifier == LATEST:
            raise InvalidParameter("$LATEST version cannot be deleted without deleting the function.")
        is_version = qualifier is None or qualifier == LATEST_PUBLISHED or is_version_number(qualifier)
        if qualifier is not None and not is_version and not qualifier.startswith("$"):
            raise InvalidParameter("Deletion of aliases is not currently supported.")
        latest = self.find_version(reference.scope, reference.name, LATEST)
        if latest is None or not is_version:
            raise FunctionNotFound(reference.function_arn)

    async def delete(self, reference: FunctionReference) -> None:
        """Delete the records of a function and its versions, or of the version of the qualifier; see `FunctionDeletion` for the rest."""
        scope, name = reference.scope, reference.name
        if reference.qualifier is not None:
            await finish_publication(self._records, (scope.account_id, scope.region, name, LATEST))
        versions = self.iter_versions(scope, name) if reference.qualifier is None else iter(())
        qualifiers = [version.version for version in versions if version.version != LATEST]
        for qualifier in (*qualifiers, reference.qualifier or LATEST):
            await self._records.delete((scope.account_id, scope.region, name, qualifier))

    def _iter_records(self, scope: Scope, name: str | None = None, *, first_name: str = "") -> Iterator[FunctionVersion]:
        account = (scope.account_id, scope.region)
        prefix = account if name is None else (*account, name)
        return (version for _, version in self._records.iter_prefix(prefix, start=(*account, first_name)))

    def _apply(self, version: FunctionVersion, change: ConfigurationChange) -> FunctionVersion:
        changed = apply_change(version, change)
        if change.layers is None:
            return changed
        return msgspec.structs.replace(changed, layers=self._layers.resolve(change.layers, version.scope))

    def _blank(self, scope: Scope, name: str) -> FunctionVersion:
        return FunctionVersion(
            scope=scope,
            name=name,
            runtime=None,
            handler=None,
            role="",
            code=CodePackage("", 0),
            logging=LoggingConfig(log_group=default_log_group(name)),
            last_modified_unix_ms=self._clock.unix_ms(),
            revision_id="",
            runtime_version_arn=None,
        )

    async def _get_changeable(self, reference: FunctionReference, revision_id: str | None) -> Versioned[FunctionVersion]:
        key = (reference.scope.account_id, reference.scope.region, reference.name, LATEST)
        await finish_publication(self._records, key)
        record = self._records.get_versioned(key)
        if record is None:
            raise FunctionNotFound(reference.function_arn)
        if revision_id is not None and revision_id != record.value.revision_id:
            raise RevisionMismatch
        if record.value.state is State.PENDING:
            raise FunctionPending
        if record.value.last_update_status is LastUpdateStatus.IN_PROGRESS:
            raise UpdateInProgress(reference.function_arn)
        return record

    def _check_code_storage(self, scope: Scope, package: CodePackage) -> None:
        if self.account_usage(scope).code_size_bytes + package.size_bytes > quotas.CODE_STORAGE_MAX_BYTES:
            raise CodeStorageExceeded

    def _find_published(self, latest: FunctionVersion, *, to_latest_published: bool) -> FunctionVersion | None:
        """The last version, if publishing again would only give the same."""
        qualifier = LATEST_PUBLISHED if to_latest_published else str(latest.published_count)
        last = self.find_version(latest.scope, latest.name, qualifier)
        return last if is_published(latest, last) else None

    def _changed(self, wanted: FunctionVersion) -> FunctionVersion:
        latest = states.changed(wanted, before=self._records.find(_key(wanted)) or wanted)
        return msgspec.structs.replace(latest, last_modified_unix_ms=self._clock.unix_ms())

    async def _update(self, latest: FunctionVersion, revision: int) -> None:
        try:
            await self._records.update(_key(latest), latest, revision=revision)
        except RecordConflict as error:
            if self._records.find(_key(latest)) is None:
                raise FunctionNotFound(latest.function_arn) from error
            raise UpdateInProgress(latest.function_arn) from error


def version_sort_key(version: FunctionVersion) -> tuple[str, str]:
    """Sorts versions by name, then `$LATEST`, `$LATEST.PUBLISHED` and the numbers in their order."""
    return version.name, version.version if version.version.startswith("$") else version.version.zfill(20)


def _key(version: FunctionVersion) -> RecordKey:
    return version.scope.account_id, version.scope.region, version.name, version.version
