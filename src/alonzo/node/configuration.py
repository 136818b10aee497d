"""What a node can be told when it starts: the options of `alonzo up`, checked and typed."""

from dataclasses import dataclass
from pathlib import Path

from alonzo.sandbox.cgroups import CpuPolicy
from alonzo.sandbox.settings import Isolation, Network

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4566
"""The port that the tools made for local AWS endpoints (awslocal, samlocal, cdklocal, tflocal, Testcontainers) already use."""

DEFAULT_KEEP_ALIVE_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything `alonzo up` was told.

    `port` 0 takes any free port. `nats_url` None starts the embedded server with its files in `data_directory`.
    `keep_alive_seconds` is how long an idle environment stays warm.
    `account_concurrency` is how many invocations of an account run at once in a region, the quota of AWS.
    `strict_runtimes` refuses a runtime whose interpreter the machine lacks instead of taking the nearest.
    `prewarm` starts programs ahead of their functions.
    """

    host: str
    port: int
    data_directory: Path
    nats_url: str | None
    isolation: Isolation
    network: Network
    cpu: CpuPolicy
    strict_runtimes: bool
    keep_alive_seconds: float
    account_concurrency: int
    prewarm: bool
