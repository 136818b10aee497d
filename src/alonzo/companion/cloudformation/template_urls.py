"""Templates in S3, by their URLs."""

import re
from urllib.parse import unquote, urlsplit

import botocore.exceptions

from alonzo.companion.cloudformation.clients import Clients
from alonzo.companion.cloudformation.errors import ValidationError

_BUCKET_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-][a-z0-9.-]*|(?P<local>[a-z0-9][a-z0-9.-]+)\.localhost.*")
_TEMPLATE_MAX_BYTES = 1 << 20


def fetch_template(url: str, *, clients: Clients, account_id: str, region: str) -> str:
    """The text of an object, whichever host its URL names: there is one S3 here. Raises ValidationError."""
    parts = urlsplit(url)
    match = _BUCKET_HOST.fullmatch(parts.hostname or "")
    path = unquote(parts.path).lstrip("/")
    named = None if match is None else match["bucket"] or match["local"]
    bucket, key = (named, path) if named and named != "s3" else (path.partition("/")[0], path.partition("/")[2])
    if not bucket or not key:
        raise ValidationError("TemplateURL must be a supported URL.")
    try:
        answer = clients.client("s3", account_id=account_id, region=region).get_object(Bucket=bucket, Key=key)
        content: bytes = answer["Body"].read(_TEMPLATE_MAX_BYTES + 1)
        return content.decode()
    except botocore.exceptions.ClientError as error:
        found = error.response.get("Error", {})
        raise ValidationError(f"S3 error: {found.get('Message')}\nFor more information check {url}") from error
    except UnicodeDecodeError:
        raise ValidationError("Template format error: it is not UTF-8.") from None
