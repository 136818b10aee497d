"""How long and how often to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """`load_seconds`: of each load that is put on a server; `cold_start_count`: of each kind of handler; `start_count`: of the platform;
    `environment_count`: how many environments are asked for at once; `function_count`: how many functions one account has;
    `event_count`: of a backlog.
    """

    load_seconds: float
    cold_start_count: int
    start_count: int
    environment_count: int
    function_count: int
    event_count: int
