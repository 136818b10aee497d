"""A function's code, changed in part: for `alonzo deploy --watch`, whose packages are mostly dependencies that stay as they are.

PUT /_alonzo/functions/NAME/code?base=SHA256&kept=COUNT

The new package is the first COUNT bytes of the one that the function has, whose SHA-256 (hexadecimal) is `base`, and after them the body.
For the rest it is UpdateFunctionCode of Lambda's API with that package, with its checks and errors, as `{"message": ...}`; 200 and
`{"sha256": ...}` when it is accepted. 409: the function has other code than `base`.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import CallerDirectory
from alonzo.edge.asgi import AsgiScope, Receive, Send
from alonzo.edge.own_endpoint import OwnEndpoint
from alonzo.edge.request_body import discard_body, read_body
from alonzo.errors import AlonzoError
from alonzo.functions.code.directories import SharedBytes
from alonzo.functions.code.signing import CodeSigning
from alonzo.functions.errors import ZippedCodeTooLarge
from alonzo.functions.registry import CodeUpdate, Functions
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.quotas import CODE_ZIPPED_IN_REQUEST_MAX_BYTES
from alonzo.model.scope import Scope
from alonzo.store.blobs import BlobStore

FUNCTIONS_PATH = b"/_alonzo/functions/"
_PATH = re.compile(re.escape(FUNCTIONS_PATH) + rb"([^/]+)/code")
_QUERY = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9]{1,9}")


class ChangedCodeEndpoint:
    """An `Endpoint` for all paths below `FUNCTIONS_PATH`."""

    def __init__(
        self,
        *,
        functions: Functions,
        code_signing: CodeSigning,
        blobs: BlobStore,
        callers: CallerDirectory,
        translate_error: Callable[[AlonzoError], ApiError],
        before_answer: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._functions = functions
        self._code_signing = code_signing
        self._blobs = blobs
        self._callers = callers
        self._endpoint = OwnEndpoint(self._answer, translate_error=translate_error)
        self._before_answer = before_answer

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says."""
        await self._endpoint(scope, receive, send)

    async def _answer(self, request: AsgiScope, receive: Receive) -> tuple[int, Any]:
        match = _PATH.fullmatch(request["raw_path"])
        if match is None or request["method"] != "PUT":
            await discard_body(receive)
            return (404, {"message": "no such path"}) if match is None else (405, {"message": "only PUT is possible here"})
        rest = await read_body(request, receive, limit_bytes=CODE_ZIPPED_IN_REQUEST_MAX_BYTES)
        caller = self._callers.caller_of(request["headers"], request["query_string"])
        name = unquote_to_bytes(match[1]).decode("utf-8", "replace")
        return await self._change(name, caller.scope, request["query_string"], rest)

    async def _change(self, name: str, scope: Scope, query: bytes, rest: bytes) -> tuple[int, dict[str, Any]]:
        asked = parse_qs(query.decode("latin-1"))
        base, kept = asked.get("base", [""])[-1], asked.get("kept", [""])[-1]
        if _QUERY[0].fullmatch(base) is None or _QUERY[1].fullmatch(kept) is None:
            return 400, {"message": "base is a SHA-256 in hexadecimal, kept a number of bytes"}
        named = refer_to_function(name, None, scope)
        reference = FunctionReference(named.scope, named.name)
        current = self._functions.get_version(reference)
        if current.code.image_uri is not None or current.code.sha256 != base:
            return 409, {"message": f"the code of {reference.name} is not {base}"}
        self._code_signing.check_deployment(reference)
        content = await self._blobs.get(base)
        if int(kept) > len(content):
            return 400, {"message": f"{base} has {len(content)} bytes"}
        if int(kept) + len(rest) >= CODE_ZIPPED_IN_REQUEST_MAX_BYTES:
            raise ZippedCodeTooLarge
        update = CodeUpdate(
            reference=reference,
            code=content[: int(kept)] + rest,
            source_kms_key_arn=current.source_kms_key_arn,
            shared=SharedBytes(base, content, int(kept)),
        )
        changed = await self._functions.update_code(update)
        if self._before_answer is not None:
            await self._before_answer()
        return 200, {"sha256": changed.code.sha256}
