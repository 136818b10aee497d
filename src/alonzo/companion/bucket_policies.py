"""Buckets' policies deny nothing here: moto denies without looking at conditions.

So it would deny all that a policy denies to connections without TLS, as those of deployment tools' own buckets do. What a policy allows
to everybody, everybody gets.
"""

from typing import Any

import moto.s3.models
from moto.iam.access_control import PermissionResult


def have_policies_deny_nothing() -> None:
    """Of all buckets."""
    bucket_class: Any = moto.s3.models.FakeBucket
    evaluate = bucket_class.get_permission

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        found = evaluate(bucket, action, resource)
        return PermissionResult.NEUTRAL if found == PermissionResult.DENIED else found

    bucket_class.get_permission = get_permission
