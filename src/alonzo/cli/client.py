"""How the commands reach a running node: AWS's own client library, pointed at it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from alonzo.node.configuration import DEFAULT_HOST, DEFAULT_PORT

DEFAULT_ENDPOINT_URL = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
DEFAULT_REGION = "us-east-1"
_MADE_UP_CREDENTIALS = ("test", "test")

LONGEST_INVOCATION_SECONDS = 910
"""A function may take 900 s, and a cold start comes before it."""

endpoint_option = click.option(
    "--endpoint-url",
    envvar=["ALONZO_ENDPOINT_URL", "AWS_ENDPOINT_URL"],
    default=DEFAULT_ENDPOINT_URL,
    show_default=True,
    metavar="URL",
    help="Where Alonzo listens.",
)
region_option = click.option(
    "--region",
    envvar=["ALONZO_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"],
    metavar="REGION",
    show_default="the AWS profile's, else us-east-1",
    help="The region whose functions are meant.",
)

ClientFactory = Callable[[str], Any]
AskServer = Callable[[str, str], Any]
"""From a method and a path of Alonzo's own to what it answered, decoded."""
SendToServer = Callable[[str, str, bytes], tuple[int, Any]]
"""From a method, a path of Alonzo's own and a body to the status and what it answered, decoded."""


@contextmanager
def connect(*, endpoint_url: str, region: str | None) -> Iterator[ClientFactory]:
    """A factory of botocore clients by service name.

    Uses the AWS credentials that are configured (a 12-digit access key names the account), else made-up ones.
    Answers that are errors, and a node that does not answer, end the command with one line.
    """
    from botocore.config import Config

    session = _open_session()
    options: dict[str, Any] = {
        "endpoint_url": endpoint_url,
        "region_name": _region_of(session, region),
        "config": Config(retries={"total_max_attempts": 1}, read_timeout=LONGEST_INVOCATION_SECONDS, connect_timeout=5),
    }
    if session.get_credentials() is None:
        options |= {"aws_access_key_id": _MADE_UP_CREDENTIALS[0], "aws_secret_access_key": _MADE_UP_CREDENTIALS[1]}
    with _errors_in_one_line(endpoint_url):
        yield lambda service: session.create_client(service, **options)


@contextmanager
def connect_own(*, endpoint_url: str, region: str | None) -> Iterator[AskServer]:
    """As `connect`, for what Alonzo itself offers beside AWS's API; signed in the same way."""
    send = open_sender(endpoint_url=endpoint_url, region=region)

    def ask(method: str, path: str) -> Any:
        status, answer = send(method, path, b"")
        if status != 200:  # noqa: PLR2004
            raise click.ClickException(answer["message"])
        return answer

    with _errors_in_one_line(endpoint_url):
        yield ask


def open_sender(*, endpoint_url: str, region: str | None) -> SendToServer:
    """Requests to what Alonzo itself offers, signed; an answer that is not JSON is None. Raises botocore's errors."""
    import json

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.httpsession import URLLib3Session

    session = _open_session()
    credentials = session.get_credentials() or Credentials(*_MADE_UP_CREDENTIALS)
    signer = SigV4Auth(credentials, "lambda", _region_of(session, region))
    http = URLLib3Session(timeout=LONGEST_INVOCATION_SECONDS)

    def send(method: str, path: str, body: bytes) -> tuple[int, Any]:
        request = AWSRequest(method=method, url=f"{endpoint_url.rstrip('/')}{path}", data=body)
        signer.add_auth(request)
        response = http.send(request.prepare())
        try:
            return response.status_code, json.loads(response.content)
        except ValueError:
            return response.status_code, None

    return send


def upload(file: IO[bytes], path: str, *, endpoint_url: str, region: str | None) -> Any:
    """Post a file to a path of Alonzo's own; what it answered. Errors end the command with one line."""
    with _errors_in_one_line(endpoint_url):
        status, answer = post_file(file, path, endpoint_url=endpoint_url, region=region)
    if status != 200:  # noqa: PLR2004
        raise click.ClickException(answer["message"])
    return answer


def post_file(file: IO[bytes], path: str, *, endpoint_url: str, region: str | None) -> tuple[int, Any]:
    """The same: the status, and what was answered, decoded. Raises botocore's errors."""
    import json
    import os

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.httpsession import URLLib3Session

    session = _open_session()
    request = AWSRequest(
        method="POST",
        url=f"{endpoint_url.rstrip('/')}{path}",
        headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD", "Content-Length": str(os.fstat(file.fileno()).st_size)},
    )
    credentials = session.get_credentials() or Credentials(*_MADE_UP_CREDENTIALS)
    SigV4Auth(credentials, "lambda", _region_of(session, region)).add_auth(request)
    prepared = request.prepare()
    prepared.body = file
    response = URLLib3Session(timeout=LONGEST_INVOCATION_SECONDS).send(prepared)
    return response.status_code, json.loads(response.content)


def _open_session() -> Any:
    import botocore.session

    session = botocore.session.get_session()
    session.get_component("credential_provider").remove("iam-role")  # it asks a metadata server that a laptop has not, for seconds
    return session


def _region_of(session: Any, region: str | None) -> str:
    return region or session.get_config_variable("region") or DEFAULT_REGION


@contextmanager
def _errors_in_one_line(endpoint_url: str) -> Iterator[None]:
    import botocore.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise click.ClickException(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}") from error
    except (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError) as error:
        raise click.ClickException(f"no answer from {endpoint_url} ({error}); is `alonzo up` running there?") from error
    except botocore.exceptions.BotoCoreError as error:
        raise click.ClickException(str(error)) from error
