"""Runtime identifiers are taken apart as AWS means them."""

import botocore.session
import pytest

from alonzo.runtimes.catalog import RuntimeFamily, find_runtime

RUNTIMES_WITHOUT_IDENTIFIER_RULE = {"custom"}
"""In botocore's enum, but nothing that a user may choose: AWS's placeholder for functions without a managed runtime."""


def test_reads_every_identifier_botocore_knows() -> None:
    known = botocore.session.get_session().get_service_model("lambda").shape_for("Runtime").enum
    unread = {identifier for identifier in known if find_runtime(identifier) is None}
    assert unread <= RUNTIMES_WITHOUT_IDENTIFIER_RULE


@pytest.mark.parametrize(
    ("identifier", "family", "version", "operating_system"),
    [
        ("python3.12", RuntimeFamily.PYTHON, (3, 12), None),
        ("nodejs22.x", RuntimeFamily.NODEJS, (22,), None),
        ("nodejs", RuntimeFamily.NODEJS, (), None),
        ("nodejs4.3-edge", RuntimeFamily.NODEJS, (4, 3), None),
        ("java8.al2", RuntimeFamily.JAVA, (8,), "al2"),
        ("dotnetcore3.1", RuntimeFamily.DOTNET, (3, 1), None),
        ("provided.al2023", RuntimeFamily.PROVIDED, (), "al2023"),
        ("go1.x", RuntimeFamily.GO, (1,), None),
    ],
)
def test_takes_an_identifier_apart(identifier: str, family: RuntimeFamily, version: tuple[int, ...], operating_system: str | None) -> None:
    runtime = find_runtime(identifier)
    assert runtime is not None
    assert (runtime.family, runtime.version, runtime.operating_system) == (family, version, operating_system)


@pytest.mark.parametrize("identifier", ["", "python", "python3", "python3.12\n", "Python3.12", "perl5.36", "python3.12.1", "python-3.12"])
def test_finds_nothing_for_what_is_no_runtime(identifier: str) -> None:
    assert find_runtime(identifier) is None
