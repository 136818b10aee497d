"""Layers: archives that functions have at /opt, published in numbered versions that never change.

The forms in which AWS lets a caller name a layer: its name, or its ARN; a version of it: the ARN with a number.
Source of the patterns: botocore shapes `LayerNameOrArn` and `LayerVersionArn`.
"""

import re
from typing import Self

import msgspec

from alonzo.model.function import CodePackage
from alonzo.model.scope import Scope

_LAYER_ARN = re.compile(
    r"arn:(?P<partition>[a-zA-Z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9-_]+)(:(?P<version>\d+))?",
    re.ASCII,
)

_INSIGHTS_EXTENSIONS = frozenset({"LambdaInsightsExtension", "LambdaInsightsExtension-Arm64"})


class LayerReference(msgspec.Struct, frozen=True):
    """Which layer."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """The ARN without a version."""
        return f"arn:{self.scope.partition}:lambda:{self.scope.region}:{self.scope.account_id}:layer:{self.name}"

    @property
    def is_insights_extension(self) -> bool:
        """Whether it is called as AWS calls its extension for Lambda Insights, which is in another account in nearly each region.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-extension-versions.html
        """
        return self.name in _INSIGHTS_EXTENSIONS

    @classmethod
    def of(cls, name_or_arn: str, caller: Scope) -> Self:
        """The layer that a caller means by a name or an ARN without a version."""
        match = _LAYER_ARN.fullmatch(name_or_arn)
        return cls(caller, name_or_arn) if match is None else cls(_scope_of(match), match["name"])


class LayerVersionReference(msgspec.Struct, frozen=True):
    """Which version of which layer."""

    layer: LayerReference
    version: int

    @property
    def arn(self) -> str:
        """The ARN with the version."""
        return f"{self.layer.arn}:{self.version}"

    @classmethod
    def find(cls, arn: str) -> Self | None:
        """The layer version of an ARN; None for one that names none (AWS has had `arn:aws:lambda:::awslayer:…` of its own)."""
        match = _LAYER_ARN.fullmatch(arn)
        if match is None or match["version"] is None:
            return None
        return cls(LayerReference(_scope_of(match), match["name"]), int(match["version"]))


class LayerVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a layer, complete. `unzipped_bytes`: what its files have, as functions' quotas count it."""

    reference: LayerVersionReference
    code: CodePackage
    unzipped_bytes: int
    description: str = ""
    compatible_runtimes: tuple[str, ...] | None = None
    """None: the publisher named none, which is shown otherwise than an empty list."""
    compatible_architectures: tuple[str, ...] | None = None
    license_info: str | None = None
    created_unix_ms: int

    def matches(self, *, runtime: str | None, architecture: str | None) -> bool:
        """Whether it is published as compatible with both; None asks for nothing."""
        return (runtime is None or runtime in (self.compatible_runtimes or ())) and (
            architecture is None or architecture in (self.compatible_architectures or ())
        )


class LayerCounter(msgspec.Struct, frozen=True):
    """How many versions of a layer were ever published: numbers are not given twice, even when all versions are deleted."""

    published_count: int


def _scope_of(match: re.Match[str]) -> Scope:
    return Scope(match["account"], match["region"], match["partition"] or "aws")
