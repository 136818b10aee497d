"""`alonzo tune`: how long a function takes and what it costs with more memory or less, measured."""

import json
import re
import secrets
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

import click

from alonzo.cli.client import connect, endpoint_option, region_option
from alonzo.cli.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZES = "128,256,512,1024,1769"
_SMALLEST_MIB, _LARGEST_MIB = 128, 10_240
_BILLED = re.compile(r"\bBilled Duration: (\d+) ms|\"billedDurationMs\":(\d+)")
_DURATION = re.compile(r"^REPORT .*?\tDuration: ([\d.]+) ms|\"durationMs\":([\d.]+)", re.MULTILINE)
_MEMORY = re.compile(r"Max Memory Used: (\d+) MB|\"maxMemoryUsedMB\":(\d+)")
_COPIED = ("Runtime", "Role", "Handler", "Timeout", "Description", "Architectures", "FileSystemConfigs", "CapacityProviderConfig")
_NAME_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Of one size, in milliseconds and MB, and what the duration of a million invocations costs."""

    memory_mib: int
    duration_ms: float
    billed_ms: float
    peak_mib: int
    dollars_a_million: float


def _read_sizes(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    del context, parameter
    try:
        sizes = sorted({int(part) for part in value.split(",")})
    except ValueError as error:
        raise click.BadParameter(f"give sizes in MB, as {_SIZES}") from error
    if not all(_SMALLEST_MIB <= size <= _LARGEST_MIB for size in sizes):
        raise click.BadParameter(f"a function has from {_SMALLEST_MIB} to {_LARGEST_MIB} MB")
    return tuple(sizes)


@click.command(short_help="Measure a function with more memory and less, and tell which costs least.")
@click.argument("name")
@click.option("--payload", default="{}", show_default=True, metavar="JSON", help="What each invocation gets; @FILE reads a file.")
@click.option("--sizes", default=_SIZES, show_default=True, callback=_read_sizes, metavar="MB,…", help="The sizes of memory to try.")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1, 1000), help="Invocations a size, after a cold one.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON.")
@endpoint_option
@region_option
def tune(*, name: str, payload: str, sizes: tuple[int, ...], count: int, as_json: bool, endpoint_url: str, region: str | None) -> None:
    """Measure copies of the function NAME with more memory and less, and tell which costs least and which is fastest.

    A copy is really invoked: what the function does to others happens. Processor time follows memory as on AWS only with
    `alonzo up --cpu quota`; without, small sizes look faster than they are.

    \b
    Examples:
      alonzo tune hello
      alonzo tune resize --payload @event.json --sizes 512,1024,2048 --count 50
    """
    event = _read_payload(payload)
    with connect(endpoint_url=endpoint_url, region=region) as client_of:
        client = client_of("lambda")
        with _copy(client, name) as copy:
            measurements = [_measure(client, copy, size, event, count, quiet=as_json) for size in sizes]
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in measurements], indent=2))
        return
    click.echo()
    print_table(
        ("MEMORY", "DURATION", "BILLED", "MOST USED", "USD A MILLION"),
        [
            (
                f"{each.memory_mib} MB",
                f"{each.duration_ms:.2f} ms",
                f"{each.billed_ms:.1f} ms",
                f"{each.peak_mib} MB",
                f"{each.dollars_a_million:.2f}",
            )
            for each in measurements
        ],
        left=(),
    )
    cheapest, fastest = min(measurements, key=_by_cost), min(measurements, key=lambda each: each.duration_ms)
    click.echo(f"\nCheapest: {cheapest.memory_mib} MB. Fastest: {fastest.memory_mib} MB. To change it:")
    click.echo(f"  aws lambda update-function-configuration --function-name {name} --memory-size {cheapest.memory_mib}")


def _by_cost(measurement: Measurement) -> tuple[float, int]:
    return measurement.dollars_a_million, measurement.memory_mib


def _as_json(measurement: Measurement) -> dict[str, Any]:
    return {name: getattr(measurement, name) for name in Measurement.__slots__}


def _read_payload(given: str) -> bytes:
    from pathlib import Path

    try:
        content = Path(given[1:]).read_bytes() if given.startswith("@") else given.encode()
        json.loads(content)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"the payload is to be JSON, or @FILE with it ({error})", param_hint="--payload") from error
    return content


@contextmanager
def _copy(client: Any, name: str) -> "Iterator[str]":
    """A function like it, for as long as it is needed."""
    function = client.get_function(FunctionName=name)
    configuration = function["Configuration"]
    if configuration["PackageType"] != "Zip":
        raise click.ClickException(f"{name} is a container image, and those cannot be measured yet")
    with urllib.request.urlopen(function["Code"]["Location"]) as response:  # noqa: S310 - the server's own answer
        code = response.read()
    settings = {member: configuration[member] for member in _COPIED if configuration.get(member)}
    settings |= {"Environment": {"Variables": configuration.get("Environment", {}).get("Variables", {})}}
    settings |= {"Layers": [layer["Arn"] for layer in configuration.get("Layers", ())]}
    settings |= {"EphemeralStorage": configuration["EphemeralStorage"]}
    copy = f"{configuration['FunctionName'][: _NAME_MAX - 14]}-tune-{secrets.token_hex(4)}"
    client.create_function(FunctionName=copy, Code={"ZipFile": code}, **settings)
    try:
        _wait(client, "function_active_v2", copy)
        yield copy
    finally:
        client.delete_function(FunctionName=copy)


def _measure(client: Any, name: str, size: int, event: bytes, count: int, *, quiet: bool) -> Measurement:
    from alonzo.billing.prices import REQUEST, price_of_duration

    configuration = client.update_function_configuration(FunctionName=name, MemorySize=size)
    _wait(client, "function_updated_v2", name)
    architecture = configuration["Architectures"][0]
    reports: list[tuple[float, float, int]] = []
    if not quiet:
        click.echo(f"measuring {size} MB ...", err=True)
    for number in range(count + 1):
        answer = client.invoke(FunctionName=name, Payload=event, LogType="Tail")
        if "FunctionError" in answer:
            raise click.ClickException(f"with {size} MB it failed: {answer['Payload'].read().decode(errors='replace')}")
        if number:
            reports.append(_report_of(answer["LogResult"]))
    billed_ms = mean(report[1] for report in reports)
    gb_seconds = size / 1024 * billed_ms / 1000
    return Measurement(
        memory_mib=size,
        duration_ms=mean(report[0] for report in reports),
        billed_ms=billed_ms,
        peak_mib=max(report[2] for report in reports),
        dollars_a_million=1_000_000 * (REQUEST + price_of_duration(architecture, gb_seconds)),
    )


def _report_of(log_tail: str) -> tuple[float, float, int]:
    import base64

    text = base64.b64decode(log_tail).decode(errors="replace")
    return _last(_DURATION, text), _last(_BILLED, text), int(_last(_MEMORY, text))


def _last(pattern: re.Pattern[str], text: str) -> float:
    found = list(pattern.finditer(text))
    return float(next(group for group in found[-1].groups() if group is not None)) if found else 0.0


def _wait(client: Any, waiter: str, name: str) -> None:
    client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
