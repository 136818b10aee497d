"""Keys of KMS that are disabled, or are to be deleted, encrypt and decrypt nothing: moto does not look at their state.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html.
"""

from typing import Any

from alonzo.companion.on_import import after_import

_PENDING_DELETION = "PendingDeletion"


def heed_states_of_keys() -> None:
    """Once, before the first request."""
    after_import("moto.kms.models", _change)


def _change() -> None:
    from moto.core.exceptions import JsonRESTError  # noqa: PLC0415
    from moto.kms.models import KmsBackend  # noqa: PLC0415

    keys: Any = KmsBackend
    encrypt, decrypt = keys.encrypt, keys.decrypt

    def check(backend: Any, key_id: str) -> None:
        key = backend.keys.get(backend.any_id_to_key_id(key_id))
        if key is None:
            return
        if key.key_state == _PENDING_DELETION:
            raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        if not key.enabled:
            raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")

    def encrypt_with_key(self: Any, key_id: str, *arguments: Any, **named: Any) -> Any:
        check(self, key_id)
        return encrypt(self, key_id, *arguments, **named)

    def decrypt_with_key(self: Any, *arguments: Any, **named: Any) -> Any:
        plaintext, arn = decrypt(self, *arguments, **named)
        check(self, arn)
        return plaintext, arn

    keys.encrypt, keys.decrypt = encrypt_with_key, decrypt_with_key
