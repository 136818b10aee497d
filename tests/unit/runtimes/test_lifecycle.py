"""What AWS still does with old runtimes, by its tables of supported and deprecated runtimes."""

from datetime import date

import botocore.session
import pytest

from alonzo.model.runtimes import RUNTIMES_LISTED
from alonzo.runtimes.lifecycle import AS_OF, LIFECYCLES, RuntimePhase, phase_of

REFUSED_BY_AWS = ("java8", "go1.x", "provided", "ruby2.7", "nodejs12.x", "nodejs14.x", "python3.7", "dotnetcore3.1")
"""Recorded: creating functions of these is refused."""


def test_every_runtime_that_may_be_chosen_is_in_the_table() -> None:
    assert set(RUNTIMES_LISTED) <= LIFECYCLES.keys()


def test_every_runtime_of_the_table_is_one_that_botocore_knows() -> None:
    assert set(botocore.session.get_session().get_service_model("lambda").shape_for("Runtime").enum) >= LIFECYCLES.keys()


@pytest.mark.parametrize("identifier", REFUSED_BY_AWS)
def test_what_aws_refuses_is_blocked(identifier: str) -> None:
    assert phase_of(identifier) >= RuntimePhase.CREATION_BLOCKED


def test_what_aws_lists_may_be_created() -> None:
    assert {phase_of(identifier) for identifier in RUNTIMES_LISTED} <= {RuntimePhase.SUPPORTED, RuntimePhase.DEPRECATED}


@pytest.mark.parametrize("identifier", sorted(LIFECYCLES))
def test_phases_come_one_after_the_other(identifier: str) -> None:
    lifecycle = LIFECYCLES[identifier]
    days = sorted({date(2014, 1, 1), lifecycle.deprecated, lifecycle.creation_blocked, lifecycle.updates_blocked, date(2040, 1, 1)})
    phases = [lifecycle.phase_on(day) for day in days]
    assert phases == sorted(phases)
    assert (phases[0], phases[-1]) == (RuntimePhase.SUPPORTED, RuntimePhase.UPDATES_BLOCKED)


def test_the_phases_of_the_day_the_tables_were_read() -> None:
    assert date(2026, 10, 20) == AS_OF
    found = [phase_of(identifier) for identifier in ("python3.13", "python3.9", "python3.7", "python3.6", "java17.al2023")]
    assert found == [
        RuntimePhase.SUPPORTED,
        RuntimePhase.DEPRECATED,
        RuntimePhase.CREATION_BLOCKED,
        RuntimePhase.UPDATES_BLOCKED,
        RuntimePhase.SUPPORTED,
    ]
