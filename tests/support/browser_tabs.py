"""A headless Chromium with several tabs, driven over the Chrome DevTools Protocol: https://chromedevtools.github.io/devtools-protocol/.

Debian's package and a WebSocket client are all that it takes; a driver of its own would bring 50 MB more.
"""

import asyncio
import contextlib
import itertools
import json
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.browser import browser_program

_START_SECONDS = 60.0
_WAIT_SECONDS = 30.0
_STOP_SECONDS = 15.0


class Tab:
    """A page that is open."""

    def __init__(self, browser: "Browser", session_id: str) -> None:
        self._browser = browser
        self._session_id = session_id

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise. RuntimeError if it throws."""
        answer = await self._browser.call(
            "Runtime.evaluate", session_id=self._session_id, expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def wait_for(self, expression: str) -> Any:
        """Wait until an expression has a value that is true, and return it."""
        script = f"""new Promise((resolve, reject) => {{
            const ends = Date.now() + {_WAIT_SECONDS * 1000};
            const look = () => {{
                const value = ({expression});
                if (value) resolve(value);
                else if (Date.now() > ends) reject(new Error(document.documentElement.outerHTML));
                else setTimeout(look, 20);
            }};
            look();
        }})"""
        return await self.evaluate(script)


class Browser:
    """Made by `started_browser`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def open(self, url: str) -> Tab:
        """A new tab with a page that has been loaded."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        session_id = attached["sessionId"]
        told = await self.call("Page.navigate", session_id=session_id, url=url)
        if "errorText" in told:
            raise RuntimeError(f"{url}: {told['errorText']}")
        tab = Tab(self, session_id)
        await tab.wait_for("document.readyState == 'complete'")  # navigate returns when the new document is there
        return tab

    async def call(self, method: str, *, session_id: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The result of a method of the protocol. RuntimeError."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session_id is not None:
            message["sessionId"] = session_id
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        async with asyncio.timeout(2 * _WAIT_SECONDS):
            told = await answer
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        result: dict[str, Any] = told["result"]
        return result

    async def listen(self) -> None:
        """Take answers, until cancelled."""
        async for message in self._socket:
            content = json.loads(message.data)
            answer = self._waiting.pop(content.get("id", 0), None)
            if answer is not None:
                answer.set_result(content)


@contextlib.asynccontextmanager
async def started_browser() -> AsyncIterator[Browser]:
    """A browser without a profile of its own; it ends with the block."""
    program = browser_program()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        process = await asyncio.create_subprocess_exec(
            program,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-zygote"),
            *("--disable-extensions", "--disable-background-networking", "--disable-component-update"),
            *("--remote-debugging-port=0", f"--user-data-dir={directory}", "about:blank"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = await _endpoint(Path(directory) / "DevToolsActivePort", process)
            async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                try:
                    yield browser
                finally:
                    listening.cancel()
                    await asyncio.wait((listening,))
        finally:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _endpoint(file: Path, process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(_START_SECONDS):
        while (url := _read_endpoint(file)) is None:
            if process.returncode is not None:
                raise RuntimeError(f"the browser has ended with {process.returncode}")
            await asyncio.sleep(0.02)
        return url


def _read_endpoint(file: Path) -> str | None:
    try:
        port, path = file.read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return None
    return f"ws://127.0.0.1:{port}{path}"
