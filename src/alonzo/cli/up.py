"""`alonzo up`: starts a node in the foreground."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from alonzo.edge.tls.settings import TlsSettings, own_authority
from alonzo.log import LogFormat
from alonzo.model.quotas import ACCOUNT_CONCURRENCY_DEFAULT
from alonzo.node.aws_endpoints import read_aws_endpoints
from alonzo.node.configuration import DEFAULT_HOST, DEFAULT_KEEP_ALIVE_SECONDS, DEFAULT_PORT, Configuration
from alonzo.observe.insights_mode import InsightsMode
from alonzo.sandbox.cgroups import CpuPolicy
from alonzo.sandbox.settings import Isolation, Network
from alonzo.sources.broker_addresses import BrokerAddresses

DEFAULT_DATA_DIRECTORY = "~/.local/share/alonzo"

_SHIFT_BY_UNIT = {"m": 20, "g": 30}


class DelaysType(click.ParamType[tuple[float, float]]):
    """Two durations in seconds: 60,120."""

    name = "delays"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        match = re.fullmatch(r"(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)", str(value))
        if match is None:
            self.fail(f"{value!r} is not a pair of seconds such as 60,120", param, ctx)
        return float(match[1]), float(match[2])


class ServiceType(click.ParamType[str]):
    """A service and its endpoint: s3=http://127.0.0.1:9000."""

    name = "service"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if re.fullmatch(r"[a-z][a-z0-9_-]*=.+", str(value)) is None:
            self.fail(f"{value!r} is not a service and its URL, such as s3=http://127.0.0.1:9000", param, ctx)
        return str(value)


class BrokerType(click.ParamType[tuple[str, str]]):
    """An ARN and the URL of what it names: arn:aws:mq:*:broker:orders:*=amqp://127.0.0.1:5672."""

    name = "broker"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        match = re.fullmatch(r"([^=]+)=([a-z+]+://.+)", str(value))
        if match is None:
            self.fail(f"{value!r} is not an ARN and a URL, such as arn:aws:mq:*:broker:orders:*=amqp://127.0.0.1:5672", param, ctx)
        return match[1], match[2]


