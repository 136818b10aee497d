"""Filters that are kept encrypted with a KMS key of the customer's.

Envelope encryption: the key encrypts a data key, which encrypts the filters, since KMS itself takes 4 KB only. Source of what is bound to
the ciphertext: the `Decrypt` event in https://docs.aws.amazon.com/lambda/latest/dg/security-encryption-at-rest.html, and of the rest
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filter-criteria-encryption.
"""

import os
import re
from typing import Any, Protocol

import msgspec

from alonzo.aws.client.errors import AwsCallFailed, AwsRefused
from alonzo.event_sources.errors import FiltersUnreadable
from alonzo.model.event_source_mapping import EventSourceMapping, SealedFilters
from alonzo.model.scope import Scope

_NONCE_BYTES = 12
"""Source: NIST SP 800-38D, 8.2."""
_KMS_EXCEPTION = re.compile(r"[A-Za-z]+Exception")
"""Source: botocore, shape `FilterCriteriaErrorCode`."""
_UNKNOWN_PROBLEM = "KMSInternalException"


class KeyService(Protocol):
    """KMS; see `AwsClients`."""

    async def call(self, service: str, operation: str, parameters: dict[str, Any], *, scope: Scope) -> dict[str, Any]: ...


class FilterSealing:
    """`seal` before a mapping is kept, `unseal` before its filters are needed; what has no key passes as it is."""

    def __init__(self, services: KeyService) -> None:
        self._services = services

    async def seal(self, mapping: EventSourceMapping) -> EventSourceMapping:
        """With the filters encrypted, if it names a key. `FiltersUnreadable`."""
        settings = mapping.settings
        if not settings.kms_key_arn or not settings.filters:
            return mapping
        parameters = {"KeyId": settings.kms_key_arn, "KeySpec": "AES_256", "EncryptionContext": _context(mapping)}
        answer = await self._call(mapping, "GenerateDataKey", parameters)
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = nonce + _cipher(answer["Plaintext"]).encrypt(nonce, msgspec.json.encode(settings.filters), None)
        return msgspec.structs.replace(
            mapping,
            settings=msgspec.structs.replace(settings, filters=None),
            sealed_filters=SealedFilters(data_key=answer["CiphertextBlob"], ciphertext=ciphertext),
        )

    async def unseal(self, mapping: EventSourceMapping) -> EventSourceMapping:
        """With its filters in plain text. `FiltersUnreadable`."""
        sealed = mapping.sealed_filters
        if sealed is None:
            return mapping
        parameters = {"CiphertextBlob": sealed.data_key, "EncryptionContext": _context(mapping)}
        answer = await self._call(mapping, "Decrypt", parameters)
        nonce, ciphertext = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        filters = msgspec.json.decode(_cipher(answer["Plaintext"]).decrypt(nonce, ciphertext, None), type=tuple[str, ...])
        return msgspec.structs.replace(mapping, settings=msgspec.structs.replace(mapping.settings, filters=filters), sealed_filters=None)

    async def _call(self, mapping: EventSourceMapping, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._services.call("kms", operation, parameters, scope=mapping.scope)
        except AwsRefused as error:
            code = error.code.rpartition("#")[2]
            is_known = _KMS_EXCEPTION.fullmatch(code) is not None
            raise FiltersUnreadable(code if is_known else _UNKNOWN_PROBLEM, str(error)) from error
        except AwsCallFailed as error:
            raise FiltersUnreadable(_UNKNOWN_PROBLEM, str(error)) from error


def _context(mapping: EventSourceMapping) -> dict[str, str]:
    source = {} if mapping.event_source_arn is None else {"aws:lambda:EventSourceArn": mapping.event_source_arn}
    return {"aws:lambda:FunctionArn": mapping.function_arn, **source}


def _cipher(data_key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # few mappings need it, and it takes its time

    return AESGCM(data_key)
