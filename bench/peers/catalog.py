"""The peers that are measured, in pinned versions, each as its documentation starts it."""

import base64
import json
import platform
import time
from pathlib import Path

from tests.support.server import ROLE, zip_of

from bench.http_messages import post_request, signed_headers
from bench.peers.peer import Peer, PeerFailed, Place, RunningPeer

COLD_COUNT = 10
_COLD_NAMES = tuple(f"cold-{number}" for number in range(COLD_COUNT))
_ACTIVE_SECONDS = 60.0

_PYTHON = """
import time

def handler(event, context):
    if "seconds" in event:
        time.sleep(event["seconds"])
    return event
"""
_NODE = """
exports.handler = async (event) => {
  if (event.seconds) await new Promise((resolve) => setTimeout(resolve, 1000 * event.seconds));
  return event;
};
"""
_FLASK = """
import time

def handler(request):
    event = request.get_json()
    if "seconds" in event:
        time.sleep(event["seconds"])
    return event
"""
_WSGI = "from functions_framework import create_app\napp = create_app(target='handler', source='main.py')\n"
_ISOLATE = """
export default { async fetch(request) {
  const text = await request.text(), event = JSON.parse(text);
  if (event.seconds) await new Promise((resolve) => setTimeout(resolve, 1000 * event.seconds));
  return new Response(text, {headers: {"content-type": "application/json"}});
} };
"""
_ROUTER = (
    "const SOURCE = %s;\n"
    "export default { async fetch(request, env) {\n"
    "  const path = new URL(request.url).pathname;\n"
    '  if (path === "/") return env.FUNCTION.fetch(request);\n'
    '  const made = () => ({compatibilityDate: "2025-06-01", mainModule: "main.js", modules: {"main.js": SOURCE}});\n'
    "  return env.LOADER.get(path, made).getEntrypoint().fetch(request);\n"
    "} };\n"
)
_CAPNP = """
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "router", worker = (modules = [(name = "router.js", esModule = embed "router.js")], compatibilityDate = "2025-06-01",
      bindings = [(name = "FUNCTION", service = "function"), (name = "LOADER", workerLoader = (id = "loader"))])),
    (name = "function", worker = (modules = [(name = "function.js", esModule = embed "function.js")], compatibilityDate = "2025-06-01")),
  ],
  sockets = [(name = "http", address = "127.0.0.1:%d", http = (), service = "router")]
);
"""


def _invocations(name: str) -> str:
    return f"/2015-03-31/functions/{name}/invocations"


def _python(place: Place) -> str:
    return str(place.home / "venv/bin/python")


def _create_functions(running: RunningPeer) -> None:
    code = base64.b64encode(zip_of({"app.py": _PYTHON})).decode()
    for name in ("warm", *_COLD_NAMES):
        body = {
            "FunctionName": name,
            "Runtime": "python3.11",
            "Role": ROLE,
            "Handler": "app.handler",
            "Timeout": 60,
            "Code": {"ZipFile": code},
        }
        created = running.send(post_request(running.address, "/2015-03-31/functions", json.dumps(body).encode(), signed_headers()))
        if created.status not in {200, 201}:
            raise PeerFailed(f"{running.peer.name}: CreateFunction answered {created.status} {created.body[:300]!r}")
    deadline = time.monotonic() + _ACTIVE_SECONDS
    while True:
        try:
            running.invoke(b"{}")
        except PeerFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _serverless_yml(place: Place) -> str:
    functions = "".join(f"  {name}:\n    handler: app.handler\n" for name in ("warm", *_COLD_NAMES))
    return (
        "service: bench\nframeworkVersion: '3'\nprovider:\n  name: aws\n  runtime: {runtime}\n  timeout: 60\n  stage: dev\n"
        "plugins:\n  - serverless-offline\ncustom:\n  serverless-offline:\n"
        f"    httpPort: {place.other_port}\n    lambdaPort: {place.port}\n    host: 127.0.0.1\n"
        "    noTimeout: false\n    reloadHandler: false\n"
        f"functions:\n{functions}"
    )


