"""The page of runtimes: what each has got, from the suite's own tables. `python -m tests.conformance.page`."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.conformance.expectations import HANDLER_ERRORS, ExpectedError
from tests.conformance.features import Feature
from tests.conformance.languages import LANGUAGES

_SUITE = Path(__file__).parent

_INTRODUCTION = """\
# Runtimes

<!-- Written by `make docs` from the tables of tests/conformance; change them there. -->

One suite of handlers, [tests/conformance](../tests/conformance), is written once in each language and run by the same tests in every
runtime, through a real server and boto3. Where a runtime has not got something, it has not got it on AWS either, and the note says why.
[Differences from AWS](differences.md) names what is not there yet.

Python, Node.js, Java and Ruby run on what the machine has installed; if the version asked for is missing, the nearest one runs and the
function's log says so. `provided.*` runs any program named `bootstrap`: Go and Rust are tested with AWS's own libraries for them.
"""

_ERRORS = """
## What an error looks like

An exception, or what the language has of the kind, as callers see it. The client of each runtime words it.

| | `errorType` | stack trace | written into the log | source |
|---|---|---|---|---|"""


def render_page() -> str:
    """The page in Markdown."""
    notes: dict[str, int] = {}
    tests = find_tests()
    lines = [_INTRODUCTION, "| | " + " | ".join(language.title for language in LANGUAGES) + " |", "|---" * (len(LANGUAGES) + 1) + "|"]
    lines.append("| runtimes | " + " | ".join(language.runtimes for language in LANGUAGES) + " |")
    for feature in Feature:
        cells = [_cell(language.lacks.get(feature), notes) for language in LANGUAGES]
        lines.append(f"| {_linked(feature, tests)} | " + " | ".join(cells) + " |")
    lines += ["", *(f"{number}. {reason}." for reason, number in notes.items()), _ERRORS]
    lines += [f"| {language.title} | {_error_cells(HANDLER_ERRORS[language.id])} |" for language in LANGUAGES]
    return "\n".join([*lines, ""])


def find_tests() -> Mapping[Feature, tuple[str, ...]]:
    """The test modules that ask for a feature, read from their sources."""
    found: dict[Feature, list[str]] = {}
    for path in sorted(_SUITE.glob("test_*.py")):
        for feature in dict.fromkeys(_iter_features(ast.parse(path.read_text()))):
            found.setdefault(feature, []).append(path.name)
    return {feature: tuple(names) for feature, names in found.items()}


def _iter_features(module: ast.Module) -> Iterator[Feature]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == Feature.__name__:
            yield Feature[node.attr]


def _cell(reason: str | None, notes: dict[str, int]) -> str:
    if reason is None:
        return "yes"
    return f"no ({notes.setdefault(reason, len(notes) + 1)})"


def _linked(feature: Feature, tests: Mapping[Feature, tuple[str, ...]]) -> str:
    return f"[{feature}](../tests/conformance/{tests[feature][0]})" if feature in tests else str(feature)


def _error_cells(expected: ExpectedError) -> str:
    error_type = (expected.type or "").replace("\\", "").replace(".*", "…")
    trace = f"`{expected.trace}`" if expected.trace else "none"
    return f"`{error_type}` | {trace} | {'yes' if expected.is_logged else 'no'} | {expected.source}"


if __name__ == "__main__":
    print(render_page(), end="")
