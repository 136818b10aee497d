"""The signatures of SNS's messages: real ones, with a key of this process that nobody can look up.

The link to the certificate has the form that AWS's has, as those who verify demand; it leads to AWS, who does not know of it.
Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html (version 1).
"""

import base64
import threading
import uuid
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_ORDER = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")


class MessageSignatures:
    """The key is made with the first message."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: rsa.RSAPrivateKey | None = None
        self._name = f"SimpleNotificationService-{uuid.uuid4().hex}.pem"

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What signatures are verified with."""
        return self._private_key().public_key()

    def sign(self, members: Mapping[str, str | None]) -> str:
        """Base64. Members that are None are left out."""
        text = "".join(f"{name}\n{members[name]}\n" for name in _ORDER if members.get(name) is not None)
        signature = self._private_key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - what version 1 says
        return base64.b64encode(signature).decode()

    def certificate_url(self, region: str) -> str:
        """As AWS's looks."""
        return f"https://sns.{region}.amazonaws.com/{self._name}"

    def _private_key(self) -> rsa.RSAPrivateKey:
        with self._lock:
            if self._key is None:
                self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._key
