"""`alonzo up`: starts a node in the foreground."""

import sys
from pathlib import Path
from typing import Any

import click

from alonzo.model.quotas import ACCOUNT_CONCURRENCY_DEFAULT
from alonzo.node.configuration import DEFAULT_HOST, DEFAULT_KEEP_ALIVE_SECONDS, DEFAULT_PORT, Configuration
from alonzo.sandbox.cgroups import CpuPolicy
from alonzo.sandbox.settings import Isolation, Network

DEFAULT_DATA_DIRECTORY = "~/.local/share/alonzo"


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
    "--keep-alive",
    "keep_alive_seconds",
    envvar="ALONZO_KEEP_ALIVE",
    type=click.FloatRange(min=0),
    default=DEFAULT_KEEP_ALIVE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long an idle environment stays warm.",
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
    "--prewarm/--no-prewarm",
    "prewarm",
    envvar="ALONZO_PREWARM",
    default=True,
    show_default=True,
    help="Start runtimes that are slow to start (Node.js) ahead of their functions, as many as recent demand asks for: some 45 MB each.",
)
def up(
    **options: Any,
) -> None:
    """Start the platform and serve until Ctrl-C.

    Ctrl-C (or SIGTERM) finishes what is running and ends every environment; a second Ctrl-C ends at once.
    Each option can also be set by the environment variable of its name, as ALONZO_PORT for --port.

    \b
    Examples:
      alonzo up
      alonzo up --port 5000 --data-dir ./state       a second, separate platform
      alonzo up --network isolated --cpu quota       functions as confined as on AWS
      alonzo up --isolation process                  where namespaces are forbidden
    """
    from alonzo.node.main import run

    sys.exit(run(build_configuration(**options)))


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
    keep_alive_seconds: float,
    account_concurrency: int,
    prewarm: bool,
) -> Configuration:
    """What the options mean; the names are those of the command's parameters."""
    return Configuration(
        host=host,
        port=port,
        data_directory=data_directory.expanduser().absolute(),
        nats_url=nats_url,
        isolation=Isolation(isolation),
        network=Network(network),
        cpu=CpuPolicy(cpu),
        strict_runtimes=strict_runtimes,
        keep_alive_seconds=keep_alive_seconds,
        account_concurrency=account_concurrency,
        prewarm=prewarm,
    )
