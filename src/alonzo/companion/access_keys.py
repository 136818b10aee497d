"""Access keys that moto gives out hold the account's id in digits, where the node finds it (`aws/identity.py`).

AWS's hold it, too, in an encoding of its own; here a key that nobody has given out must not name an account by chance.
"""

import random
import string
from typing import Any

import moto.iam.models

_LENGTH = 20
_LETTERS = string.ascii_uppercase + "234567"


def name_accounts_in_keys() -> None:
    """Of IAM's users and of roles that are assumed."""
    module: Any = moto.iam.models
    module.generate_access_key_id_from_account_id = _access_key_id


def _access_key_id(account_id: str, prefix: str, total_length: int = _LENGTH) -> str:
    return prefix + account_id + "".join(random.choices(_LETTERS, k=total_length - len(prefix) - len(account_id)))  # noqa: S311 - no secret
