"""How many invocations one environment of a function runs at once: several where the function is on a capacity provider.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html and its page for each language.
"""

from types import MappingProxyType

from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily, find_runtime

_MIB_PER_GIB = 1_024
_GIB_PER_VCPU_DEFAULT = 2.0

_DEFAULT_PER_VCPU = MappingProxyType(
    {RuntimeFamily.PYTHON: 16, RuntimeFamily.NODEJS: 64, RuntimeFamily.JAVA: 32, RuntimeFamily.DOTNET: 32, RuntimeFamily.PROVIDED: 8}
)
"""The last is what AWS documents for Rust, the one language that it names for `provided`."""

SUPPORTED_SINCE = MappingProxyType(
    {RuntimeFamily.PYTHON: (3, 13), RuntimeFamily.NODEJS: (22,), RuntimeFamily.JAVA: (21,), RuntimeFamily.DOTNET: (8,)}
)
"""The first version of each language whose functions may be on a capacity provider."""


def max_concurrency(version: FunctionVersion) -> int | None:
    """None: one invocation after the other, as everywhere but on a capacity provider."""
    config = version.capacity_provider
    if config is None:
        return None
    if config.environment_max_concurrency is not None:
        return config.environment_max_concurrency
    spec = find_runtime(version.runtime or "")
    per_vcpu = 1 if spec is None else _DEFAULT_PER_VCPU.get(spec.family, 1)
    gib_per_vcpu = config.memory_gib_per_vcpu or _GIB_PER_VCPU_DEFAULT
    return per_vcpu * max(int(version.memory_mib / _MIB_PER_GIB / gib_per_vcpu), 1)
