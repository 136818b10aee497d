"""What mapping templates see: `$input`, `$context`, `$stageVariables`, `$util`.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import base64
import importlib
import json
import urllib.parse
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from alonzo.edge.api_gateway.velocity.errors import TemplateError
from alonzo.edge.api_gateway.velocity.values import Method, text_of

_PATH_MAX_CHARACTERS = 1_000


class Input:
    """`$input`: the body, and the request's parameters (`path`, `querystring`, `header`)."""

    def __init__(self, body: str, parameters: Mapping[str, Mapping[str, str]]) -> None:
        self._body = body
        self._parameters = parameters
        self._content: Any = _UNREAD

    def find_method(self, name: str) -> Method | None:
        """As the protocol says. `$input.body` is a property: `getBody`."""
        methods: dict[str, Method] = {"getBody": lambda: self._body, "json": self._json, "path": self._path, "params": self._params}
        return methods.get(name)

    def _json(self, path: str) -> str:
        return json.dumps(self._path(path), separators=(",", ":"), ensure_ascii=False)

    def _path(self, path: str) -> Any:
        if self._content is _UNREAD:
            try:
                self._content = json.loads(self._body) if self._body.strip() else {}
            except (ValueError, RecursionError):
                self._content = self._body  # AWS takes what is no JSON for a text
        if path == "$":
            return self._content
        return find_by_path(self._content, path)

    def _params(self, name: str | None = None) -> Any:
        if name is None:
            return {where: dict(each) for where, each in self._parameters.items()}
        for where in ("path", "querystring", "header"):
            found = self._parameters[where]
            if name in found:
                return found[name]
        lowered = {key.lower(): value for key, value in self._parameters["header"].items()}
        return lowered.get(name.lower(), "")


class Util:
    """`$util`."""

    def find_method(self, name: str) -> Method | None:
        """As the protocol says."""
        methods: dict[str, Method] = {
            "escapeJavaScript": _escape_javascript,
            "parseJson": _parse_json,
            "urlEncode": lambda text: urllib.parse.quote_plus(text_of(text)),
            "urlDecode": lambda text: urllib.parse.unquote_plus(text_of(text)),
            "base64Encode": lambda text: base64.b64encode(text_of(text).encode()).decode(),
            "base64Decode": lambda text: base64.b64decode(text_of(text)).decode("utf-8", "replace"),
        }
        return methods.get(name)


def find_by_path(content: Any, path: str) -> Any:
    """What a JSONPath leads to: one thing, a list of several, None of nothing. TemplateError for what is no path."""
    compiled = _compiled(path)
    found = [each.value for each in compiled.find(content)]
    if not found:
        return None
    is_several = "*" in path or ".." in path or "?" in path or (":" in path and "[" in path)
    return found if is_several else found[0]


@lru_cache(maxsize=500)
def _compiled(path: str) -> Any:
    """The parser is imported with the first path: it takes 50 ms."""
    if len(path) > _PATH_MAX_CHARACTERS:
        raise TemplateError(f"a path of more than {_PATH_MAX_CHARACTERS} characters")
    parser: Any = importlib.import_module("jsonpath_ng.ext")
    try:
        return parser.parse(path if path.startswith("$") else f"$.{path}")
    except Exception as error:  # of several kinds, with no common one
        raise TemplateError(f"{path!r} is no JSON path") from error


def _parse_json(text: Any) -> Any:
    try:
        return json.loads(text_of(text))
    except (ValueError, RecursionError) as error:
        raise TemplateError("parseJson: this is no JSON") from error


def _escape_javascript(text: Any) -> str:
    escaped = []
    for character in text_of(text):
        if character in _ESCAPES:
            escaped.append(_ESCAPES[character])
        elif " " <= character <= "~":
            escaped.append(character)
        else:
            escaped += [f"\\u{unit:04X}" for unit in _utf16(character)]
    return "".join(escaped)


def _utf16(character: str) -> list[int]:
    encoded = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(encoded[index : index + 2], "big") for index in range(0, len(encoded), 2)]


_UNREAD = object()
_ESCAPES = {"'": "\\'", '"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\n": "\\n", "\t": "\\t", "\f": "\\f", "\r": "\\r"}
