"""What `alonzo doctor` has found out about one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the table. What is unavailable and `essential` keeps Alonzo from starting or from its promises."""

    name: str
    available: bool
    detail: str
    remedy: str | None = None
    essential: bool = True
