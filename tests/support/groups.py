"""How the suite is split among processes that run it together (`pytest -n 4 --dist loadgroup`, which is what `make test` does).

A group is run by one process, in order. A file is a group, so that its server is started once; what shares more is one group.
"""

from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
_FIRST_TO_LAST = ("security", "conformance", "parity", "crash", "process", "unit")
"""Those with the longest groups first: short ones level out when each process has its last."""

_WHOLE = frozenset({"security", "parity"})
"""In `security` four servers serve all files, and its fork bombs come one at a time; `parity` looks back at what it has replayed."""


def group_of(item: pytest.Item) -> str:
    """The group of a test."""
    path = item.path.relative_to(_TESTS)
    if path.parts[0] in _WHOLE:
        return path.parts[0]
    if path.parts[0] == "conformance":
        return f"conformance-{_language_of(item)}"  # each builds its package once
    return str(path)


def rank_of(item: pytest.Item) -> int:
    """Smaller for what is better begun early."""
    return _FIRST_TO_LAST.index(item.path.relative_to(_TESTS).parts[0])


def _language_of(item: pytest.Item) -> str:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return parameters["house"].id if "house" in parameters else "none"
