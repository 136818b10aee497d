"""An OAuth 2.0 identity provider: it gives a token to whoever shows the client's secret, or an assertion."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.support.brokers.authority import Authority

CLIENT_ID, CLIENT_SECRET = "lambda", "horse & battery"
_BASIC = f"Basic {base64.b64encode(b'lambda:horse+%26+battery').decode()}"


class IdentityProvider:
    """Started and ended by `with`. `requests`: the forms that were sent with right credentials. `life_seconds`: of its tokens."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.requests: list[dict[str, str]] = []
        self.life_seconds = 3600
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.provider = self
        pair, pem = authority.issue("Identity provider"), directory / "provider.pem"
        pem.write_text(pair.key_pem() + pair.certificate_pem)
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}/token"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def token(self) -> str:
        """A new one, unsigned."""
        now = int(time.time())
        parts = ({"alg": "none"}, {"sub": CLIENT_ID, "iat": now, "exp": now + self.life_seconds, "jti": str(len(self.requests))})
        return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


class _Http(ThreadingHTTPServer):
    provider: IdentityProvider


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        is_known = self.headers.get("Authorization") == _BASIC if form["grant_type"] == "client_credentials" else "assertion" in form
        answer: dict[str, Any] = {"error": "invalid_client"}
        if is_known:
            self.server.provider.requests.append(form)
            answer = {"access_token": self.server.provider.token(), "expires_in": self.server.provider.life_seconds}
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""
