"""Calls as botocore writes and reads them: its models, serializers, signatures and parsers, without its clients.

Everything here may block (files, credentials of the machine from the network) and is called in threads.
"""

import threading
from dataclasses import dataclass
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.compat
import botocore.credentials
import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.regions
import botocore.serialize
import botocore.session

from alonzo import __version__
from alonzo.aws.client import endpoints
from alonzo.aws.client.endpoints import leads_to_aws
from alonzo.aws.client.errors import AwsRefused, AwsRequestInvalid, AwsUnreachable, NoAwsCredentials
from alonzo.aws.client.messages import HttpRequest, HttpResponse
from alonzo.model.scope import Scope

_BOTOCORE_NAMES = {"eventbridge": "events", "sfn": "stepfunctions"}
"""Where botocore's name of a service is not that of boto's variable."""

_COMPANION_URL = "http://localhost"
"""The name is not looked up: a socket leads there."""

_SIGNERS = {"s3": botocore.auth.S3SigV4Auth}
_THROTTLED_CODES = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *("TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "PriorRequestNotComplete", "SlowDown"),
    }
)
"""Source: botocore's `retries/standard.py`, of the services that are called here."""

_ANY_SECRET = "alonzo"  # noqa: S105 - signatures that nobody checks
_ERROR_STATUS = 300
_SERVER_ERROR_STATUS = 500
_THROTTLED_STATUS = 429


@dataclass(frozen=True, slots=True)
class _Service:
    """What botocore knows of one."""

    model: Any
    serializer: Any
    parser: Any


class AwsCalls:
    """Of all services; their models are read when first asked for and kept."""

    def __init__(self) -> None:
        self._loader = botocore.loaders.Loader()
        self._lock = threading.Lock()
        self._services: dict[str, _Service] = {}
        self._resolver: Any = None
        self._machine_credentials: Any = None

    def prepare(
        self, service: str, operation: str, parameters: dict[str, Any], *, endpoint: str, scope: Scope, headers: dict[str, str]
    ) -> HttpRequest:
        """The signed request of a call. Raises AwsRequestInvalid, NoAwsCredentials."""
        try:
            found = self._service(service)
            model = found.model.operation_model(operation)
        except (botocore.exceptions.UnknownServiceError, botocore.model.OperationNotFoundError) as error:
            raise AwsRequestInvalid(f"AWS has no operation {operation} of {service}") from error
        try:
            described = found.serializer.serialize_to_request(parameters, model)
        except botocore.exceptions.ParamValidationError as error:
            raise AwsRequestInvalid(str(error)) from error
        described["headers"].update(headers)
        url = self._url(found, endpoint, scope.region)
        botocore.awsrequest.prepare_request_dict(described, url, context={}, user_agent=f"alonzo/{__version__}")
        request = botocore.awsrequest.create_request_object(described)
        signer = _SIGNERS.get(service, botocore.auth.SigV4Auth)
        credentials = self._credentials_of_machine() if leads_to_aws(endpoint) else _credentials_of_account(scope.account_id)
        signer(credentials, found.model.signing_name, scope.region).add_auth(request)
        prepared = request.prepare()
        body = prepared.body or b""
        return HttpRequest(
            method=prepared.method,
            url=prepared.url,
            headers={name: _text(value) for name, value in prepared.headers.items()},
            body=body.encode() if isinstance(body, str) else bytes(body),
        )

    def read(self, service: str, operation: str, response: HttpResponse) -> dict[str, Any]:
        """What a service has answered. Raises AwsRefused, and AwsUnreachable for what no such service answers."""
        found = self._service(service)
        model = found.model.operation_model(operation)
        shape = model.output_shape
        stream = shape.serialization["payload"] if model.has_streaming_output and response.status < _ERROR_STATUS else None
        content = response.body if stream is None else b""  # which botocore would decode as a text
        parts = {"status_code": response.status, "headers": botocore.compat.HTTPHeaders(), "body": content}
        for name, value in response.headers.items():
            parts["headers"][name] = value
        try:
            parsed: dict[str, Any] = found.parser.parse(parts, shape)
        except (botocore.parsers.ResponseParserError, ValueError, KeyError, TypeError) as error:
            raise AwsUnreachable(f"{service} answered {response.status} with something else than its protocol says") from error
        if response.status >= _ERROR_STATUS:
            raise _refusal(parsed.get("Error", {}), response.status)
        return parsed if stream is None else parsed | {stream: response.body}

    def _service(self, name: str) -> _Service:
        with self._lock:
            service = self._services.get(name)
            if service is None:
                botocore_name = _BOTOCORE_NAMES.get(name, name)
                description = self._loader.load_service_model(botocore_name, "service-2")
                model = botocore.model.ServiceModel(description, botocore_name)
                protocol = model.resolved_protocol
                service = self._services[name] = _Service(
                    model=model,
                    serializer=botocore.serialize.create_serializer(protocol),
                    parser=botocore.parsers.create_parser(protocol),
                )
            return service

    def _url(self, service: _Service, endpoint: str, region: str) -> str:
        match endpoint:
            case endpoints.REAL_AWS:
                return self._aws_url(service, region)
            case endpoints.COMPANION:
                return _COMPANION_URL
            case _:
                return endpoint

    def _aws_url(self, service: _Service, region: str) -> str:
        with self._lock:
            if self._resolver is None:
                self._resolver = botocore.regions.EndpointResolver(self._loader.load_data("endpoints"))
            found = self._resolver.construct_endpoint(service.model.endpoint_prefix, region)
        if found is None:
            raise AwsRequestInvalid(f"AWS has no region {region}")
        return f"https://{found['hostname']}"

    def _credentials_of_machine(self) -> Any:
        with self._lock:
            if self._machine_credentials is None:
                self._machine_credentials = botocore.session.Session().get_credentials()
            credentials = self._machine_credentials
        if credentials is None:
            raise NoAwsCredentials("AWS itself is to be called, and no credentials for it were found on this machine")
        try:
            return credentials.get_frozen_credentials()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise NoAwsCredentials(f"this machine's AWS credentials cannot be used: {error}") from error


def _credentials_of_account(account_id: str) -> Any:
    """As functions get them: the account id as access key names the account where that is enough, as it is here."""
    return botocore.credentials.Credentials(access_key=account_id, secret_key=_ANY_SECRET)


def _refusal(error: dict[str, Any], status: int) -> AwsRefused:
    code = str(error.get("Code") or status)
    is_throttle = status == _THROTTLED_STATUS or code in _THROTTLED_CODES
    return AwsRefused(
        code=code,
        message=str(error.get("Message") or ""),
        http_status=status,
        is_worth_retrying=is_throttle or status >= _SERVER_ERROR_STATUS,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
