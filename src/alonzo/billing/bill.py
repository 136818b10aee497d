"""A month's bill for what functions have used: items as on AWS's, and who has how much of them.

Tiers and the free tier belong to the account. What an item costs is divided among functions as they have used it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from alonzo.billing import prices

_MIB_IN_GB = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What has been used of one size of one version; durations in milliseconds, as `GET /_alonzo/usage` shows it."""

    function: str
    version: str = "$LATEST"
    architecture: str = "x86_64"
    runtime: str = ""
    memory_mib: int
    storage_mib: int = prices.STORAGE_FREE_MIB
    provisioned: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    errors: int = 0
    duration_ms: float = 0.0
    billed_ms: float = 0
    init_count: int = 0
    init_ms: float = 0.0
    restore_count: int = 0
    max_memory_mib: int = 0
    provisioned_ms: float = 0.0

    @property
    def memory_gb(self) -> float:
        """What a GB-second is counted with."""
        return self.memory_mib / _MIB_IN_GB

    @property
    def gb_seconds(self) -> float:
        """Of its invocations."""
        return self.memory_gb * self.billed_ms / 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the bill. `free`: how much of the quantity costs nothing."""

    name: str
    unit: str
    quantity: float
    free: float
    dollars: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one function, version or tag has of it all."""

    name: str
    requests: int
    errors: int
    gb_seconds: float
    dollars: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Made by `make_bill`. `shares`: the dearest first."""

    items: tuple[Item, ...]
    shares: tuple[Share, ...]

    @property
    def dollars(self) -> float:
        """All of it."""
        return sum(item.dollars for item in self.items)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How much of an item a row has."""

    name: str
    unit: str
    quantity: Callable[[UsageRow], float]
    price: Callable[[float], float]
    """Dollars for the quantity beyond what is free."""
    free_from: str | None = None


def make_bill(rows: Iterable[UsageRow], *, group_by: Callable[[UsageRow], str], free_tier: bool) -> Bill:
    """`group_by`: whose a row is. Items that nobody has used are left out."""
    rows = list(rows)
    free: dict[str, float] = {"requests": prices.FREE_REQUESTS, "duration": prices.FREE_GB_SECONDS} if free_tier else {}
    items: list[Item] = []
    dollars_of_rows = [0.0] * len(rows)
    for kind in _kinds():
        quantities = [kind.quantity(row) for row in rows]
        quantity = sum(quantities)
        if not quantity:
            continue
        free_quantity = 0.0
        if kind.free_from is not None:
            free_quantity = min(quantity, free.get(kind.free_from, 0))
            if kind.free_from in free:
                free[kind.free_from] -= free_quantity
        dollars = kind.price(quantity - free_quantity)
        items.append(Item(name=kind.name, unit=kind.unit, quantity=quantity, free=free_quantity, dollars=dollars))
        for number, own in enumerate(quantities):
            dollars_of_rows[number] += dollars * own / quantity
    return Bill(items=tuple(items), shares=tuple(_shares(rows, dollars_of_rows, group_by)))


def _kinds() -> Iterator[_Kind]:
    yield _Kind("requests", "requests", lambda row: row.requests, lambda count: count * prices.REQUEST, "requests")
    for architecture, own in prices.ARCHITECTURES.items():
        yield from _kinds_of(architecture, own)
    yield _Kind("storage beyond 512 MB", "GB-s", _storage_gb_seconds, lambda amount: amount * prices.STORAGE_GB_SECOND)
    yield _Kind("SnapStart restores", "GB", _restored_gb, lambda amount: amount * prices.RESTORED_GB)


def _kinds_of(architecture: str, own: prices.ArchitecturePrices) -> Iterator[_Kind]:
    def duration(row: UsageRow, *, provisioned: bool) -> float:
        return row.gb_seconds if row.architecture == architecture and row.provisioned is provisioned else 0.0

    def provisioned(row: UsageRow) -> float:
        return row.memory_gb * row.provisioned_ms / 1_000 if row.architecture == architecture else 0.0

    yield _Kind(
        f"duration, {architecture}",
        "GB-s",
        lambda row: duration(row, provisioned=False),
        lambda amount: prices.price_of_duration(architecture, amount),
        "duration",
    )
    yield _Kind(f"provisioned concurrency, {architecture}", "GB-s", provisioned, lambda amount: amount * own.provisioned_gb_second)
    yield _Kind(
        f"duration in provisioned concurrency, {architecture}",
        "GB-s",
        lambda row: duration(row, provisioned=True),
        lambda amount: amount * own.provisioned_duration_gb_second,
    )


def _storage_gb_seconds(row: UsageRow) -> float:
    return max(0, row.storage_mib - prices.STORAGE_FREE_MIB) / _MIB_IN_GB * row.billed_ms / 1_000


def _restored_gb(row: UsageRow) -> float:
    return 0.0 if row.runtime.startswith("java") else row.memory_gb * row.restore_count


def _shares(rows: list[UsageRow], dollars_of_rows: list[float], group_by: Callable[[UsageRow], str]) -> list[Share]:
    groups: dict[str, Share] = {}
    for row, dollars in zip(rows, dollars_of_rows, strict=True):
        name = group_by(row)
        before = groups.get(name) or Share(name=name, requests=0, errors=0, gb_seconds=0.0, dollars=0.0)
        groups[name] = Share(
            name=name,
            requests=before.requests + row.requests,
            errors=before.errors + row.errors,
            gb_seconds=before.gb_seconds + row.gb_seconds,
            dollars=before.dollars + dollars,
        )
    return sorted(groups.values(), key=lambda share: (-share.dollars, -share.requests, share.name))
