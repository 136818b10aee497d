"""A browser with two tabs in the chat of the examples: WebSockets, and an HTTP API with CORS."""

import asyncio
import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from tests.process.gateway.front import Front
from tests.support.browser_tabs import Tab, started_browser
from tests.support.http_server import LocalHttpHandler, LocalHttpServer

CHAT = Path(__file__).parents[3] / "examples" / "chat"


class _Files(LocalHttpHandler, SimpleHTTPRequestHandler):
    """Of a directory."""


@pytest.fixture
def pages() -> Iterator[str]:
    """Where the chat's page is: another origin than that of its APIs."""
    with LocalHttpServer(functools.partial(_Files, directory=str(CHAT))) as server:
        yield server.url


def test_two_tabs_chat(front: Front, pages: str) -> None:
    deployed = subprocess.run(
        [sys.executable, str(CHAT / "deploy.py")], env=front.server.environment(), capture_output=True, text=True, timeout=120, check=True
    )
    query = json.loads(deployed.stdout)["query"]

    async def say(tab: Tab, text: str) -> None:
        await tab.evaluate(f"document.getElementById('text').value = {json.dumps(text)}")
        await tab.evaluate("document.getElementById('form').requestSubmit()")

    async def shown(tab: Tab, count: int) -> list[str]:
        told = await tab.wait_for(
            f"document.querySelectorAll('li').length >= {count} && [...document.querySelectorAll('li')].map(item => item.textContent)"
        )
        return list(told)

    async def story() -> None:
        async with started_browser() as browser:
            ada = await browser.open(f"{pages}/?name=Ada&{query}")
            await ada.wait_for("document.getElementById('state')?.textContent == 'connected'")
            await say(ada, "first")
            assert await shown(ada, 1) == ["Adafirst"]
            alonzo = await browser.open(f"{pages}/?name=Alonzo&{query}")
            await alonzo.wait_for("document.getElementById('state')?.textContent == 'connected'")
            await say(alonzo, "second")
            assert await shown(ada, 2) == ["Adafirst", "Alonzosecond"]
            await say(ada, "third")
            assert await shown(alonzo, 3) == ["Adafirst", "Alonzosecond", "Adathird"]  # the first one came over the HTTP API
            refused = await ada.evaluate(
                "fetch(new URLSearchParams(location.search).get('api') + '/history', {headers: {'x-other': '1'}}).catch(error => 'refused')"
            )
            assert refused == "refused"  # the API does not allow the header

    asyncio.run(story())
