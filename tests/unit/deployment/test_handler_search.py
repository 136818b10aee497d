"""Handlers are found as a person would find them, in sources that need not compile."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.deployment import handler_search
from alonzo.deployment.handler_search import (
    find_go_mains,
    find_java_handlers,
    find_nodejs_handler,
    find_python_handler,
    find_ruby_handler,
    find_typescript_handler,
)


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"app.py": "def handler(event, context):\n    return 1"}, "app.handler"),
        ({"lambda_function.py": "def lambda_handler(event, context): return 1"}, "lambda_function.lambda_handler"),
        ({"app.py": "import x", "zebra.py": "async def handler(e, c): ..."}, "zebra.handler"),
        ({"main.py": "from mangum import Mangum\nhandler = Mangum(app)"}, "main.handler"),
        ({"main.py": "handler: Callable[..., Any] = Mangum(app)"}, "main.handler"),
        ({"app.py": "from service.entry import handler"}, "app.handler"),
        ({"src/app.py": "def handler(event, context): ..."}, "src/app.handler"),
        ({"app.py": "def handler(event, context):\n  return {3 3}"}, "app.handler"),
        ({"app.py": "class A:\n    def handler(self): ..."}, None),
        ({"app.py": "if handler == 1: pass\nhandler == 2"}, None),
        ({"test_app.py": "def handler(event, context): ..."}, None),
        ({"a.py": "def handler(e, c): ...", "app.py": "def lambda_handler(e, c): ..."}, "app.lambda_handler"),
    ],
)
def test_python(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    assert find_python_handler(write(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"index.js": "exports.handler = async () => 1"}, "index.handler"),
        ({"index.js": "module.exports.handler = () => 1"}, "index.handler"),
        ({"index.js": "module.exports = { other, handler: run }"}, "index.handler"),
        ({"index.mjs": "export const handler = async () => 1"}, "index.handler"),
        ({"index.mjs": "export async function handler(event) {}"}, "index.handler"),
        ({"index.mjs": "const run = 1\nexport { run as handler }"}, "index.handler"),
        ({"app.mjs": "export const lambdaHandler = async () => 1"}, "app.lambdaHandler"),
        ({"src/index.js": "exports.handler = 1"}, "src/index.handler"),
        ({"index.js": "const handler = 1"}, None),
        ({"index.test.js": "exports.handler = 1"}, None),
        ({"index.ts": "export const handler = async () => 1"}, None),
    ],
)
def test_nodejs(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    assert find_nodejs_handler(write(tmp_path, files)) == expected


def test_nodejs_main_of_the_package_comes_first(tmp_path: Path) -> None:
    write(tmp_path, {"dist/entry.js": "exports.handler = 1", "index.js": "exports.handler = 1"})
    assert find_nodejs_handler(tmp_path, main="dist/entry.js") == "dist/entry.handler"


def test_typescript(tmp_path: Path) -> None:
    write(tmp_path, {"index.ts": "export const handler = async (event: any) => 1", "types.d.ts": "export const handler: any"})
    assert find_typescript_handler(tmp_path) == "index.handler"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def handler(event:, context:)\nend", "app.handler"),
        ("def lambda_handler(event:, context:) = 1", "app.lambda_handler"),
        ("module Shop\n  class Greeter\n    def self.process(event:, context:)\n    end\n  end\nend", "app.Shop::Greeter.process"),
        ("puts 1", None),
    ],
)
def test_ruby(tmp_path: Path, source: str, expected: str | None) -> None:
    assert find_ruby_handler(write(tmp_path, {"app.rb": source})) == expected


def test_java(tmp_path: Path) -> None:
    source = "package com.x;\npublic class Hello implements Serializable, RequestHandler<Map<String, Object>, String> {}"
    write(tmp_path, {"src/main/java/com/x/Hello.java": source, "src/main/java/com/x/Other.java": "package com.x;\nclass Other {}"})
    write(tmp_path, {"src/main/kotlin/Stream.kt": "package com.y\nclass Stream : RequestStreamHandler {"})
    assert find_java_handlers(tmp_path) == ["com.x.Hello"]


def test_go_main_programs(tmp_path: Path) -> None:
    write(tmp_path, {"go.mod": "module x", "lib.go": "package x", "cmd/api/main.go": "package main", "cmd/lib/lib.go": "package lib"})
    assert find_go_mains(tmp_path) == [tmp_path / "cmd" / "api"]
    write(tmp_path, {"main.go": "// package main\npackage main\n"})
    assert find_go_mains(tmp_path) == [tmp_path]


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert all(isinstance(name, str) for name in handler_search._exported_names(text))
    for pattern in (handler_search._PYTHON, handler_search._RUBY, handler_search._RUBY_METHOD, handler_search._JAVA_CLASS):
        pattern.search(text)
