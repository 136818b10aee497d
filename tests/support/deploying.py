"""`alonzo deploy` against a test's server, and sources to deploy."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.invoking import invoke
from tests.support.server import ALONZO, Server
from tests.support.waiting import eventually

Files = dict[str, str]

BOOTSTRAP = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  HEAD=$(mktemp)
  curl -sS -D "$HEAD" -o /dev/null "$API/next"
  ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEAD" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -o /dev/null "$API/$ID/response" -d '"from a program"'
done
"""

RUST_MANIFEST = '[package]\nname = "compiled"\nversion = "0.1.0"\nedition = "2021"\n'

RUST_MAIN = """use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

fn ask(stream: &TcpStream, request: String) -> String {
    (&*stream).write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut length, mut id) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let lower = line.trim().to_lowercase();
        if lower.is_empty() { break; }
        if let Some(value) = lower.strip_prefix("content-length:") { length = value.trim().parse().unwrap(); }
        if let Some(value) = lower.strip_prefix("lambda-runtime-aws-request-id:") { id = value.trim().to_string(); }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    id
}

fn main() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let stream = TcpStream::connect(&api).unwrap();
    loop {
        let path = "/2018-06-01/runtime/invocation";
        let id = ask(&stream, format!("GET {path}/next HTTP/1.1\\r\\nHost: {api}\\r\\n\\r\\n"));
        let answer = "ANSWER";
        let length = answer.len();
        ask(&stream, format!("POST {path}/{id}/response HTTP/1.1\\r\\nHost: {api}\\r\\nContent-Length: {length}\\r\\n\\r\\n{answer}"));
    }
}
"""


class Watched:
    """A server with a directory, and what it says, or what `alonzo deploy --watch` does that is not the server's own."""

    def __init__(self, server: Server, directory: Path, process: "subprocess.Popen[str] | None" = None) -> None:
        self.server = server
        self.directory = directory
        self._process = process or server.process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for_line(self, text: str) -> None:
        """Until it has said this, since the last call."""
        seen = []
        while True:
            try:
                seen.append(self._lines.get(timeout=120))
            except queue.Empty:
                raise AssertionError(f"{text!r} was not said, but {seen}") from None
            if text in seen[-1]:
                return

    def wait_for_answer(self, name: str, value: object) -> None:
        """Until the function answers this."""
        eventually(lambda: invoke(self.server, name).value == value, what=f"{name} answers {value!r}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed with the server
            for line in self._process.stdout:
                self._lines.put(line)


def write(directory: Path, files: Files) -> Path:
    """These files in a directory, made if need be; what begins with #! is executable."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
    return directory


def write_wheel(directory: Path, module: str, source: str, *, data: bytes = b"") -> Path:
    """A wheel of one module and a file of data beside it, which pip installs without asking anybody."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{module}.py", source)
        wheel.writestr(f"{module}.bin", data)
        wheel.writestr(f"{module}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        wheel.writestr(f"{module}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{module}-1.0.dist-info/RECORD", "")
    return path


@contextmanager
def watching(server: Server, directory: Path, *, cache: Path, environment: Mapping[str, str] | None = None) -> Iterator[Watched]:
    """`alonzo deploy --watch`, once it watches."""
    own = server.environment() | {"XDG_CACHE_HOME": str(cache)} | dict(environment or {})
    with subprocess.Popen([ALONZO, "deploy", str(directory), "--watch"], env=own, stdout=subprocess.PIPE, text=True) as process:
        try:
            watched = Watched(server, directory, process)
            watched.wait_for_line("watching ")
            yield watched
        finally:
            process.terminate()


def deploy(server: Server, *arguments: str, cache: Path, expect: int = 0, environment: Mapping[str, str] | None = None) -> str:
    """Run it to its end; what it printed on both outputs. AssertionError unless it ends with the expected status."""
    environment = server.environment() | {"XDG_CACHE_HOME": str(cache)} | dict(environment or {})
    result = subprocess.run(
        [ALONZO, "deploy", *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == expect, result.stdout + result.stderr
    return result.stdout + result.stderr


def deploy_without_server(directory: Path) -> str:
    """What it says when nobody answers."""
    command = [sys.executable, "-m", "alonzo.cli", "deploy", str(directory), "--endpoint-url", "http://127.0.0.1:9"]
    result = subprocess.run(command, env=os.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    return result.stderr
