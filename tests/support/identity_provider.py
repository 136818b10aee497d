"""An OAuth 2.0 identity provider: it gives a token to whoever shows the client's secret, or an assertion."""

import base64
import json
import time
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any
from urllib.parse import parse_qsl

from tests.support.brokers.authority import Authority
from tests.support.http_server import LocalHttpHandler, LocalHttpServer

CLIENT_ID, CLIENT_SECRET = "lambda", "horse & battery"
_BASIC = f"Basic {base64.b64encode(b'lambda:horse+%26+battery').decode()}"


class IdentityProvider(LocalHttpServer):
    """Started and ended by `with`. `requests`: the forms that were sent with right credentials. `life_seconds`: of its tokens."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        super().__init__(_Handler)
        self.requests: list[dict[str, str]] = []
        self.life_seconds = 3600
        pair, pem = authority.issue("Identity provider"), directory / "provider.pem"
        pem.write_text(pair.key_pem() + pair.certificate_pem)
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        """Where tokens are given."""
        return f"{super().url}/token"

    def token(self) -> str:
        """A new one, unsigned."""
        now = int(time.time())
        parts = ({"alg": "none"}, {"sub": CLIENT_ID, "iat": now, "exp": now + self.life_seconds, "jti": str(len(self.requests))})
        return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


class _Handler(LocalHttpHandler):
    server: IdentityProvider

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.body().decode()))
        is_known = self.headers.get("Authorization") == _BASIC if form["grant_type"] == "client_credentials" else "assertion" in form
        answer: dict[str, Any] = {"error": "invalid_client"}
        if is_known:
            self.server.requests.append(form)
            answer = {"access_token": self.server.token(), "expires_in": self.server.life_seconds}
        self.answer(json.dumps(answer).encode(), status=200 if is_known else 401)
