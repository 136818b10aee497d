"""`alonzo deploy DIR`: what is in a directory runs, with its dependencies, in several languages."""

from pathlib import Path

import pytest
from tests.support.deploying import BOOTSTRAP, RUST_MAIN, RUST_MANIFEST, deploy, deploy_without_server, write, write_wheel
from tests.support.invoking import succeed
from tests.support.server import Server
from tests.support.toolchains import require_tool

PYTHON = "import os, greeting\ndef handler(event, context):\n    return [greeting.WORD, os.environ.get('NAME')]\n"
NODEJS = 'import { word } from "greeting";\nexport const handler = async () => word;\n'
RUBY = 'def lambda_handler(event:, context:)\n  "from Ruby"\nend\n'


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_deploys_every_function_of_a_directory(server: Server, tmp_path: Path, cache: Path) -> None:
    for tool in ("npm", "ruby", "curl"):
        require_tool(tool)
    wheel = write_wheel(tmp_path / "py", "greeting", "WORD = 'from pip'")
    files = {
        "py/app.py": PYTHON,
        "py/requirements.txt": f"./{wheel.name}\n",
        "js/index.mjs": NODEJS,
        "js/package.json": '{"type": "module", "dependencies": {"greeting": "file:../shared"}}',
        "shared/package.json": '{"name": "greeting", "version": "1.0.0", "type": "module", "main": "main.js"}',
        "shared/main.js": "export const word = 'from npm';",
        "rb/app.rb": RUBY,
        "program/bootstrap": BOOTSTRAP,
        "README.md": "no function",
    }
    said = deploy(server, str(write(tmp_path, files)), cache=cache)
    assert [name for name in ("py", "js", "rb", "program") if f"alonzo: {name} is live after " not in said] == []
    assert succeed(server, "py") == ["from pip", None]
    assert succeed(server, "js") == "from npm"
    assert succeed(server, "rb") == "from Ruby"
    assert succeed(server, "program") == "from a program"
    assert not (tmp_path / "js" / "node_modules").exists()


def test_options_are_for_the_function(server: Server, tmp_path: Path, cache: Path) -> None:
    write(tmp_path, {"app.py": "import os\ndef main(event, context):\n    return os.environ['NAME']\n"})
    options = ("--name", "named", "--handler", "app.main", "--runtime", "python3.12", "--memory", "256", "--timeout", "20")
    said = deploy(server, str(tmp_path), *options, "--env", "NAME=Ada=Lovelace", "--url", cache=cache)
    assert succeed(server, "named") == "Ada=Lovelace"
    configuration = server.client("lambda").get_function_configuration(FunctionName="named")
    assert (configuration["MemorySize"], configuration["Timeout"], configuration["Runtime"]) == (256, 20, "python3.12")
    assert server.client("lambda").get_function_url_config(FunctionName="named")["FunctionUrl"] in said
    deploy(server, str(tmp_path), *options[:6], cache=cache)
    assert succeed(server, "named") == "Ada=Lovelace"


def test_shows_what_the_compiler_says(server: Server, tmp_path: Path, cache: Path) -> None:
    require_tool("cargo")
    write(tmp_path, {"Cargo.toml": RUST_MANIFEST, "src/main.rs": RUST_MAIN.replace("loop {", "loop {{", 1)})
    said = deploy(server, str(tmp_path), "--name", "broken", cache=cache, expect=1)
    assert "error: this file contains an unclosed delimiter" in said
    assert "cargo build" in said
    with pytest.raises(server.client("lambda").exceptions.ResourceNotFoundException):
        server.client("lambda").get_function(FunctionName="broken")


def test_says_what_to_do_next(server: Server, tmp_path: Path, cache: Path) -> None:
    assert "is `alonzo up` running there?" in deploy_without_server(tmp_path)
    assert "there is neither a template (template.yaml) nor a function in" in deploy(server, str(tmp_path), cache=cache, expect=1)
    write(tmp_path, {"requirements.txt": "./no-such-1.0-py3-none-any.whl", "app.py": PYTHON})
    said = deploy(server, str(tmp_path), cache=cache, expect=1)
    assert "no-such-1.0-py3-none-any.whl" in said
    assert "pip install" in said
