"""Invoking functions and reading what they logged, with boto3."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.support.server import Server
from tests.support.waiting import eventually

_EXPLAINING_LINES = 200


@dataclass(frozen=True)
class Answer:
    """What a client gets of one invocation."""

    payload: bytes
    error: str | None
    log_tail: str
    request_id: str
    headers: dict[str, str]

    @property
    def value(self) -> Any:
        """The payload, decoded."""
        return json.loads(self.payload)


def invoke(server: Server, name: str, event: Any = None, **parameters: Any) -> Answer:
    """Invoke a function with an event (bytes go as they are) and wait for its answer."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    answer = server.own_client("lambda").invoke(FunctionName=name, Payload=payload, **parameters)
    return Answer(
        payload=answer["Payload"].read(),
        error=answer.get("FunctionError"),
        log_tail=base64.b64decode(answer.get("LogResult", "")).decode(),
        request_id=answer["ResponseMetadata"]["RequestId"],
        headers=answer["ResponseMetadata"]["HTTPHeaders"],
    )


def invoke_together(server: Server, name: str, events: list[dict[str, Any]], **parameters: Any) -> list[Answer]:
    """Invoke a function with all events at once, and wait for all answers."""
    with ThreadPoolExecutor(len(events)) as threads:
        return list(threads.map(lambda event: invoke(server, name, event, **parameters), events))


def succeed(server: Server, name: str, event: Any = None, **parameters: Any) -> Any:
    """What a function returned; AssertionError with its error and its log if it failed."""
    answer = invoke(server, name, event, **parameters)
    assert answer.error is None, "\n".join([answer.payload.decode(), *read_log(server, name)[-_EXPLAINING_LINES:]])
    return answer.value


def read_log(server: Server, name: str, **client: Any) -> list[str]:
    """The messages that a function has logged so far, oldest first."""
    logs = server.client("logs", **client) if client else server.own_client("logs")
    try:
        pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}"))
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for page in pages for event in page["events"]]


def wait_for_log(server: Server, name: str, text: str, *, count: int = 1) -> list[str]:
    """The messages of a function, once `text` is in `count` of them."""

    def found() -> list[str] | None:
        messages = read_log(server, name)
        return messages if sum(text in message for message in messages) >= count else None

    return eventually(found, what=f"{text!r} in the log of {name}")
