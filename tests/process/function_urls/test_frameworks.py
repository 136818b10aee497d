"""Frameworks behind function URLs, as their authors made them: nothing in them knows of Alonzo."""

import json

import pytest
from tests.process.test_nodejs import deploy
from tests.support.function_urls import public_url
from tests.support.http_exchange import Exchange, exchange
from tests.support.packaging import PYTHON_RUNTIME, layer_of, node_packages, python_packages
from tests.support.server import Server
from tests.support.toolchains import require_tool

_PINNED = (
    *("fastapi==0.165.0", "starlette==1.10.0", "anyio==4.16.0", "annotated-doc==0.0.7", "mangum==0.22.0"),
    *("apig-wsgi==2.20.0", "itsdangerous==2.2.0", "aws-lambda-powertools==3.37.0", "opentelemetry-api==1.45.2"),
)
_OWN = (
    *("flask", "werkzeug", "jinja2", "markupsafe", "blinker", "click", "idna", "jmespath"),
    *("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions.py"),
)

_FASTAPI = """
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()

class Item(BaseModel):
    name: str
    price: float

@app.get("/items/{item_id}")
def read(item_id: str, request: Request, q: list[str] = []):
    return {"id": item_id, "q": request.query_params.getlist("q"), "cookie": request.cookies.get("who"), "host": request.url.netloc,
            "scheme": request.url.scheme}

@app.post("/items", status_code=201)
def create(item: Item):
    return item

@app.post("/binary")
async def binary(request: Request):
    return Response((await request.body())[::-1], media_type="application/octet-stream")

@app.get("/cookies")
def cookies():
    response = PlainTextResponse("set")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", path="/x")
    return response

@app.get("/away")
def away():
    return RedirectResponse("/items/1")

handler = Mangum(app, lifespan="off")
"""

_FLASK = """
from apig_wsgi import make_lambda_handler
from flask import Flask, Response, jsonify, redirect, request

app = Flask(__name__)

@app.get("/items/<item_id>")
def read(item_id):
    return jsonify(id=item_id, q=request.args.getlist("q"), cookie=request.cookies.get("who"), host=request.host, scheme=request.scheme)

@app.post("/items")
def create():
    item = request.get_json()
    return jsonify(name=item["name"], price=float(item["price"])), 201

@app.post("/binary")
def binary():
    return Response(request.get_data()[::-1], mimetype="application/octet-stream")

@app.get("/cookies")
def cookies():
    response = Response("set", mimetype="text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", path="/x")
    return response

@app.get("/away")
def away():
    return redirect("/items/1", 307)

handler = make_lambda_handler(app, binary_support=True)
"""

_POWERTOOLS = """
import base64
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.shared.cookies import Cookie

app = LambdaFunctionUrlResolver()

@app.get("/items/<item_id>")
def read(item_id):
    event = app.current_event
    cookies = dict(cookie.split("=") for cookie in event.get("cookies") or [])
    return {"id": item_id, "q": (event.query_string_parameters or {}).get("q", "").split(","), "cookie": cookies.get("who"),
            "host": event.headers["host"], "scheme": event.headers["x-forwarded-proto"]}

@app.post("/items")
def create():
    item = app.current_event.json_body
    return {"name": item["name"], "price": float(item["price"])}, 201

@app.post("/binary")
def binary():
    body = base64.b64decode(app.current_event.body)
    return Response(200, "application/octet-stream", body[::-1])

@app.get("/cookies")
def cookies():
    return Response(200, "text/plain", "set", cookies=[Cookie(name="a", value="1"), Cookie(name="b", value="2", path="/x")])

@app.get("/away")
def away():
    return Response(307, headers={"Location": "/items/1"})

def handler(event, context):
    return app.resolve(event, context)
"""

_EXPRESS = """
const express = require("express");
const serverless = require("serverless-http");
const app = express();

const cookie = (request, name) => Object.fromEntries((request.headers.cookie ?? "").split("; ").map((pair) => pair.split("=")))[name];
app.get("/items/:id", (request, response) => response.json({
  id: request.params.id, q: [request.query.q].flat(), cookie: cookie(request, "who") ?? null, host: request.get("host"),
  scheme: request.get("x-forwarded-proto"),
}));
app.post("/items", express.json(), (request, response) => response.status(201).json({name: request.body.name, price: request.body.price}));
app.post("/binary", express.raw({type: "*/*"}), (request, response) => {
  response.type("application/octet-stream").send(Buffer.from(request.body).reverse());
});
app.get("/cookies", (request, response) => {
  response.append("Set-Cookie", "a=1; Path=/").append("Set-Cookie", "b=2; Path=/x").type("text/plain").send("set");
});
app.get("/away", (request, response) => response.redirect(307, "/items/1"));

module.exports.handler = serverless(app, {binary: ["application/octet-stream"]});
"""


def _publish(server: Server, name: str, content: bytes) -> str:
    arn: str = server.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": content})["LayerVersionArn"]
    return arn


@pytest.fixture(scope="module")
def python_layer(server: Server) -> str:
    packages = python_packages("python-frameworks", pinned=_PINNED, own=_OWN)
    return _publish(server, "python-frameworks", layer_of(packages, prefix="python"))


def _check(server: Server, url: str) -> None:
    def ask(path: str, method: str = "GET", *, headers: list[tuple[str, str]] | None = None, body: bytes | None = None) -> Exchange:
        return exchange(server.endpoint_url, url + path, method, headers=headers, body=body)

    host = url.split("/")[2]
    found = ask("items/a-b?q=1&q=2", headers=[("Cookie", "who=me; other=x")])
    assert found.status == 200, found
    assert json.loads(found.body) == {"id": "a-b", "q": ["1", "2"], "cookie": "me", "host": host, "scheme": "http"}
    made = ask("items", "POST", headers=[("Content-Type", "application/json")], body=b'{"name": "caf\xc3\xa9", "price": 2.5}')
    assert (made.status, json.loads(made.body)) == (201, {"name": "café", "price": 2.5})
    octets = bytes(range(256)) * 40
    reversed_octets = ask("binary", "POST", headers=[("Content-Type", "application/octet-stream")], body=octets)
    assert reversed_octets.body == octets[::-1]
    set_cookies = ask("cookies").values("set-cookie")
    assert [cookie.split(";")[0] for cookie in set_cookies] == ["a=1", "b=2"]
    away = ask("away")
    assert (away.status, away.values("location")) == (307, ["/items/1"])
    assert ask("nothing/here").status == 404


@pytest.mark.parametrize(("name", "source"), [("fastapi", _FASTAPI), ("flask", _FLASK), ("powertools", _POWERTOOLS)])
def test_python_frameworks(server: Server, python_layer: str, name: str, source: str) -> None:
    settings = {"Runtime": PYTHON_RUNTIME, "Layers": [python_layer], "Timeout": 60, "MemorySize": 512}
    _check(server, public_url(server, server.deploy(name, source, **settings)))


def test_express(server: Server) -> None:
    require_tool("node")
    packages = node_packages("express", pinned=("express@5.3.0", "serverless-http@4.0.0"))
    layer = _publish(server, "express", layer_of(packages, prefix="nodejs"))
    _check(server, public_url(server, deploy(server, "express", _EXPRESS, Layers=[layer], Timeout=60, MemorySize=512)))
