"""What a node can be told when it starts: the options of `alonzo up`, checked and typed."""

from dataclasses import dataclass
from pathlib import Path

from alonzo.aws.client.endpoints import COMPANION, AwsEndpoints
from alonzo.edge.tls.settings import TlsSettings
from alonzo.log import LogFormat
from alonzo.observe.insights_mode import InsightsMode
from alonzo.sandbox.cgroups import CpuPolicy
from alonzo.sandbox.settings import Isolation, Network
from alonzo.sources.broker_addresses import BrokerAddresses

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4566
"""The port that the tools made for local AWS endpoints (awslocal, samlocal, cdklocal, tflocal, Testcontainers) already use."""

DEFAULT_KEEP_ALIVE_SECONDS = 600.0
"""As long as nothing is known of when a function is invoked."""

DEFAULT_ASYNC_RETRY_DELAYS_SECONDS = (60.0, 120.0)
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything `alonzo up` was told.

    `port` 0 takes any free port. `nats_url` None starts the embedded server with its files in `data_directory`.
    `keep_alive_seconds` is how long an idle environment stays warm; None: as its function's arrivals have it.
    `account_concurrency` is how many invocations of an account run at once in a region, the quota of AWS.
    `async_retry_delays_seconds`: before the first and the second retry of an asynchronous invocation that failed.
    `strict_runtimes` refuses a runtime whose interpreter the machine lacks instead of taking the nearest.
    `deprecated_runtimes` takes functions of runtimes that AWS has blocked.
    `workers`: so many processes serve the port together; `worker_number`: which of them this one is, None if it is alone.
    `node_modules` holds packages for Node.js functions, the AWS SDK above all; None: npm's global ones if that is among them.
    `brokers`: where those are that event source mappings name by ARN and that the services at `aws_endpoints` do not know.
    `prewarm` starts programs ahead of their functions.
    `persist` keeps the companion's state in the data directory.
    `log_format`: of the node's own log. `drain_delay_seconds`: how long a node that has been told to stop goes on as before, but not ready.
    `events_token`: what senders of events must say; None: nothing.
    `logs_max_bytes`: so much of all functions' logs is kept; None: as much as the disk has room for, up to a gigabyte.
    `otlp_endpoint`: the base URL of the OpenTelemetry collector that is told what was observed; None: nobody is.
    `insights`: which functions have Lambda Insights.
    `image_registries`: hosts of images' names (with `*` for any text) and the URLs where those are fetched from.
    `tls`: with which certificates HTTPS is served, on the same port; None: it is not.
    """

    host: str
    port: int
    data_directory: Path
    nats_url: str | None
    isolation: Isolation
    network: Network
    cpu: CpuPolicy
    strict_runtimes: bool
    deprecated_runtimes: bool
    node_modules: Path | None
    keep_alive_seconds: float | None
    account_concurrency: int
    aws_endpoints: AwsEndpoints
    brokers: BrokerAddresses
    async_retry_delays_seconds: tuple[float, float]
    prewarm: bool
    persist: bool
    events_token: str | None
    logs_max_bytes: int | None = None
    otlp_endpoint: str | None = None
    image_registries: tuple[tuple[str, str], ...] = ()
    tls: TlsSettings | None = None
    insights: InsightsMode = InsightsMode.LAYER
    log_format: LogFormat = LogFormat.TEXT
    drain_delay_seconds: float = 0.0
    workers: int = 1
    worker_number: int | None = None

    @property
    def common_directory(self) -> Path:
        """The data directory of all workers (`workers.py`)."""
        return self.data_directory if self.worker_number is None else self.data_directory.parents[1]

    @property
    def has_companion(self) -> bool:
        """Whether services that come with Alonzo are used at all."""
        return COMPANION in {self.aws_endpoints.default, *self.aws_endpoints.of_services.values()}
