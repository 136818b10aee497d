"""Whose resources: every Lambda resource belongs to one account in one region."""

import msgspec

DEFAULT_ACCOUNT_ID = "000000000000"
DEFAULT_REGION = "us-east-1"


class Scope(msgspec.Struct, frozen=True):
    """An account in a region of a partition. Resources of different scopes never meet."""

    account_id: str
    region: str
    partition: str = "aws"


def partition_of(region: str) -> str:
    """The AWS partition that a region lies in. Source: botocore's `partitions.json`."""
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-iso-", "aws-iso"), ("us-isob-", "aws-iso-b")):
        if region.startswith(prefix):
            return partition
    return "aws"
