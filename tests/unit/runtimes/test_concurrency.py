"""How many invocations an environment runs at once."""

import msgspec
import pytest
from tests.unit.environment.conftest import a_version

from alonzo.model.function import CapacityProviderConfig
from alonzo.runtimes.concurrency import max_concurrency

ARN = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:p"


def test_one_after_the_other_without_a_capacity_provider() -> None:
    assert max_concurrency(a_version()) is None


@pytest.mark.parametrize(
    ("runtime", "memory_mib", "gib_per_vcpu", "configured", "expected"),
    [
        ("python3.13", 2_048, None, None, 16),
        ("python3.14", 8_192, 4.0, None, 32),
        ("nodejs22.x", 4_096, None, None, 128),
        ("java21", 2_048, 8.0, None, 32),
        ("dotnet8", 2_048, None, None, 32),
        ("provided.al2023", 2_048, None, None, 8),
        ("python3.13", 2_048, None, 3, 3),
        ("nodejs24.x", 32_768, 2.0, 1_600, 1_600),
    ],
)
def test_as_configured_or_by_the_vcpus(
    runtime: str, memory_mib: int, gib_per_vcpu: float | None, configured: int | None, expected: int
) -> None:
    config = CapacityProviderConfig(capacity_provider_arn=ARN, environment_max_concurrency=configured, memory_gib_per_vcpu=gib_per_vcpu)
    version = msgspec.structs.replace(a_version(), runtime=runtime, memory_mib=memory_mib, capacity_provider=config)
    assert max_concurrency(version) == expected
