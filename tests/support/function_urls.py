"""Function URLs for tests."""

from typing import Any

from tests.support.server import Server

ECHO = """
import base64, json

def handler(event, context):
    if event["rawPath"] != "/answer":
        return event
    body = event["body"]
    return json.loads(base64.b64decode(body) if event["isBase64Encoded"] else body)
"""
"""Answers with the event, and at /answer with what the request's body says."""


def public_url(server: Server, name: str, **settings: Any) -> str:
    """Give a function a URL that anybody may call; the URL."""
    client = server.client("lambda")
    url: str = client.create_function_url_config(FunctionName=name, AuthType="NONE", **settings)["FunctionUrl"]
    allow_anybody(server, name, Qualifier=settings.get("Qualifier"))
    return url


def allow_anybody(server: Server, name: str, **settings: Any) -> None:
    """As the console does it for a URL without authorization."""
    server.client("lambda").add_permission(
        FunctionName=name,
        StatementId="FunctionURLAllowPublicAccess",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
        **{key: value for key, value in settings.items() if value is not None},
    )


def id_of(url: str) -> str:
    """The first label of its host."""
    return url.split("//")[1].split(".", maxsplit=1)[0]
