"""A real Prometheus scrapes the page, and answers questions about functions."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest
from tests.support.ports import free_port
from tests.support.server import Server
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually


@pytest.mark.thorough
def test_prometheus_scrapes_functions(server: Server, tmp_path: Path) -> None:
    program = require_tool("prometheus")
    name = server.deploy("scraped", "def handler(event, context):\n    return event\n")
    for _ in range(4):
        server.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    target = server.endpoint_url.removeprefix("http://")
    configuration = {"scrape_configs": [{"job_name": "alonzo", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}]}
    (tmp_path / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    file, data = tmp_path / "prometheus.yml", tmp_path / "data"
    options = (f"--config.file={file}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}")
    with (tmp_path / "log").open("wb") as log, subprocess.Popen([program, *options], stdout=log, stderr=log) as prometheus:
        try:

            def ask(query: str) -> float | None:
                url = f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': query, 'time': time.time()})}"
                try:
                    with urllib.request.urlopen(url) as answer:
                        results = json.load(answer)["data"]["result"]
                except URLError:
                    return None
                return float(results[0]["value"][1]) if results else None

            eventually(lambda: ask(f'alonzo_invocations_total{{function="{name}"}}') == 4, what="Prometheus has the count")
            buckets = f'alonzo_invocation_duration_seconds_bucket{{function="{name}"}}'
            median = eventually(lambda: ask(f"histogram_quantile(0.5, {buckets})"), what="and durations")
            assert 0 < median < 5
        finally:
            prometheus.terminate()