def _serverless(name: str, what: str, runtime: str, file: str, source: str) -> Peer:
    return Peer(
        name=name,
        what=what,
        npm=("serverless@3.40.0", "serverless-offline@13.9.0"),
        files=lambda place: {file: source, "serverless.yml": _serverless_yml(place).replace("{runtime}", runtime), "package.json": "{}\n"},
        command=lambda place: ("node", str(_linked(place) / "serverless/bin/serverless.js"), "offline", "start"),
        variables=lambda _: {"SLS_TELEMETRY_DISABLED": "1", "SLS_TRACKING_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off"},
        path=_invocations("bench-dev-warm"),
        cold_paths=tuple(_invocations(f"bench-dev-{cold}") for cold in _COLD_NAMES),
        ready_path="/nothing",
    )


def _linked(place: Place) -> Path:
    """Its packages, found from the directory that it runs in."""
    modules = place.directory / "node_modules"
    if not modules.is_symlink():
        modules.symlink_to(place.home / "node_modules")
    return place.home / "node_modules"


def _rie(place: Place) -> str:
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    return str(next((place.home / "venv").glob(f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}")))


MINISTACK = Peer(
    name="ministack",
    what="AWS emulator, Python in child processes",
    python=("ministack==1.5.33",),
    files=lambda _: {},
    command=lambda place: (str(place.home / "venv/bin/ministack"),),
    variables=lambda place: {
        "GATEWAY_PORT": str(place.port),
        "BIND_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(place.directory / "state"),
    },
    headers=signed_headers(),
    path=_invocations("warm"),
    cold_paths=tuple(map(_invocations, _COLD_NAMES)),
    deploy=_create_functions,
    ready_path="/_ministack/health",
)

PEERS: tuple[Peer, ...] = (
    MINISTACK,
    Peer(
        name="rie",
        what="AWS's runtime interface emulator and awslambdaric, one environment",
        python=("awslambdaric==4.2.2", "aws-sam-cli==1.170.0"),
        files=lambda _: {"app.py": _PYTHON},
        command=lambda place: (
            _rie(place),
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{place.port}",
            "--runtime-api-address",
            f"127.0.0.1:{place.other_port}",
            _python(place),
            "-m",
            "awslambdaric",
            "app.handler",
        ),
        variables=lambda place: {
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "LAMBDA_TASK_ROOT": str(place.directory),
            "PYTHONPATH": str(place.directory),
        },
        path=_invocations("function"),
        ready_path="/",
        most_at_once=1,
        environments=False,
    ),
    Peer(
        name="functions-framework",
        what="gunicorn, 2 workers of 8 threads, no isolation",
        python=("functions-framework==3.10.2", "gunicorn==27.0.1"),
        files=lambda _: {"main.py": _FLASK, "wsgi.py": _WSGI},
        command=lambda place: (
            *(_python(place), "-m", "gunicorn", "-w", "2", "--threads", "8", "--keep-alive", "75", "--timeout", "120"),
            *("--log-level", "error", "-b", f"127.0.0.1:{place.port}", "wsgi:app"),
        ),
        path="/",
        environments=False,
    ),
    _serverless("serverless-offline-python", "Python in child processes, no isolation", "python3.11", "app.py", _PYTHON),
    _serverless("serverless-offline-node", "Node.js in worker threads, no isolation", "nodejs20.x", "app.js", _NODE),
    Peer(
        name="lambda-local",
        what="Node.js, in the server's own process",
        npm=("lambda-local@2.2.0",),
        files=lambda _: {"app.js": _NODE},
        command=lambda place: (
            *("node", str(place.home / "node_modules/lambda-local/build/cli.js"), "-l", str(place.directory / "app.js")),
            *("-h", "handler", "-t", "60", "-v", "0", "--watch", str(place.port)),
        ),
        path="/",
        wrap=lambda event: b'{"event": %b}' % event,
        environments=False,
    ),
    Peer(
        name="workerd",
        what="JavaScript isolates within one process",
        npm=("workerd@1.20261117.1",),
        files=lambda place: {
            "function.js": _ISOLATE,
            "router.js": _ROUTER % json.dumps(_ISOLATE),
            "config.capnp": _CAPNP % place.port,
        },
        command=lambda place: (
            str(next(place.home.glob("node_modules/@cloudflare/workerd-*/bin/workerd"))),
            "serve",
            "--experimental",
            str(place.directory / "config.capnp"),
        ),
        path="/",
        cold_paths=tuple(f"/{name}" for name in _COLD_NAMES),
        environments=False,
    ),
)
