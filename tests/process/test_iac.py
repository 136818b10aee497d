"""Ansible's own modules for Lambda deploy, find nothing to change the second time, and remove."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment_tools import ansible_collections
from tests.support.server import Server, zip_of
from tests.support.waiting import eventually

PLAYBOOKS = Path(__file__).parent / "iac"
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
CODE = """
import os
from layered import WORDS

def handler(event, context):
    return {"number": event["number"], "mood": os.environ["MOOD"], "from_layer": WORDS}
"""


def play(server: Server, playbook: str, directory: Path, **variables: str) -> int:
    """Run a playbook, which must succeed; how many of its tasks changed something."""
    environment = server.environment() | {
        "ANSIBLE_HOME": str(directory),
        "ANSIBLE_COLLECTIONS_PATH": str(ansible_collections()),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "LC_ALL": "C.UTF-8",
    }
    command = [str(ANSIBLE), str(PLAYBOOKS / playbook), "--extra-vars", json.dumps(variables)]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    assert "{" in done.stdout, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    tasks = [task for played in report["plays"] for task in played["tasks"]]
    failures = {task["task"]["name"]: result["msg"] for task in tasks for result in task["hosts"].values() if result.get("failed")}
    assert failures == {}
    assert done.returncode == 0, done.stderr
    changed: int = report["stats"]["localhost"]["changed"]
    return changed


def test_a_playbook_changes_nothing_the_second_time(server: Server, tmp_path: Path) -> None:
    first, second, layer = (tmp_path / name for name in ("first.zip", "second.zip", "layer.zip"))
    first.write_bytes(zip_of({"app.py": CODE}))
    second.write_bytes(zip_of({"app.py": f"{CODE}# changed\n"}))
    layer.write_bytes(zip_of({"python/layered.py": "WORDS = 'of the layer'\n"}))
    assert play(server, "deploy.yml", tmp_path, package=str(first), layer=str(layer)) == 5
    assert play(server, "deploy.yml", tmp_path, package=str(first), layer=str(layer)) == 0
    assert play(server, "deploy.yml", tmp_path, package=str(second), layer=str(layer)) == 2  # the function, and the alias follows it
    assert play(server, "remove.yml", tmp_path) == 5
    client = server.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="deployed")
    assert client.list_layer_versions(LayerName="deployed-layer")["LayerVersions"] == []
    eventually(lambda: not client.list_event_source_mappings(FunctionName="deployed")["EventSourceMappings"], what="the end of the mapping")
