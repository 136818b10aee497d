"""A web server that knows nothing of Lambda, behind an extension that asks for invocations in the place of a runtime."""

import json
from pathlib import Path

from tests.support.extensions import publish_files
from tests.support.function_urls import public_url
from tests.support.http_exchange import exchange
from tests.support.packaging import PYTHON_RUNTIME
from tests.support.ports import free_port
from tests.support.server import ROLE, Server, zip_of

_ADAPTER = Path(__file__).parents[2] / "support" / "web_adapter_program.py"
_WRAPPER = """#!/bin/sh
exec "${LAMBDA_TASK_ROOT}/${_HANDLER}"
"""
_RUN = """#!/bin/sh
exec python3 "${LAMBDA_TASK_ROOT}/server.py"
"""
_SERVER = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = json.dumps({"path": self.path, "body": body.decode(), "who": self.headers["X-Who"]}).encode()
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_web_server_runs_as_it_is(server: Server) -> None:
    layer = publish_files(server, "adapter", {"extensions/adapter": _ADAPTER.read_text(), "bootstrap": _WRAPPER})
    server.client("lambda").create_function(
        FunctionName="adapted",
        Runtime=PYTHON_RUNTIME,
        Handler="run.sh",
        Role=ROLE,
        Layers=[layer],
        Timeout=30,
        Code={"ZipFile": zip_of({"run.sh": _RUN, "server.py": _SERVER})},
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap", "PORT": str(free_port())}},
    )
    server.wait_until_settled("adapted")
    url = public_url(server, "adapted", InvokeMode="RESPONSE_STREAM")
    for number in range(3):
        answer = exchange(server.endpoint_url, f"{url}a%20b?n={number}", "POST", headers=[("X-Who", "me")], body=b"hello")
        assert answer.status == 202, answer
        assert json.loads(answer.body) == {"path": f"/a%20b?n={number}", "body": "hello", "who": "me"}
        assert answer.values("content-type") == ["application/json"]
    assert answer.values("set-cookie")[-2:] == ["a=1", "b=2"]