class RegistryType(click.ParamType[tuple[str, str]]):
    """A host of images' names and the URL where those are: *.dkr.ecr.us-east-1.amazonaws.com=http://localhost:5000."""

    name = "registry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        match = re.fullmatch(r"([^=/\s]+)=(https?://[^\s?#]+)", str(value))
        if match is None:
            self.fail(f"{value!r} is not a host and a URL, such as localhost:5000=http://localhost:5000", param, ctx)
        return match[1], match[2]


class SizeType(click.ParamType[int]):
    """A size as people write it (500m, 2g), in bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"([1-9]\d*)([mg])", str(value).lower())
        if match is None:
            self.fail(f"{value!r} is not a size such as 500m or 2g", param, ctx)
        return int(match[1]) << _SHIFT_BY_UNIT[match[2]]


class OtlpEndpointType(click.ParamType[str]):
    """The base URL of a collector: http://127.0.0.1:4318."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", str(value)) is None:
            self.fail(f"{value!r} is not a URL such as http://127.0.0.1:4318", param, ctx)
        return str(value)


@click.command(short_help="Start the platform.")
@click.option(
    "--host",
    envvar="ALONZO_HOST",
    default=DEFAULT_HOST,
    show_default=True,
    help="Address to listen on. Anyone who reaches it can run code here: keep it on the loopback unless the network is trusted.",
)
@click.option(
    "--port",
    envvar="ALONZO_PORT",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port for all services; 0 takes any free one.",
)
@click.option(
    "--data-dir",
    "data_directory",
    envvar="ALONZO_DATA_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DATA_DIRECTORY,
    show_default=True,
    help="Where functions, their code and logs are kept. One node at a time uses it.",
)
@click.option(
    "--nats",
    "nats_url",
    envvar="ALONZO_NATS",
    metavar="URL",
    help="Keep state in this NATS JetStream server instead of an embedded one: nats://user:password@host:4222.",
)
@click.option(
    "--isolation",
    envvar="ALONZO_ISOLATION",
    type=click.Choice([mode.value for mode in Isolation]),
    default=Isolation.NAMESPACES.value,
    show_default=True,
    help="How environments are kept apart: Linux namespaces, cgroups and seccomp, or plain child processes without any isolation.",
)
@click.option(
    "--network",
    envvar="ALONZO_NETWORK",
    type=click.Choice([mode.value for mode in Network]),
    default=Network.HOST.value,
    show_default=True,
    help="What functions reach: all that this machine reaches, or only the AWS endpoint.",
)
@click.option(
    "--cpu",
    envvar="ALONZO_CPU",
    type=click.Choice([mode.value for mode in CpuPolicy]),
    default=CpuPolicy.WEIGHT.value,
    show_default=True,
    help="How CPU follows a function's memory: a fair share of what is free, or a hard ceiling as on AWS (1 vCPU at 1,769 MB).",
)
@click.option(
    "--strict-runtimes",
    envvar="ALONZO_STRICT_RUNTIMES",
    is_flag=True,
    help="Refuse a runtime whose interpreter is not installed here, instead of running it on the nearest version.",
)
@click.option(
    "--deprecated-runtimes",
    envvar="ALONZO_DEPRECATED_RUNTIMES",
    is_flag=True,
    help="Take functions of runtimes that AWS no longer lets be created, as python3.7 or go1.x; they run on the nearest version.",
)
@click.option(
    "--node-modules",
    envvar="ALONZO_NODE_MODULES",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A node_modules directory that Node.js functions find packages in: the AWS SDK for JavaScript, as on AWS. "
    "By default npm's global one, if the SDK is there.",
)
@click.option(
    "--keep-alive",
    "keep_alive_seconds",
    envvar="ALONZO_KEEP_ALIVE",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    show_default="learned",
    help="How long an idle environment stays warm. By default that is learned from when each function is invoked, "
    f"and {DEFAULT_KEEP_ALIVE_SECONDS:.0f} until enough is known.",
)
@click.option(
    "--account-concurrency",
    envvar="ALONZO_ACCOUNT_CONCURRENCY",
    type=click.IntRange(min=1),
    default=ACCOUNT_CONCURRENCY_DEFAULT,
    show_default=True,
    help="How many invocations of an account run at once in a region; ten times as many may begin each second.",
)
@click.option(
    "--workers",
    envvar="ALONZO_WORKERS",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes serve the port together, on a machine with many processors. All limits hold for all workers together.",
)
@click.option(
    "--aws-endpoint-url",
    "aws_endpoint_urls",
    envvar="ALONZO_AWS_ENDPOINT_URL",
    multiple=True,
    metavar="[SERVICE=]URL",
    help="Where all other AWS services are, instead of the companion; with sqs=URL and the like, where one of them is (see --service). "
    "May be given several times. The word aws instead of a URL means AWS itself, with the credentials of this machine.",
)
@click.option(
    "--companion",
    envvar="ALONZO_COMPANION",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="The other AWS services (S3, SQS, DynamoDB, ...), in a process that starts with the first request for one. "
    "Off: such requests are refused, and destinations need an endpoint.",
)
@click.option(
    "--service",
    "services",
    envvar="ALONZO_SERVICE",
    multiple=True,
    type=ServiceType(),
    metavar="NAME=URL",
    help="Where one service is, instead of in the companion: s3=http://minio:9000. Requests for it are passed on as they were signed, and "
    "destinations go there. May be given several times. s3=aws is AWS itself, which destinations and code from S3 use.",
)
@click.option(
    "--broker",
    "brokers",
    envvar="ALONZO_BROKER",
    multiple=True,
    type=BrokerType(),
    metavar="ARN=URL",
    help="Where the broker or database is that event source mappings name by this ARN (* stands for any text), where emulated services "
    "cannot know: 'arn:aws:mq:*:broker:orders:*=amqp://127.0.0.1:5672', or a URL with kafka://, stomp:// or mongodb://. "
    "May be given several times.",
)
@click.option(
    "--image-registry",
    "image_registries",
    envvar="ALONZO_IMAGE_REGISTRY",
    multiple=True,
    type=RegistryType(),
    metavar="HOST=URL",
    help="Where container images are fetched from whose names begin with this host (* stands for any text): "
    "'*.amazonaws.com=http://localhost:5000', or https://user:password@... May be given several times. "
    "Images that were loaded (`alonzo image load`) come first; without this option there are no others.",
)
@click.option(
    "--persist/--no-persist",
    "persist",
    envvar="ALONZO_PERSIST",
    default=False,
    show_default=True,
    help="Keep what the companion holds (buckets, queues, tables, ...) over restarts, in the data directory. "
    "Functions and their events are always kept. With a template as DIRECTORY that is the default, since stacks are held there, too.",
)
@click.option(
    "--events-token",
    envvar="ALONZO_EVENTS_TOKEN",
    metavar="TOKEN",
    help="What webhooks must send with events for /_alonzo/events, as a bearer token or a password. By default nothing.",
)
@click.option(
    "--logs-max-size",
    "logs_max_bytes",
    envvar="ALONZO_LOGS_MAX_SIZE",
    type=SizeType(),
    metavar="SIZE",
    show_default="1g, or a tenth of the free disk",
    help="How much of all logs together is kept (500m, 2g); beyond it the oldest events go first. "
    "How long a log group keeps its events is said with PutRetentionPolicy.",
)
@click.option(
    "--async-retry-delays",
    "async_retry_delays_seconds",
    envvar="ALONZO_ASYNC_RETRY_DELAYS",
    type=DelaysType(),
    default="60,120",
    show_default=True,
    metavar="SECONDS,SECONDS",
    help="How long an event waits before the first and the second retry after its function failed; shorter for tests.",
)
@click.option(
    "--tls/--no-tls",
    "tls",
    envvar="ALONZO_TLS",
    default=False,
    show_default=True,
    help="Serve HTTPS as well, on the same port, with certificates of an authority that is made on first use and kept in the data "
    "directory; how to trust it is printed.",
)
@click.option(
    "--tls-cert",
    envvar="ALONZO_TLS_CERT",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve HTTPS with this certificate (PEM, with those between it and its root) instead; needs --tls-key.",
)
@click.option(
    "--tls-key",
    envvar="ALONZO_TLS_KEY",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key of --tls-cert (PEM, without a password).",
)
@click.option(
    "--otlp-endpoint",
    envvar="ALONZO_OTLP_ENDPOINT",
    type=OtlpEndpointType(),
    metavar="URL",
    help="Send metrics of functions to this OpenTelemetry collector (OTLP over HTTP): http://127.0.0.1:4318.",
)
@click.option(
    "--insights",
    envvar="ALONZO_INSIGHTS",
    type=click.Choice([each.value for each in InsightsMode]),
    default=InsightsMode.LAYER.value,
    show_default=True,
    help="Which functions have Lambda Insights: those with AWS's layer LambdaInsightsExtension (which is not fetched), all, or none.",
)
@click.option(
    "--prewarm/--no-prewarm",
    "prewarm",
    envvar="ALONZO_PREWARM",
    default=True,
    show_default=True,
    help="Start Node.js and Java ahead of their functions, as many as recent demand asks for: some 45 MB each.",
)
@click.option(
    "--log-format",
    envvar="ALONZO_LOG_FORMAT",
    type=click.Choice([each.value for each in LogFormat]),
    default=LogFormat.TEXT.value,
    show_default=True,
    help="How the server's own log looks on standard error: text for people, json for machines (one object a line).",
)
@click.option(
    "--drain-delay",
    "drain_delay_seconds",
    envvar="ALONZO_DRAIN_DELAY",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to go on serving after SIGTERM, while /health/ready answers 503, so that load balancers send nothing more before the "
    "server drains.",
)
@click.argument("directory", type=click.Path(exists=True, path_type=Path), required=False)
@click.pass_context
def up(
    context: click.Context,
    /,
    *,
    directory: Path | None,
    **options: Any,
) -> None:
    """Start the platform and serve until Ctrl-C.

    With a DIRECTORY (or a template) deploy what is in it, and keep watching: what is saved is live at the next invocation. That is
    `alonzo deploy --watch DIRECTORY` with this server.

    Ctrl-C (or SIGTERM) finishes what is running and ends every environment; a second Ctrl-C ends at once.
    Each option can also be set by the environment variable of its name, as ALONZO_PORT for --port.

    \b
    Examples:
      alonzo up
      alonzo up examples/hello                       with a function, and again whenever a file of it is saved
      alonzo up --port 5000 --data-dir ./state       a second, separate platform
      alonzo up --network isolated --cpu quota       functions as confined as on AWS
      alonzo up --isolation process                  where namespaces are forbidden
    """
    from alonzo.node.main import run

    beside = None
    if directory is not None:
        from alonzo.cli.watched_directory import keep_deployed
        from alonzo.deployment.template import find_template

        beside = keep_deployed(directory)
        if context.get_parameter_source("persist") is ParameterSource.DEFAULT:
            # A stack that was forgotten could not be made again: its functions are kept.
            options["persist"] = find_template(directory) is not None
    sys.exit(run(build_configuration(**options), beside=beside))


def build_configuration(
    *,
    host: str,
    port: int,
    data_directory: Path,
    nats_url: str | None,
    isolation: str,
    network: str,
    cpu: str,
    strict_runtimes: bool,
    deprecated_runtimes: bool,
    node_modules: Path | None,
    keep_alive_seconds: float | None,
    account_concurrency: int,
    workers: int,
    aws_endpoint_urls: tuple[str, ...],
    async_retry_delays_seconds: tuple[float, float],
    prewarm: bool,
    companion: str,
    services: tuple[str, ...],
    brokers: tuple[tuple[str, str], ...],
    image_registries: tuple[tuple[str, str], ...],
    persist: bool,
    events_token: str | None,
    logs_max_bytes: int | None,
    tls: bool,
    tls_cert: Path | None,
    tls_key: Path | None,
    otlp_endpoint: str | None,
    insights: str,
    log_format: str,
    drain_delay_seconds: float,
) -> Configuration:
    """What the options mean; the names are those of the command's parameters."""
    data_directory = data_directory.expanduser().absolute()
    return Configuration(
        host=host,
        port=port,
        data_directory=data_directory,
        nats_url=nats_url,
        isolation=Isolation(isolation),
        network=Network(network),
        cpu=CpuPolicy(cpu),
        strict_runtimes=strict_runtimes,
        deprecated_runtimes=deprecated_runtimes,
        node_modules=None if node_modules is None else node_modules.resolve(),
        keep_alive_seconds=keep_alive_seconds,
        account_concurrency=account_concurrency,
        workers=workers,
        aws_endpoints=read_aws_endpoints((*aws_endpoint_urls, *services), os.environ, companion=companion == "on"),
        brokers=BrokerAddresses(brokers),
        image_registries=image_registries,
        async_retry_delays_seconds=async_retry_delays_seconds,
        prewarm=prewarm,
        persist=persist,
        events_token=events_token or None,
        otlp_endpoint=otlp_endpoint,
        insights=InsightsMode(insights),
        log_format=LogFormat(log_format),
        drain_delay_seconds=drain_delay_seconds,
        logs_max_bytes=logs_max_bytes,
        tls=_tls_settings(data_directory, wanted=tls, certificate=tls_cert, key=tls_key),
    )


def _tls_settings(data_directory: Path, *, wanted: bool, certificate: Path | None, key: Path | None) -> TlsSettings | None:
    if (certificate is None) != (key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together")
    if certificate is not None and key is not None:
        return TlsSettings(certificate=certificate.absolute(), key=key.absolute(), is_authority=False)
    return own_authority(data_directory) if wanted else None
