"""Finding function URLs by the ids in their host names; what the operations answer is in tests/parity/test_urls.py."""

import asyncio
from pathlib import Path
from typing import Any

from alonzo.clock import ManualClock
from alonzo.functions.resolution import Resolution
from alonzo.functions.settings.urls import FunctionUrls, UrlChange
from alonzo.model.function_url import FunctionUrl, UrlAuthType
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.connection import connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

F = FunctionReference(Scope("111111111111", "us-east-1"), "f")
FOR_ANYBODY = UrlChange(auth_type=UrlAuthType.NONE)


def test_urls_are_found_by_their_ids(open_control_plane: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            open_control_plane() as plane,
            await EmbeddedServer.start(data_directory=tmp_path / "urls") as nats,
            await connect(nats.url) as connection,
        ):
            resolution = Resolution(functions=plane.functions, aliases=plane.aliases, random=lambda: 0)

            async def open_urls() -> FunctionUrls:
                records = await RecordTable.open(connection, name="urls", record_type=FunctionUrl)
                return FunctionUrls(records=records, functions=plane.functions, resolution=resolution, clock=ManualClock())

            await plane.create()
            urls = await open_urls()
            url = await urls.create(F, FOR_ANYBODY)
            changed = await urls.update(F, UrlChange(auth_type=UrlAuthType.AWS_IAM))
            assert urls.find_by_id(url.url_id) == changed
            after_restart = await open_urls()
            assert after_restart.find_by_id(url.url_id) == changed
            await urls.delete(F)
            assert urls.find_by_id(url.url_id) is None
            again = await urls.create(F, FOR_ANYBODY)
            assert again.url_id != url.url_id
            assert (urls.find_by_id(url.url_id), urls.find_by_id(again.url_id)) == (None, again)

    asyncio.run(scenario())
