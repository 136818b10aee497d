"""Calls of other services, passed on, as CloudTrail records them: who has asked what, and how it ended, and nothing of what was said.

What is gathered on the way is small: names, and the beginning of an answer that is an error. The record is made of it later, in a thread.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from alonzo.aws.identity import Caller
from alonzo.aws.operation_names import OperationNames, named_operation
from alonzo.aws.requests import Headers, find_header
from alonzo.edge.asgi import AsgiScope
from alonzo.edge.audit_records import DATA_EVENTS, AuditFacts, record_of
from alonzo.edge.other_services import OtherRequest
from alonzo.model.scope import Scope, partition_of

_FORM = "application/x-www-form-urlencoded"
_FORM_MAX_BYTES = 4_096
_ERROR_MAX_BYTES = 4_096
_HEADER_MAX_BYTES = 1_024
_TEXT_MAX = 2_048
"""More than paths and sub-resources of operations have."""

_FAILED = 400
_CODE = re.compile(r"<Code>([^<]{1,256})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{0,4096})</Message>")
_REQUEST_IDS = (b"x-amzn-requestid", b"x-amz-request-id")
_ERROR_TYPE = b"x-amzn-errortype"
_REQUEST_HEADERS = frozenset({b"user-agent"})
_ANSWER_HEADERS = frozenset({*_REQUEST_IDS, _ERROR_TYPE})


@dataclass(slots=True, kw_only=True)
class PassedCall:
    """One of them, under way. `operation` None: method and path have to tell. `path` begins with a bucket, if there is one."""

    request: OtherRequest
    operation: str | None
    method: str
    path: str
    query_string: str
    request_headers: Headers
    client: tuple[str, int] | None
    status: int = 0
    """0 while there is no answer."""
    answer_headers: Headers = field(default_factory=list)
    answer: bytes = b""
    """Of an error, the beginning."""

    @property
    def is_to_be_recorded(self) -> bool:
        """Whether it was answered and is, as far as is known without reading a model, no use of a resource."""
        return bool(self.status) and self.operation not in DATA_EVENTS.get(self.request.service, ())

    @property
    def scope(self) -> Scope:
        """Whose it is."""
        return Scope(self.request.account_id, self.request.region, partition_of(self.request.region))

    def note_answer(self, status: int, headers: Headers) -> None:
        """It is being answered."""
        self.status, self.answer_headers = status, _kept(headers, _ANSWER_HEADERS)

    def note_part(self, part: bytes) -> None:
        """The answer goes on."""
        if self.status >= _FAILED and len(self.answer) < _ERROR_MAX_BYTES:
            self.answer += part[: _ERROR_MAX_BYTES - len(self.answer)]

    def note_form(self, part: bytes) -> None:
        """A body begins so, and it is a form."""
        if self.operation is None:  # what a query says comes first
            text = part[:_FORM_MAX_BYTES].decode("latin-1")
            self.operation = named_operation(path=self.path, query_string=self.query_string, target=None, form=text)


def is_form(scope: AsgiScope) -> bool:
    """Whether the body of a request names the operation."""
    return scope["method"] == "POST" and (find_header(scope["headers"], b"content-type") or "").startswith(_FORM)


def passed_call(scope: AsgiScope, request: OtherRequest) -> PassedCall | None:
    """What is to be noted of a request; None for the use of resources (an object, an item, a message), as far as it can be seen yet."""
    path, query_string = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    if request.bucket is not None:
        path = f"/{request.bucket}{path}"
    target = find_header(scope["headers"], b"x-amz-target")
    operation = named_operation(path=path, query_string=query_string, target=target, form="")
    if request.service == "s3" and path.strip("/").partition("/")[2]:
        return None  # of an object
    if operation in DATA_EVENTS.get(request.service, ()):
        return None
    return PassedCall(
        request=request,
        operation=operation,
        method=scope["method"],
        path=path[:_TEXT_MAX],
        query_string=query_string[:_TEXT_MAX],
        request_headers=_kept(scope["headers"], _REQUEST_HEADERS),
        client=scope["client"],
    )


def passed_record(call: PassedCall, names: OperationNames, *, event_id: str, at: datetime) -> dict[str, Any] | None:
    """The record; None if it is not to be recorded. It may read a file."""
    service = call.request.service
    operation = call.operation or names.find(service, method=call.method, path=call.path, query_string=call.query_string)
    if operation is None or operation in DATA_EVENTS.get(service, ()):
        return None
    error = None if call.status < _FAILED else _error_of(call)
    request_id = next((value for name in _REQUEST_IDS if (value := find_header(call.answer_headers, name))), event_id)
    return record_of(
        AuditFacts(
            caller=Caller(scope=call.scope, access_key_id=call.request.access_key_id, service=service),
            service=service,
            event_name=operation,
            operation=operation,
            request_id=request_id,
            headers=call.request_headers,
            client=call.client,
            error=error,
        ),
        event_id=event_id,
        at=at,
    )


def _kept(headers: Headers, names: frozenset[bytes]) -> Headers:
    """Those that a record needs: thousands of calls may wait to be recorded."""
    return [(name.lower(), value[:_HEADER_MAX_BYTES]) for name, value in headers if name.lower() in names]


def _error_of(call: PassedCall) -> tuple[str, str]:
    """Code and message, as far as the answer says them."""
    named = (find_header(call.answer_headers, _ERROR_TYPE) or "").partition(":")[0]
    text = call.answer.decode("utf-8", "replace")
    code = _CODE.search(text)
    if code is not None:
        message = _MESSAGE.search(text)
        return html.unescape(code[1]), "" if message is None else html.unescape(message[1])
    said = _json_object(call.answer)
    code_said = named or str(said.get("__type") or said.get("code") or "")
    message_said = said.get("message") or said.get("Message") or ""
    return code_said.rpartition("#")[2] or _phrase(call.status), str(message_said)


def _json_object(content: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.replace(" ", "")
    except ValueError:
        return str(status)


NotePassed = Callable[[PassedCall], None]
"""Is told of each when it has been answered, or could not be."""
