#!/usr/bin/env python3
"""An external extension for tests, written against AWS's documentation: does what the function's variable EXTENSION_DOES says.

It runs inside an environment, from a layer: standard library only. What it sees it prints, so that tests find it in the function's log.
"""

import http.client
import http.server
import json
import os
import signal
import socketserver
import sys
import threading
import time

NAME = sys.argv[0].rpartition("/")[2]
DOES = set(os.environ.get("EXTENSION_DOES", "").split(","))
PORT = int(os.environ.get("TELEMETRY_PORT", "0"))
HOST = os.environ.get("TELEMETRY_HOST", "sandbox.localdomain")


def say(*words):
    print(f"[{NAME}]", *words, flush=True)


def call(method, path, body=None, headers=None):
    client = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    client.request(method, path, None if body is None else json.dumps(body), headers or {})
    response = client.getresponse()
    return response.status, response.headers, response.read().decode()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        for record in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            tell(record)
        self.send_response(200)
        self.end_headers()

    do_POST = do_PUT  # noqa: N815 – its framework's name

    def log_message(self, *_):
        pass


class LineReceiver(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            tell(json.loads(line))


def tell(record):
    if record["type"] != "extension":
        say("got", record["type"], json.dumps(record["record"]))


def subscribe(me):
    over_tcp = "tcp" in DOES
    server = socketserver.TCPServer((HOST, PORT), LineReceiver) if over_tcp else http.server.HTTPServer((HOST, PORT), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    destination = (
        {"protocol": "TCP", "port": PORT} if over_tcp else {"protocol": "HTTP", "URI": f"http://sandbox:{PORT}/x", "method": "PUT"}
    )
    request = {"types": ["platform", "function", "extension"], "buffering": {"timeoutMs": 25}, "destination": destination}
    if "logs" in DOES:
        return call("PUT", "/2020-08-15/logs", {"schemaVersion": "2021-03-18"} | request, me)
    return call("PUT", "/2022-07-01/telemetry", {"schemaVersion": "2022-12-13"} | request, me)


def main():
    if "crash" in DOES:
        sys.exit(3)
    say("variables", json.dumps(sorted(os.environ)))
    events = [] if "no-events" in DOES else ["INVOKE", "SHUTDOWN"]
    asked = {"Lambda-Extension-Name": NAME, "Lambda-Extension-Accept-Feature": "accountId"}
    status, headers, body = call("POST", "/2020-01-01/extension/register", {"events": events}, asked)
    say("registered", status, body)
    me = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
    if PORT:
        say("subscribed", *subscribe(me)[::2])
    if "fail-init" in DOES:
        call("POST", "/2020-01-01/extension/init/error", {}, me | {"Lambda-Extension-Function-Error-Type": "Extension.NoConfig"})
        sys.exit(1)
    while "never-ready" in DOES:
        time.sleep(1)
    if "slow-init" in DOES:
        time.sleep(0.5)
    while True:
        _, _, body = call("GET", "/2020-01-01/extension/event/next", headers=me)
        event = json.loads(body)
        say("told", event["eventType"], event.get("shutdownReason", event.get("requestId")))
        if event["eventType"] == "SHUTDOWN":
            if "hang-at-end" in DOES:
                time.sleep(600)
            return
        if "crash-in-invoke" in DOES:
            os.kill(os.getpid(), signal.SIGKILL)
        if "work-after" in DOES:
            time.sleep(1)
            say("worked")
        while "never-done" in DOES:
            time.sleep(1)


main()
