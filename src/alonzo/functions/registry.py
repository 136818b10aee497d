"""Functions and their versions: what the operations on them do.

One record a version, keyed by account, region, name and version; `$LATEST` stands for the function itself and is written first and deleted
last, so that a function is there exactly as long as its `$LATEST` is. Every change compares the record's revision with the one that was
read: of two changes at once one wins, and the other is told that an update is in progress.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.functions import states
from alonzo.functions.code_directories import CodeDirectories
from alonzo.functions.configuration import ConfigurationChange, apply_change, default_log_group, same_configuration
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
from alonzo.functions.validation import check_configuration
from alonzo.model import quotas
from alonzo.model.function import LATEST, CodePackage, FunctionVersion, LastUpdateStatus, LoggingConfig, State
from alonzo.model.names import BARE_NAME_MAX_LENGTH, FunctionNameTooLong, FunctionReference, is_version_number
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.record_index import Versioned
from alonzo.store.records import RecordTable

RecordKey = tuple[str, ...]
ChangeListener = Callable[[RecordKey, FunctionVersion | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFunction:
    """What CreateFunction says. `code` is a zip archive; `configuration` needs a role, a runtime and a handler."""

    reference: FunctionReference
    code: bytes
    configuration: ConfigurationChange
    architectures: tuple[str, ...] | None = None
    tags: dict[str, str] | None = None
    publish: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUpdate:
    """What UpdateFunctionCode says. `revision_id`: of the function as the caller knows it; with `dry_run` everything is only checked."""

    reference: FunctionReference
    code: bytes
    architectures: tuple[str, ...] | None = None
    revision_id: str | None = None
    publish: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUsage:
    """What an account has in a region."""

    function_count: int
    code_size_bytes: int


class Functions:
    """The functions of all accounts. Reads are look-ups in memory; writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[FunctionVersion], code_directories: CodeDirectories, clock: Clock) -> None:
        self._records = records
        self._code_directories = code_directories
        self._clock = clock

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

    def iter_functions(self, scope: Scope) -> Iterator[FunctionVersion]:
        """The `$LATEST` of every function of an account and region, by name."""
        return (version for version in self._iter_records(scope) if version.version == LATEST)

    def iter_versions(self, scope: Scope, name: str | None = None) -> Iterator[FunctionVersion]:
        """All versions of all functions, or of one: by name, then `$LATEST` and the numbers in their order."""
        return iter(sorted(self._iter_records(scope, name), key=version_sort_key))

    def account_usage(self, scope: Scope) -> AccountUsage:
        """Counted anew at each call: O(versions of the account in the region)."""
        function_count = code_size_bytes = 0
        for version in self._iter_records(scope):
            function_count += version.version == LATEST
            code_size_bytes += version.code.size_bytes
        return AccountUsage(function_count=function_count, code_size_bytes=code_size_bytes)

    def subscribe(self, listener: ChangeListener) -> Callable[[], None]:
        """Call the listener at every change of a version, by any node: key (account, region, name, version) and record, None when deleted.

        It must not block. Returns how to unsubscribe.
        """
        return self._records.subscribe(listener)

    async def create(self, new: NewFunction) -> FunctionVersion:
        """Create a function, `Pending`. With `publish` its version 1, too, which is then what is returned.

        `FunctionNameTooLong`, `FunctionExists`, `InvalidParameter` and its kinds, `ZippedCodeTooLarge`, `CodeStorageExceeded`.
        """
        scope, name = new.reference.scope, new.reference.name
        if len(name) > BARE_NAME_MAX_LENGTH:
            raise FunctionNameTooLong(name)
        latest = apply_change(self._blank(scope, name), new.configuration)
        latest = msgspec.structs.replace(latest, tags=new.tags or {}, architectures=new.architectures or latest.architectures)
        check_configuration(latest)
        if self.find_version(scope, name, LATEST) is not None:
            raise FunctionExists(name)

        package = await self._code_directories.admit(new.code)
        self._check_code_storage(scope, package)
        latest = states.created(msgspec.structs.replace(latest, code=package, published_count=int(new.publish)))
        try:
            await self._records.create(_key(latest), latest)
        except RecordExists as error:
            raise FunctionExists(name) from error
        return await self._write_version(latest) if new.publish else latest

    async def update_code(self, update: CodeUpdate) -> FunctionVersion:
        """Give a function other code; it is `InProgress` then. With `publish` what is returned is the new version.

        `FunctionNotFound`, `RevisionMismatch`, `FunctionPending`, `UpdateInProgress`, `InvalidParameter` and its kinds,
        `ZippedCodeTooLarge`, `CodeStorageExceeded`.
        """
        record = self._get_changeable(update.reference, update.revision_id)
        if update.dry_run:
            package = await self._code_directories.check(update.code)
        else:
            package = await self._code_directories.admit(update.code)
        self._check_code_storage(update.reference.scope, package)
        changes: dict[str, Any] = {"code": package, "architectures": update.architectures or record.value.architectures}
        if update.dry_run:
            return msgspec.structs.replace(record.value, **changes)
        latest = await self._write_change(record, publish=update.publish, **changes)
        return await self._write_version(latest) if update.publish else latest

    async def update_configuration(
        self, reference: FunctionReference, change: ConfigurationChange, *, revision_id: str | None = None
    ) -> FunctionVersion:
        """Change a function's configuration; it is `InProgress` then. Errors: those of `update_code`, less the ones of code."""
        record = self._get_changeable(reference, revision_id)
        wanted = apply_change(record.value, change)
        check_configuration(wanted)
        return await self._write_change(Versioned(wanted, record.revision), publish=False)

    async def publish(
        self,
        reference: FunctionReference,
        *,
        description: str | None = None,
        code_sha256_base64: str | None = None,
        revision_id: str | None = None,
    ) -> FunctionVersion:
        """Publish `$LATEST` as a new version; the last one if nothing has changed since.

        `FunctionNotFound`, `RevisionMismatch`, `CodeMismatch`, `FunctionPending`, `UpdateInProgress`.
        """
        record = self._get_changeable(reference, revision_id)
        latest = record.value
        current = latest.code.sha256_base64
        if code_sha256_base64 is not None and code_sha256_base64 != current:
            raise CodeMismatch(given=code_sha256_base64, current=current)
        last = self.find_version(latest.scope, latest.name, str(latest.published_count))
        if last is not None and same_configuration(latest, last):
            return last
        latest = msgspec.structs.replace(latest, published_count=latest.published_count + 1)
        await self._update(latest, record.revision)
        return await self._write_version(latest, description=description)

    def check_deletable(self, reference: FunctionReference) -> None:
        """`FunctionNotFound`; `InvalidParameter` for what cannot be deleted this way: `$LATEST` and aliases."""
        qualifier = reference.qualifier
        if qualifier == LATEST:
            raise InvalidParameter("$LATEST version cannot be deleted without deleting the function.")
        if qualifier is not None and not qualifier.startswith("$") and not is_version_number(qualifier):
            raise InvalidParameter("Deletion of aliases is not currently supported.")
        latest = self.find_version(reference.scope, reference.name, LATEST)
        if latest is None or (qualifier is not None and not is_version_number(qualifier)):
            raise FunctionNotFound(reference.function_arn)

    async def delete(self, reference: FunctionReference) -> None:
        """Delete the records of a function and its versions, or of the version of the qualifier; see `FunctionDeletion` for the rest."""
        scope, name = reference.scope, reference.name
        versions = self.iter_versions(scope, name) if reference.qualifier is None else iter(())
        qualifiers = [version.version for version in versions if version.version != LATEST]
        for qualifier in (*qualifiers, reference.qualifier or LATEST):
            await self._records.delete((scope.account_id, scope.region, name, qualifier))

    def _iter_records(self, scope: Scope, name: str | None = None) -> Iterator[FunctionVersion]:
        prefix = (scope.account_id, scope.region) if name is None else (scope.account_id, scope.region, name)
        return (version for _, version in self._records.iter_prefix(prefix))

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

    def _get_changeable(self, reference: FunctionReference, revision_id: str | None) -> Versioned[FunctionVersion]:
        scope = reference.scope
        record = self._records.get_versioned((scope.account_id, scope.region, reference.name, LATEST))
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

    async def _write_change(self, record: Versioned[FunctionVersion], *, publish: bool, **changes: Any) -> FunctionVersion:
        latest = msgspec.structs.replace(
            states.changed(record.value, before=self._records.find(_key(record.value)) or record.value),
            last_modified_unix_ms=self._clock.unix_ms(),
            published_count=record.value.published_count + publish,
            **changes,
        )
        await self._update(latest, record.revision)
        return latest

    async def _update(self, latest: FunctionVersion, revision: int) -> None:
        try:
            await self._records.update(_key(latest), latest, revision=revision)
        except RecordConflict as error:
            raise UpdateInProgress(latest.function_arn) from error

    async def _write_version(self, latest: FunctionVersion, *, description: str | None = None) -> FunctionVersion:
        """The version whose number `latest.published_count` already says: taken first, so that no number is given twice."""
        version = msgspec.structs.replace(
            latest,
            version=str(latest.published_count),
            description=latest.description if description is None else description,
            tags={},
            published_count=0,
        )
        version = states.created(version)
        if latest.state is State.ACTIVE and not latest.awaits_activation:
            version = states.activated(version)
        await self._records.put(_key(version), version)
        return version


def version_sort_key(version: FunctionVersion) -> tuple[str, str]:
    """Sorts versions by name, then `$LATEST`, then the numbers in their order."""
    return version.name, "" if version.version == LATEST else version.version.zfill(20)


def _key(version: FunctionVersion) -> RecordKey:
    return version.scope.account_id, version.scope.region, version.name, version.version
