"""The front door of APIs: finds the API of a request and has it answered by those who know its kind."""

import logging
from functools import partial

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.edge.api_gateway.answers import internal_failure, message_answer
from alonzo.edge.api_gateway.apis import Apis, WebSocketApi
from alonzo.edge.api_gateway.http_api.configuration import VersionTwoApi
from alonzo.edge.api_gateway.http_api.front import HttpApiFront
from alonzo.edge.api_gateway.places import MANAGEMENT_PREFIX, ApiPlace, find_place
from alonzo.edge.api_gateway.rest_api.configuration import RestApi
from alonzo.edge.api_gateway.rest_api.front import RestApiFront
from alonzo.edge.api_gateway.web_sockets.front import WebSocketFront
from alonzo.edge.api_gateway.web_sockets.management import ConnectionManagement
from alonzo.edge.asgi import Answer, AsgiScope, Endpoint, Receive, Send, refuse_web_socket, send_response
from alonzo.edge.front_doors import QuickWay, host_of
from alonzo.edge.http_events.request import HttpRequest, request_of
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.ids import new_uuid

BODY_MAX_BYTES = 10 << 20
"""API Gateway's quota for payloads."""

_log = logging.getLogger(__name__)


class ApiDoor:
    """A `FrontDoor`. `otherwise` answers what has only the same beginning as an API's path: API Gateway's own operations."""

    takes_web_sockets = True

    def __init__(
        self,
        *,
        apis: Apis,
        http_apis: HttpApiFront,
        rest_apis: RestApiFront,
        web_sockets: WebSocketFront,
        management: ConnectionManagement,
        otherwise: Endpoint,
    ) -> None:
        self._apis = apis
        self._http_apis = http_apis
        self._rest_apis = rest_apis
        self._web_sockets = web_sockets
        self._management = management
        self._otherwise = otherwise

    def find_quick_way(self, host: bytes, path: bytes) -> QuickWay | None:
        """As the protocol says."""
        place = find_place(host, path)
        if place is None and not path.startswith(MANAGEMENT_PREFIX):
            return None
        return partial(self._answer, place)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._serve_web_socket(scope, receive, send)
            return
        answer_quickly = self.find_quick_way(host_of(scope["headers"]), scope["raw_path"])
        if answer_quickly is None:
            await self._otherwise(scope, receive, send)
            return
        try:
            body = await read_body(scope, receive, limit_bytes=BODY_MAX_BYTES)
        except ClientDisconnected:
            return
        except BodyTooLarge:
            answer = message_answer(413, "Request Entity Too Large")
        else:
            answer = await answer_quickly(request_of(scope, body))
        await send_response(send, answer.status, answer.headers, answer.body)

    async def _answer(self, place: ApiPlace | None, request: HttpRequest) -> Answer:
        """Whatever goes wrong is an answer. `place` None: `@connections` of whichever API."""
        try:
            if place is None:
                return await self._management.answer(None, request, request.path)
            api = self._apis.find(place.api_id, place.region)
            if isinstance(api, VersionTwoApi):
                return await self._http_apis.answer(api, request, place.path)
            return await self._answer_at(place, request)
        except Exception:  # a request ends here: whatever it was, the client gets an answer
            request_id = new_uuid()
            answer = internal_failure(_log, request, request_id)
            answer.headers.append((b"x-amzn-requestid", request_id.encode()))
            return answer

    async def _answer_at(self, place: ApiPlace, request: HttpRequest) -> Answer:
        try:
            api = await self._apis.get(place.api_id, place.region)
        except AwsCallFailed as error:
            _log.warning("the configuration of the API %s cannot be read: %s", place.api_id, error)
            return message_answer(503, "Service Unavailable")
        match api:
            case VersionTwoApi():
                return await self._http_apis.answer(api, request, place.path)
            case RestApi():
                return await self._rest_apis.answer(api, request, place.path)
            case WebSocketApi():
                return await self._management.answer(api.api, request, place.path)
            case _:
                return message_answer(404, "Not Found")

    async def _serve_web_socket(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        place = find_place(host_of(scope["headers"]), scope["raw_path"])
        api = None
        if place is not None:
            try:
                api = await self._apis.get(place.api_id, place.region)
            except AwsCallFailed as error:
                _log.warning("the configuration of the API %s cannot be read: %s", place.api_id, error)
                await refuse_web_socket(receive, send, message_answer(503, "Service Unavailable"))
                return
        if place is None or not isinstance(api, WebSocketApi):
            await refuse_web_socket(receive, send, message_answer(404, "Not Found"))
            return
        await self._web_sockets.serve(api.api, place.path, request_of({**scope, "method": "GET"}, b""), receive, send)
