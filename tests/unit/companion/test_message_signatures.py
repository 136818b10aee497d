"""SNS's signatures, verified as AWS tells to."""

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from alonzo.companion.message_signatures import MessageSignatures


def test_a_signature_covers_what_is_there() -> None:
    signatures = MessageSignatures()
    members = {"Message": "hello", "MessageId": "1", "Subject": None, "Timestamp": "now", "TopicArn": "arn", "Type": "Notification"}
    text = b"Message\nhello\nMessageId\n1\nTimestamp\nnow\nTopicArn\narn\nType\nNotification\n"
    signatures.public_key.verify(base64.b64decode(signatures.sign(members)), text, padding.PKCS1v15(), hashes.SHA1())
    with_subject = text.replace(b"Timestamp", b"Subject\nabout\nTimestamp")
    signature = base64.b64decode(signatures.sign({**members, "Subject": "about"}))
    signatures.public_key.verify(signature, with_subject, padding.PKCS1v15(), hashes.SHA1())
