"""`alonzo cost`: what AWS would have asked for what functions have used here."""

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from alonzo.cli.client import connect_own, endpoint_option, region_option
from alonzo.cli.tables import print_table

if TYPE_CHECKING:
    from alonzo.billing.advice import MemoryAdvice
    from alonzo.billing.bill import Bill, UsageRow

_TAG = "tag:"
_NO_TAG = "(none)"


def _read_grouping(context: click.Context, parameter: click.Parameter, value: str) -> str:
    del context, parameter
    if value in ("function", "version") or (value.startswith(_TAG) and len(value) > len(_TAG)):
        return value
    raise click.BadParameter("give function, version, or tag:KEY")


@click.command(short_help="Tell what AWS would have asked for a month of this.")
@click.option(
    "--month",
    metavar="[YYYY-MM]",
    is_flag=False,
    flag_value="",
    help="The month, in UTC. Without a month, or without the option, this one.",
)
@click.option(
    "--by",
    "grouping",
    default="function",
    show_default=True,
    callback=_read_grouping,
    metavar="WHAT",
    help="Who has caused it: by function, version, or tag:KEY.",
)
@click.option("--free-tier/--no-free-tier", default=True, show_default=True, help="Take off what AWS gives each account every month.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@endpoint_option
@region_option
def cost(*, month: str | None, grouping: str, free_tier: bool, as_json: bool, endpoint_url: str, region: str | None) -> None:
    """Tell what a month's invocations would have cost on AWS, who has caused it, and which functions have more memory than they use.

    The prices are those of us-east-1, for requests, duration, provisioned concurrency, storage and SnapStart's restores.

    \b
    Examples:
      alonzo cost
      alonzo cost --month 2026-10 --by tag:team
      alonzo cost --no-free-tier --json
    """
    from alonzo.billing.advice import advise
    from alonzo.billing.bill import UsageRow, make_bill

    with connect_own(endpoint_url=endpoint_url, region=region) as ask:
        answer = ask("GET", "/_alonzo/usage" + (f"?month={month}" if month else ""))
    rows = [UsageRow(**row) for row in answer["usage"]]
    bill = make_bill(rows, group_by=_grouped_by(grouping), free_tier=free_tier)
    advice = list(advise(rows))
    if as_json:
        click.echo(json.dumps(_as_json(answer["month"], bill, advice), indent=2))
    else:
        _print(answer["month"], grouping, bill, advice)


def _grouped_by(grouping: str) -> "Callable[[UsageRow], str]":
    if grouping == "function":
        return lambda row: row.function
    if grouping == "version":
        return lambda row: f"{row.function}:{row.version}"
    key = grouping.removeprefix(_TAG)
    return lambda row: row.tags.get(key, _NO_TAG)


def _as_json(month: str, bill: "Bill", advice: "list[MemoryAdvice]") -> dict[str, Any]:
    return {
        "month": month,
        "currency": "USD",
        "total": bill.dollars,
        "items": [dataclasses.asdict(item) for item in bill.items],
        "shares": [dataclasses.asdict(share) for share in bill.shares],
        "advice": [dataclasses.asdict(each) | {"saved_share": each.saved_share} for each in advice],
    }


def _print(month: str, grouping: str, bill: "Bill", advice: "list[MemoryAdvice]") -> None:
    click.echo(f"{month}: ${bill.dollars:,.2f} on AWS\n")
    if not bill.items:
        click.echo("No function was invoked.")
        return
    print_table(
        ("ITEM", "QUANTITY", "UNIT", "FREE", "USD"),
        [(item.name, f"{item.quantity:,.0f}", item.unit, f"{item.free:,.0f}", _dollars(item.dollars)) for item in bill.items],
        left=(0, 2),
    )
    click.echo()
    print_table(
        (grouping.upper(), "REQUESTS", "ERRORS", "GB-S", "USD"),
        [
            (share.name, f"{share.requests:,}", f"{share.errors:,}", f"{share.gb_seconds:,.1f}", _dollars(share.dollars))
            for share in bill.shares
        ],
        left=(0,),
    )
    for each in advice:
        click.echo(
            f"\n{each.function}:{each.version} has {each.memory_mib} MB and never used more than {each.peak_mib}. With {each.advised_mib}"
            f" its duration would cost {each.saved_share:.0%} less, if it takes as long: `alonzo tune {each.function}` measures that."
        )


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.6f}"
