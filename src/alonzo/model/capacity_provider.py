"""Capacity providers: the instances on which an account has its functions run, as recorded and given back.

Sources: botocore shape `CapacityProvider`, https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-capacity-providers.html.
"""

from enum import StrEnum

import msgspec

from alonzo.model.scope import Scope

MAX_VCPU_COUNT_DEFAULT = 400


class CapacityProviderState(StrEnum):
    """The life cycle. Source: botocore shape `CapacityProviderState`."""

    PENDING = "Pending"
    ACTIVE = "Active"
    FAILED = "Failed"
    DELETING = "Deleting"


class ScalingMode(StrEnum):
    """Who decides when instances come and go. Source: botocore shape `CapacityProviderScalingMode`."""

    AUTO = "Auto"
    MANUAL = "Manual"


class TargetTrackingPolicy(msgspec.Struct, frozen=True):
    """Keep a metric (its name in AWS's words) at a value in percent."""

    metric: str
    target_percent: float


class ScalingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How much capacity there may be, and when."""

    mode: ScalingMode = ScalingMode.AUTO
    max_vcpu_count: int = MAX_VCPU_COUNT_DEFAULT
    policies: tuple[TargetTrackingPolicy, ...] = ()


class InstanceRequirements(msgspec.Struct, frozen=True, kw_only=True):
    """Which instances may be launched. Instance types may hold `*`; empty means no restriction."""

    architectures: tuple[str, ...] = ("x86_64",)
    allowed_types: tuple[str, ...] = ()
    excluded_types: tuple[str, ...] = ()


class TagPropagation(msgspec.Struct, frozen=True, kw_only=True):
    """Which tags the instances get. Source: botocore shape `PropagateTags`."""

    mode: str
    explicit_tags: dict[str, str] = {}


class CapacityProviderLogging(msgspec.Struct, frozen=True, kw_only=True):
    """Where the provider's own log lines go, and which."""

    log_group: str
    system_level: str | None = None


class CapacityProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One record."""

    scope: Scope
    name: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    operator_role_arn: str
    instance_requirements: InstanceRequirements = InstanceRequirements()
    scaling: ScalingConfig = ScalingConfig()
    kms_key_arn: str | None = None
    tag_propagation: TagPropagation | None = None
    logging: CapacityProviderLogging | None = None
    state: CapacityProviderState = CapacityProviderState.ACTIVE
    last_modified_unix_ms: int
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """As clients name it."""
        return capacity_provider_arn(self.scope, self.name)


def capacity_provider_arn(scope: Scope, name: str) -> str:
    """The ARN of a capacity provider, whether it is there or not."""
    return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account_id}:capacity-provider:{name}"


def default_log_group(name: str) -> str:
    """Source: botocore, `CapacityProviderLoggingConfig.LogGroup`."""
    return f"/aws/lambda/capacity-provider/{name}"
