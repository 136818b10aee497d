"""What functions behind load balancers get, and how they answer.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from typing import Any

from alonzo.edge.asgi import Answer
from alonzo.edge.http_events.answers import MalformedAnswer, read_answer_v1
from alonzo.edge.http_events.bodies import event_body
from alonzo.edge.http_events.payload_v1 import single_and_multi
from alonzo.edge.http_events.request import HttpRequest
from alonzo.edge.load_balancer.configuration import TargetGroup
from alonzo.model.invocation import InvocationResult

ANSWER_MAX_BYTES = 1_048_576
_STATUS_MAX_CHARACTERS = 256


def event_of(request: HttpRequest, path: str, group: TargetGroup) -> dict[str, Any]:
    """Parameters stay encoded, as load balancers leave them; with multi-value headers, all names have lists."""
    headers, multi_headers = single_and_multi(request.forwarded_headers())
    parameters, multi_parameters = single_and_multi(_raw_parameters(request.query))
    event: dict[str, Any] = {"requestContext": {"elb": {"targetGroupArn": group.arn}}, "httpMethod": request.method, "path": path}
    if group.has_multi_value_headers:
        event |= {"multiValueQueryStringParameters": multi_parameters, "multiValueHeaders": multi_headers}
    else:
        event |= {"queryStringParameters": parameters, "headers": headers}
    body, is_base64 = "", False
    if request.body:
        body, is_base64 = event_body(
            request.body, content_type=request.find_header(b"content-type"), content_encoding=request.find_header(b"content-encoding")
        )
    return event | {"body": body, "isBase64Encoded": is_base64}


def read_answer(result: InvocationResult, group: TargetGroup) -> Answer:
    """`MalformedAnswer`, also of a function that has failed. Headers are taken from the one member that the group's attribute asks for."""
    if result.function_error is not None:
        raise MalformedAnswer(f"the function has failed ({result.function_error})")
    answer = read_answer_v1(result.payload, default_type=None, ignored="headers" if group.has_multi_value_headers else "multiValueHeaders")
    if len(answer.body) > ANSWER_MAX_BYTES:
        raise MalformedAnswer(f"the body is larger than {ANSWER_MAX_BYTES} bytes")
    if not any(name == b"content-type" for name, _ in answer.headers):
        return Answer(answer.status, [*answer.headers, (b"content-type", b"application/octet-stream")], answer.body)
    return answer


def _raw_parameters(query: bytes) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in query.decode("latin-1").split("&") if part)
    return [(name, value) for name, _, value in pairs]
