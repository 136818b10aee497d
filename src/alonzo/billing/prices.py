"""AWS's prices in US dollars: those of us-east-1, which most regions have, too.

Source: https://aws.amazon.com/lambda/pricing/ (read in November 2026). A GB is 1,024 MB there; months are calendar months in UTC.
"""

from dataclasses import dataclass

REQUEST = 0.20 / 1_000_000
STORAGE_GB_SECOND = 0.000_000_030_9
"""Of /tmp beyond what is free."""
STORAGE_FREE_MIB = 512
RESTORED_GB = 0.000_139_799_8
"""SnapStart, of every runtime but Java, a restored environment by its memory."""
FREE_REQUESTS = 1_000_000
FREE_GB_SECONDS = 400_000
"""A month and account, of both architectures together; provisioned concurrency has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitecturePrices:
    """`duration`: GB-seconds up to which (None: all others) a price holds, a month and account."""

    duration: tuple[tuple[float | None, float], ...]
    provisioned_gb_second: float
    provisioned_duration_gb_second: float


X86_64 = ArchitecturePrices(
    duration=((6e9, 0.000_016_666_7), (15e9, 0.000_015), (None, 0.000_013_333_4)),
    provisioned_gb_second=0.000_004_166_7,
    provisioned_duration_gb_second=0.000_009_722_2,
)
ARM64 = ArchitecturePrices(
    duration=((7.5e9, 0.000_013_333_4), (18.75e9, 0.000_012_000_1), (None, 0.000_010_666_7)),
    provisioned_gb_second=0.000_003_333_4,
    provisioned_duration_gb_second=0.000_007_777_8,
)
ARCHITECTURES = {"x86_64": X86_64, "arm64": ARM64}


def price_of_duration(architecture: str, gb_seconds: float) -> float:
    """Dollars for a month's GB-seconds on demand, beyond what is free."""
    total, begin = 0.0, 0.0
    for end, price in ARCHITECTURES[architecture].duration:
        in_tier = max(0.0, gb_seconds - begin if end is None else min(gb_seconds, end) - begin)
        total += in_tier * price
        begin = gb_seconds if end is None else end
    return total
