"""Credentials for functions with SnapStart: environment variables would lie in the snapshot, so SDKs fetch them from the environment.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html#snapstart-credentials, and for the answer
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import timedelta

from alonzo import ids
from alonzo.clock import Clock
from alonzo.environment.runtime_api import document

_LIFE = timedelta(hours=6)
_NOT_FOUND = b"cannot get credentials for the provided token\n"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of an execution role, for one environment."""

    access_key_id: str
    secret_access_key: str
    session_token: str

    def variables(self) -> dict[str, str]:
        """As environment variables of functions without SnapStart."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


class ServedCredentials:
    """Given to whoever shows the token, which is an environment variable of the function."""

    def __init__(self, credentials: Credentials, *, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._token = ids.new_hex_id(32)

    def variables(self, runtime_api: str) -> dict[str, str]:
        """Where SDKs find them; `runtime_api` is the address of the environment's Runtime API."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{runtime_api}/2021-04-23/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def answer(self, authorization: bytes) -> bytes:
        """To a request with this Authorization header."""
        if not hmac.compare_digest(authorization, self._token.encode()):
            head = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(_NOT_FOUND)
            return head + _NOT_FOUND
        content = {
            "AccessKeyId": self._credentials.access_key_id,
            "SecretAccessKey": self._credentials.secret_access_key,
            "Token": self._credentials.session_token,
            "Expiration": (self._clock.now() + _LIFE).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return document(json.dumps(content).encode())
