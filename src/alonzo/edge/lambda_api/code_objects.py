"""Code that a caller has put into S3, fetched when the operation is called: what becomes of the object later does not matter.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html. Errors are worded as AWS words them (recorded).
"""

import logging
from dataclasses import dataclass
from typing import Any

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.errors import AwsAnswerTooLarge, AwsCallFailed, AwsRefused, NoAwsEndpoint
from alonzo.functions.code.sources import CodeSource
from alonzo.functions.errors import InvalidParameter, UnzippedCodeTooLarge
from alonzo.model.quotas import CODE_UNZIPPED_MAX_BYTES
from alonzo.model.scope import Scope

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CodeObject:
    """Where a package is; `version` None: the object's latest."""

    bucket: str
    key: str
    version: str | None


class CodeObjects:
    """Reads them as the caller would: in the caller's account and region."""

    def __init__(self, services: AwsClients) -> None:
        self._services = services

    async def read(self, code: CodeSource | CodeObject, scope: Scope) -> CodeSource:
        """Code that is in S3 as it is there, other code as it is. InvalidParameter, UnzippedCodeTooLarge."""
        if not isinstance(code, CodeObject):
            return code
        parameters = {"Bucket": code.bucket, "Key": code.key}
        if code.version is not None:
            parameters["VersionId"] = code.version
        try:
            answer: dict[str, Any] = await self._services.call(
                "s3", "GetObject", parameters, scope=scope, answer_max_bytes=CODE_UNZIPPED_MAX_BYTES
            )
        except AwsAnswerTooLarge as error:
            raise UnzippedCodeTooLarge from error
        except AwsRefused as error:
            raise _refused(error.code, str(error).removeprefix(error.code).removeprefix(": ")) from error
        except NoAwsEndpoint as error:
            _log.warning("code in S3: %s", error)
            raise _refused("NoSuchBucket", "The specified bucket does not exist") from error
        except AwsCallFailed as error:
            _log.warning("code in S3 cannot be read: %s", error)
            raise _refused("ServiceUnavailable", str(error)) from error
        content: bytes = answer["Body"]
        return content


def _refused(code: str, message: str) -> InvalidParameter:
    return InvalidParameter(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}")
