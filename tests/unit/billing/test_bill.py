"""Bills for known usage. The sums are those of AWS's pricing page and calculator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.billing import prices
from alonzo.billing.advice import advise
from alonzo.billing.bill import Bill, UsageRow, make_bill


def bill_of(*rows: UsageRow, free_tier: bool = False) -> Bill:
    return make_bill(rows, group_by=lambda row: row.function, free_tier=free_tier)


MILLION = UsageRow(function="one", memory_mib=512, requests=1_000_000, billed_ms=1_000_000_000)


def test_a_million_invocations_of_a_second() -> None:
    bill = bill_of(MILLION)
    assert {item.name: round(item.dollars, 2) for item in bill.items} == {"requests": 0.20, "duration, x86_64": 8.33}
    assert round(bill.dollars, 2) == 8.53


def test_the_free_tier() -> None:
    bill = bill_of(MILLION, free_tier=True)
    assert [(item.free, round(item.dollars, 2)) for item in bill.items] == [(1_000_000, 0), (400_000, 1.67)]
    assert bill_of(UsageRow(function="small", memory_mib=128, requests=5, billed_ms=500), free_tier=True).dollars == 0


def test_both_architectures_share_what_is_free() -> None:
    arm = UsageRow(function="arm", architecture="arm64", memory_mib=1024, requests=1, billed_ms=300_000_000)
    x86 = UsageRow(function="x86", memory_mib=1024, requests=1, billed_ms=300_000_000)
    bill = bill_of(arm, x86, free_tier=True)
    assert {item.name: item.free for item in bill.items} == {"requests": 2, "duration, x86_64": 300_000, "duration, arm64": 100_000}
    assert bill.dollars == pytest.approx(200_000 * 0.0000133334)


def test_provisioned_concurrency_of_a_month() -> None:
    thirty_days_ms = 30 * 86_400_000
    row = UsageRow(function="p", version="1", memory_mib=512, provisioned=True, provisioned_ms=100 * thirty_days_ms)
    assert round(bill_of(row, free_tier=True).dollars, 2) == 540.00
    invoked = UsageRow(function="p", version="1", memory_mib=1024, provisioned=True, requests=1, billed_ms=1_000_000)
    assert bill_of(invoked).dollars == pytest.approx(prices.REQUEST + 1_000 * 0.0000097222)
    assert [item.name for item in bill_of(invoked, free_tier=True).items][-1] == "duration in provisioned concurrency, x86_64"
    assert bill_of(invoked, free_tier=True).dollars == pytest.approx(1_000 * 0.0000097222)


def test_storage_and_restores() -> None:
    row = UsageRow(function="s", memory_mib=1024, storage_mib=512 + 10_240, requests=1, billed_ms=1_000_000, restore_count=3)
    dollars = {item.name: item.dollars for item in bill_of(row).items}
    assert dollars["storage beyond 512 MB"] == pytest.approx(10_000 * 0.0000000309)
    assert dollars["SnapStart restores"] == pytest.approx(3 * 0.0001397998)
    java = UsageRow(function="j", runtime="java21", memory_mib=1024, requests=1, billed_ms=1, restore_count=3)
    assert "SnapStart restores" not in {item.name for item in bill_of(java).items}


@pytest.mark.parametrize(("gb_seconds", "dollars"), [(6e9, 100_000.2), (15e9, 100_000.2 + 135_000), (16e9, 100_000.2 + 135_000 + 13_333.4)])
def test_tiers(gb_seconds: float, dollars: float) -> None:
    assert prices.price_of_duration("x86_64", gb_seconds) == pytest.approx(dollars)


_rows = st.builds(
    UsageRow,
    function=st.sampled_from("abc"),
    architecture=st.sampled_from(["x86_64", "arm64"]),
    memory_mib=st.integers(128, 10_240),
    storage_mib=st.integers(512, 10_240),
    provisioned=st.booleans(),
    requests=st.integers(0, 10**10),
    billed_ms=st.integers(0, 10**13),
    restore_count=st.integers(0, 10**6),
    provisioned_ms=st.floats(0, 1e12),
)


@given(rows=st.lists(_rows, max_size=8), free_tier=st.booleans())
def test_shares_are_the_whole_bill(rows: list[UsageRow], free_tier: bool) -> None:
    bill = bill_of(*rows, free_tier=free_tier)
    assert sum(share.dollars for share in bill.shares) == pytest.approx(bill.dollars)
    assert sum(share.requests for share in bill.shares) == sum(row.requests for row in rows)
    assert 0 <= bill.dollars <= bill_of(*rows).dollars * (1 + 1e-9)
    assert all(0 <= item.free <= item.quantity for item in bill.items)


def test_advice() -> None:
    large = UsageRow(function="large", memory_mib=1024, requests=10, max_memory_mib=200)
    fits = UsageRow(function="fits", memory_mib=320, requests=10, max_memory_mib=240)
    rare = UsageRow(function="rare", memory_mib=1024, requests=9, max_memory_mib=200)
    uncounted = UsageRow(function="uncounted", memory_mib=1024, requests=10)
    assert [(each.function, each.advised_mib, round(each.saved_share, 2)) for each in advise([large, fits, rare, uncounted])] == [
        ("large", 320, 0.69)
    ]
