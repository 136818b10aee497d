"""`alonzo invoke`: calls a function and prints its answer."""

import base64
import os
import stat
import sys
from pathlib import Path

import click

from alonzo.cli.client import connect, endpoint_option, region_option


@click.command(short_help="Call a function and print its answer.")
@click.argument("name")
@click.option("--payload", metavar="JSON", help="The event: JSON text, @FILE, or - for the standard input.")
@click.option("--qualifier", metavar="VERSION", show_default="$LATEST", help="A version or an alias.")
@click.option("--tail", is_flag=True, help="Print the last 4 KB of the invocation's log as well (on the standard error).")
@endpoint_option
@region_option
def invoke(*, name: str, payload: str | None, qualifier: str | None, tail: bool, endpoint_url: str, region: str | None) -> None:
    """Call the function NAME (a name or an ARN) and print what it returns.

    The exit status is 1 if the function failed; its error is printed all the same.

    \b
    Examples:
      alonzo invoke hello
      alonzo invoke hello --payload '{"name": "Ada"}' --tail
      alonzo invoke hello --payload @event.json
      echo '{"name": "Ada"}' | alonzo invoke hello
    """
    parameters = {"FunctionName": name, "LogType": "Tail" if tail else "None"}
    if qualifier:
        parameters["Qualifier"] = qualifier
    event = _read_event(payload)
    with connect(endpoint_url=endpoint_url, region=region) as create_client:
        answer = create_client("lambda").invoke(**parameters, Payload=event)
        result = answer["Payload"].read()
    if "LogResult" in answer:
        click.echo(base64.b64decode(answer["LogResult"]).decode(errors="replace"), err=True, nl=False)
    click.echo(result)
    if "FunctionError" in answer:
        click.echo(f"alonzo: the function failed ({answer['FunctionError']})", err=True)
        sys.exit(1)


def _read_event(payload: str | None) -> bytes:
    """The event's bytes; empty when none was given, which functions see as {}."""
    if payload == "-" or (payload is None and _is_piped(sys.stdin.fileno())):
        return sys.stdin.buffer.read()
    if payload and payload.startswith("@"):
        try:
            return Path(payload[1:]).read_bytes()
        except OSError as error:
            raise click.BadParameter(f"cannot read {payload[1:]}: {error.strerror}", param_hint="--payload") from error
    return (payload or "").encode()


def _is_piped(descriptor: int) -> bool:
    """Whether somebody feeds this descriptor: a terminal or /dev/null would never end or say nothing."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
