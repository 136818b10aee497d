"""What images of tests run: a shell and curl of this machine, and a runtime made of them."""

import shutil
from pathlib import Path

from tests.support.images import Entry, directory, files_of_host, link
from tests.support.toolchains import require_tool

_PROGRAMS = ("sh", "curl", "grep", "tr", "cut", "cat", "ls", "id", "mktemp", "env", "touch", "sed", "mount")

RUNTIME = """#!/bin/sh
echo "begun with $*"
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  HEAD=$(mktemp)
  EVENT=$(curl -sS -D "$HEAD" "$API/invocation/next")
  ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEAD" | tr -d '[:space:]' | cut -d: -f2)
  COMMAND=$(echo "$EVENT" | sed 's/^"//; s/"$//')
  sh -c "$COMMAND" > /tmp/answer 2>&1
  curl -sS -o /dev/null "$API/invocation/$ID/response" --data-binary @/tmp/answer
done
"""
"""Runs each event, a JSON string without escapes, as a command; what the command says is the answer."""


def base_layer() -> list[Entry]:
    """A root in which shell scripts run, laid out as distributions do: /bin and /lib are links to /usr."""
    require_tool("curl")
    programs = [Path(found).resolve() for name in _PROGRAMS if (found := shutil.which(name)) is not None]
    names = {Path(found).resolve(): f"/usr/bin/{name}" for name in _PROGRAMS if (found := shutil.which(name)) is not None}
    links = [link(name, f"usr/{name}") for name in ("bin", "lib", "lib64")]
    return [
        directory("usr"),
        directory("usr/bin"),
        directory("usr/lib"),
        directory("usr/lib64"),
        *links,
        *files_of_host(programs, renamed=names),
    ]


def runtime_layer() -> list[Entry]:
    """The runtime, at /runtime."""
    return [Entry(name="runtime", content=RUNTIME.encode(), mode=0o755), directory("work")]
