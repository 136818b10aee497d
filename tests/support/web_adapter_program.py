#!/usr/bin/env python3
"""What an adapter for web servers does (https://github.com/aws/aws-lambda-web-adapter): an extension that runs in the place of the runtime.

It registers as an extension, waits until the function's own server listens on PORT, then asks for invocations, sends each as an HTTP
request to that server, and streams the answer back with its metadata before it.
"""

import base64
import http.client
import json
import os
import socket
import threading
import time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
PORT = int(os.environ["PORT"])


def call(method, path, body=None, headers=None, *, chunked=False):
    connection = http.client.HTTPConnection(API)
    connection.request(method, path, body, headers or {}, encode_chunked=chunked)
    answer = connection.getresponse()
    return answer, answer.read()


def follow_events():
    answer, _ = call(
        "POST", "/2020-01-01/extension/register", b'{"events": []}', {"Lambda-Extension-Name": os.fspath(__file__).rpartition("/")[2]}
    )
    identifier = answer.getheader("Lambda-Extension-Identifier")
    call("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": identifier})


def wait_for_server():
    while True:
        try:
            socket.create_connection(("127.0.0.1", PORT)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return


def parts(answer):
    metadata = {"statusCode": answer.status, "headers": dict(answer.getheaders()), "cookies": answer.headers.get_all("Set-Cookie") or []}
    yield json.dumps(metadata).encode() + bytes(8)
    while part := answer.read1():
        yield part


def serve():
    while True:
        answer, payload = call("GET", "/2018-06-01/runtime/invocation/next")
        event = json.loads(payload)
        body = event.get("body") or ""
        body = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
        target = event["rawPath"] + ("?" + event["rawQueryString"] if event["rawQueryString"] else "")
        local = http.client.HTTPConnection("127.0.0.1", PORT)
        headers = {name: value for name, value in event["headers"].items() if name != "content-length"}
        local.request(event["requestContext"]["http"]["method"], target, body, headers)
        streaming = {
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Content-Type": "application/vnd.awslambda.http-integration-response",
            "Transfer-Encoding": "chunked",
        }
        request_id = answer.getheader("Lambda-Runtime-Aws-Request-Id")
        call("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", parts(local.getresponse()), streaming, chunked=True)


threading.Thread(target=follow_events, daemon=True).start()
wait_for_server()
serve()
