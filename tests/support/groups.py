"""How the suite is split among processes that run it together (`pytest -n 4`, which is what `make test` does).

A group is run by one process, in order. A file is a group, so that its server is started once; what shares more is one group.

Groups are read off the names of tests: the groups of pytest-xdist's own (`--dist loadgroup`) are lost with pytest 9.2
(https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

import re
from typing import Any

import pytest
from tests.conformance.languages import LANGUAGES

_FIRST_TO_LAST = ("security", "conformance", "parity", "crash", "process", "unit")
"""Those with the longest groups first: short ones level out when each process has its last."""

_WHOLE = frozenset({"security", "parity"})
"""In `security` four servers serve all files, and its fork bombs come one at a time; `parity` looks back at what it has replayed."""

_SHARED = ("tests/process/sources/", "tests/process/brokers/test_kafka")
"""How the paths of tests begin that use one server: each process with some of them would start another one, and its companion."""

_LANGUAGE = re.compile(rf"\[(?:.*-)?({'|'.join(language.id for language in LANGUAGES)})(?:-.*)?\]$")


def group_of(node_id: str) -> str:
    """The group of a test."""
    file = node_id.partition("::")[0]
    kind = _kind_of(node_id)
    if kind in _WHOLE:
        return kind
    shared = next((beginning for beginning in _SHARED if file.startswith(beginning)), None)
    if shared is not None:
        return shared
    language = _LANGUAGE.search(node_id) if kind == "conformance" else None
    return file if language is None else f"{kind} {language[1]}"  # each builds its package once


def put_in_order(items: list[pytest.Item]) -> None:
    """Those groups first that are better begun early; within a group nothing changes."""
    items.sort(key=lambda item: _FIRST_TO_LAST.index(_kind_of(item.nodeid)))


def make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deals out groups, one after the other, to whoever has next to nothing left."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return GroupScheduling(config, log)


def _kind_of(node_id: str) -> str:
    return node_id.removeprefix("tests/").partition("/")[0]
