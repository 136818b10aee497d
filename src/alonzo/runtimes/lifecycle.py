"""What AWS still does with old runtimes: from when on they are deprecated, may not be created, may not be updated.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html (the tables of supported and of deprecated runtimes), as the data
of cfn-lint 1.58.0 had them on 2026-10-20. AWS has put off dates that lay ahead more than once, so what has not come by then is not counted
on: an old function that works today goes on working with the same Alonzo.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from types import MappingProxyType

AS_OF = date(2026, 10, 20)
"""When the tables were read."""


class RuntimePhase(IntEnum):
    """How far AWS has gone with a runtime; each phase takes more away. Invocations go on in all of them."""

    SUPPORTED = 0
    DEPRECATED = 1
    """Without security patches and support from AWS; functions are created and updated as before."""
    CREATION_BLOCKED = 2
    UPDATES_BLOCKED = 3


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The days on which the phases begin."""

    deprecated: date
    creation_blocked: date
    updates_blocked: date

    def phase_on(self, day: date) -> RuntimePhase:
        """The phase that has been reached. Some early runtimes could not be created for some weeks before they counted as deprecated."""
        if day >= self.updates_blocked:
            return RuntimePhase.UPDATES_BLOCKED
        if day >= self.creation_blocked:
            return RuntimePhase.CREATION_BLOCKED
        return RuntimePhase.DEPRECATED if day >= self.deprecated else RuntimePhase.SUPPORTED


def phase_of(identifier: str) -> RuntimePhase:
    """The phase of a runtime when the tables were read; those that are not in them are newer."""
    lifecycle = LIFECYCLES.get(identifier)
    return RuntimePhase.SUPPORTED if lifecycle is None else lifecycle.phase_on(AS_OF)


def _days(*days: str) -> Lifecycle:
    deprecated, creation_blocked, updates_blocked = map(date.fromisoformat, days)
    return Lifecycle(deprecated, creation_blocked, updates_blocked)


LIFECYCLES = MappingProxyType(
    {
        "dotnet6": _days("2024-12-20", "2027-02-01", "2027-03-03"),
        "dotnet8": _days("2026-11-10", "2027-02-01", "2027-03-03"),
        "dotnet10": _days("2028-11-14", "2028-12-14", "2029-01-15"),
        "dotnetcore1.0": _days("2019-06-27", "2019-06-30", "2019-07-30"),
        "dotnetcore2.0": _days("2019-05-30", "2019-04-30", "2019-05-30"),
        "dotnetcore2.1": _days("2022-01-05", "2022-01-05", "2022-04-13"),
        "dotnetcore3.1": _days("2023-04-03", "2023-04-03", "2023-05-03"),
        "go1.x": _days("2024-01-08", "2024-02-08", "2027-03-03"),
        "java8": _days("2024-01-08", "2024-02-08", "2027-03-03"),
        "java8.al2": _days("2027-06-30", "2027-07-31", "2027-08-31"),
        "java11": _days("2027-06-30", "2027-07-31", "2027-08-31"),
        "java17": _days("2027-06-30", "2027-07-31", "2027-08-31"),
        "java21": _days("2029-06-30", "2029-07-31", "2029-08-31"),
        "java25": _days("2029-06-30", "2029-07-31", "2029-08-31"),
        "nodejs": _days("2016-08-30", "2016-09-30", "2016-10-31"),
        "nodejs4.3": _days("2020-03-05", "2020-02-03", "2020-03-05"),
        "nodejs4.3-edge": _days("2020-03-05", "2019-03-31", "2019-04-30"),
        "nodejs6.10": _days("2019-08-12", "2019-07-12", "2019-08-12"),
        "nodejs8.10": _days("2020-03-06", "2020-02-04", "2020-03-06"),
        "nodejs10.x": _days("2021-07-30", "2021-07-30", "2022-02-14"),
        "nodejs12.x": _days("2023-03-31", "2023-03-31", "2023-04-30"),
        "nodejs14.x": _days("2023-12-04", "2024-01-09", "2027-03-03"),
        "nodejs16.x": _days("2024-06-12", "2027-02-01", "2027-03-03"),
        "nodejs18.x": _days("2025-09-01", "2027-02-01", "2027-03-03"),
        "nodejs20.x": _days("2026-04-30", "2027-02-01", "2027-03-03"),
        "nodejs22.x": _days("2027-04-30", "2027-06-01", "2027-07-01"),
        "nodejs24.x": _days("2028-04-30", "2028-06-01", "2028-07-01"),
        "provided": _days("2024-01-08", "2024-02-08", "2027-03-03"),
        "provided.al2": _days("2026-07-31", "2027-02-01", "2027-03-03"),
        "provided.al2023": _days("2029-06-30", "2029-07-31", "2029-08-31"),
        "python2.7": _days("2021-07-15", "2021-07-15", "2022-05-30"),
        "python3.6": _days("2022-07-18", "2022-07-18", "2022-08-29"),
        "python3.7": _days("2023-12-04", "2024-01-09", "2027-03-03"),
        "python3.8": _days("2024-10-14", "2027-02-01", "2027-03-03"),
        "python3.9": _days("2025-12-15", "2027-02-01", "2027-03-03"),
        "python3.10": _days("2026-10-31", "2027-02-01", "2027-03-03"),
        "python3.11": _days("2027-06-30", "2027-07-31", "2027-08-31"),
        "python3.12": _days("2028-10-31", "2028-11-30", "2029-01-10"),
        "python3.13": _days("2029-06-30", "2029-07-31", "2029-08-31"),
        "python3.14": _days("2029-06-30", "2029-07-31", "2029-08-31"),
        "ruby2.5": _days("2021-07-30", "2021-07-30", "2022-03-31"),
        "ruby2.7": _days("2023-12-07", "2024-01-09", "2027-03-03"),
        "ruby3.2": _days("2026-03-31", "2027-02-01", "2027-03-03"),
        "ruby3.3": _days("2027-03-31", "2027-04-30", "2027-05-31"),
        "ruby3.4": _days("2028-03-31", "2028-04-30", "2028-05-31"),
        "ruby4.0": _days("2029-03-31", "2029-04-30", "2029-05-31"),
    }
)
"""By runtime identifier."""
