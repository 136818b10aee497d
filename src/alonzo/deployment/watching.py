"""Follows the files of a project and has it make live what changes.

The operating system says what has changed (inotify and its like, by watchfiles). While something is built, further changes gather and
come together afterwards.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alonzo.deployment.errors import BuildFailed, DeploymentError, SeveralFailed
from alonzo.deployment.project import Project, Report
from alonzo.deployment.source_files import iter_files

_STEP_MS = 10
"""A save is often several writes: they are one change when nothing more happens for so long."""
_DEBOUNCE_MS = 400
_WAIT_MS = 500

_Fingerprint = dict[Path, tuple[int, int]]


def deploy_and_watch(project: Project, *, report: Report) -> None:
    """Deploy, then keep what is live as the files are, until interrupted (KeyboardInterrupt).

    What fails is reported, and tried again with the next change.
    """
    from watchfiles import watch  # noqa: PLC0415 - loads a library that only this needs

    before: _Fingerprint | None = fingerprint(project.watched())
    attempt(project, None, report=report)
    while True:
        watched = project.watched()
        _check_watchable(watched)
        report(f"watching {', '.join(map(str, watched))}")
        changes = watch(
            *watched,
            watch_filter=None,
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            rust_timeout=_WAIT_MS,
            yield_on_timeout=True,
            raise_interrupt=True,
        )
        for batch in _iter_batches(changes):
            changed = frozenset(Path(path) for _, path in batch)
            if before is not None:
                # What was saved while the first deployment ran and before the operating system was listening.
                changed |= differences(before, fingerprint(watched))
                before = None
            if changed:
                attempt(project, changed, report=report)
            if project.watched() != watched:
                before = fingerprint(project.watched())
                break


def _check_watchable(paths: tuple[Path, ...]) -> None:
    gone = [str(path) for path in paths if not path.exists()]
    if gone:
        raise DeploymentError(f"{', '.join(gone)} is gone; there is nothing to watch")


def _iter_batches(changes: Iterator[set[tuple[Any, str]]]) -> Iterator[set[tuple[Any, str]]]:
    """What is answered, until the system refuses: it counts watched directories (inotify(7))."""
    try:
        yield from changes
    except OSError as error:
        raise DeploymentError(f"files cannot be watched: {error}; on Linux sysctl fs.inotify.max_user_watches allows more") from error


def attempt(project: Project, changed: frozenset[Path] | None, *, report: Report) -> bool:
    """Deploy, or apply changes; whether that went well. Errors are reported."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        if changed is None:
            project.deploy()
        else:
            project.apply(changed)
    except DeploymentError as error:
        report_failure(error, report)
    except ClientError as error:
        report(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}")
    except BotoCoreError as error:
        report(f"{error}")
    else:
        return True
    return False


def report_failure(error: DeploymentError, report: Report) -> None:
    """What a build command printed as it is, then what has failed."""
    for failure in error.failures if isinstance(error, SeveralFailed) else (error,):
        report(f"{failure}; what was live stays so:\n{failure.output}" if isinstance(failure, BuildFailed) else str(failure))


def fingerprint(paths: tuple[Path, ...]) -> _Fingerprint:
    """When each file changed last, and its size."""
    return {path: (state.st_mtime_ns, state.st_size) for path, state in _iter_states(paths)}


def differences(before: _Fingerprint, after: _Fingerprint) -> frozenset[Path]:
    """What is new, other or gone."""
    return frozenset(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _iter_states(paths: tuple[Path, ...]) -> Iterator[tuple[Path, os.stat_result]]:
    for root in paths:
        files = (path for _, path in iter_files(root)) if root.is_dir() else iter((root,))
        for path in files:
            try:
                yield path, path.stat()
            except FileNotFoundError:
                continue
