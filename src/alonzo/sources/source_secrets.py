"""Credentials and certificates of sources: secrets of Secrets Manager, which hold JSON objects of texts."""

from collections.abc import Iterator

import msgspec

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.errors import SourceProblem
from alonzo.sources.source import AwsServices

_SERVICE = "secretsmanager"


def find_access(mapping: EventSourceMapping, kind: str) -> str | None:
    """The URI of a mapping's first source access configuration of that type: a secret's ARN, or the name of a virtual host."""
    return next(_iter_access(mapping, kind), None)


def _iter_access(mapping: EventSourceMapping, kind: str) -> Iterator[str]:
    return (access.uri for access in mapping.settings.source_access or () if access.type == kind and access.uri is not None)


async def read_secret(services: AwsServices, arn: str, mapping: EventSourceMapping, *required: str) -> dict[str, str]:
    """What a secret holds. `SourceProblem` if it is no object or lacks something `required`; errors of AWS calls."""
    answer = await services.call(_SERVICE, "GetSecretValue", {"SecretId": arn}, scope=mapping.scope)
    content = answer.get("SecretString") or answer.get("SecretBinary") or b""
    try:
        secret = {name: str(value) for name, value in msgspec.json.decode(content, type=dict[str, str | int]).items()}
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SourceProblem(f"The secret {arn} is not a JSON object of strings and numbers") from error
    missing = [name for name in required if name not in secret]
    if missing:
        raise SourceProblem(f"The secret {arn} lacks {', '.join(missing)}")
    return secret
