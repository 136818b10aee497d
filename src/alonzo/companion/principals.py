"""Who makes a request, in the words of events: S3's `userIdentity` and `ownerIdentity`."""

import base64
import hashlib
from typing import Any

import moto.iam.models
import moto.sts.models

from alonzo.companion.current_request import CurrentRequest

_PARTITION = "aws"


def principal_of(request: CurrentRequest | None, account_id: str) -> str:
    """`AWS:AIDA…` of a user that IAM knows, `AWS:AROA…:session` of a role that was assumed, else the account's id in its place."""
    if request is not None and request.access_key_id is None:
        return "Anonymous"
    found = None if request is None else _find(request.access_key_id or "", account_id)
    return f"AWS:{found or account_id}"


def owner_of(account_id: str) -> str:
    """An id of the account that says nothing else, the same whenever it is asked for."""
    digest = hashlib.sha256(account_id.encode()).digest()
    return "A" + base64.b32encode(digest).decode()[:13]


def _find(access_key_id: str, account_id: str) -> str | None:
    sts: Any = moto.sts.models.sts_backends[account_id][_PARTITION]
    role = sts.get_assumed_role_from_access_key(access_key_id)
    if role is not None:
        return str(role.user_id)
    iam: Any = moto.iam.models.iam_backends[account_id][_PARTITION]
    for user in list(iam.users.values()):
        if any(key.access_key_id == access_key_id for key in user.access_keys):
            return str(user.id)
    return None
