"""Records of API calls: several a message, read one by one from the newest back."""

from alonzo.model.scope import Scope
from alonzo.store.audit_stream import AuditStore

from .conftest import OpenStore

SCOPE = Scope("000000000000", "us-east-1")
RECORDS = [*(b'{"number": %d}' % number for number in range(7)), b'{"large": "%b"}' % (b"x" * 300_000), b'{"number": 8}', b'{"number": 9}']


async def read_all(audit: AuditStore, *, before: int | None = None) -> list[tuple[int, bytes]]:
    return [found async for found in audit.iter_newest(SCOPE, before=before)]


async def test_records_are_read_from_the_newest_back_and_from_any_position_on(open_store: OpenStore) -> None:
    async with open_store() as connection:
        audit = await AuditStore.open(connection)
        await audit.append(SCOPE, RECORDS[:4])
        await audit.append(Scope("111111111111", "us-east-1"), [b'{"number": -1}'])
        await audit.append(SCOPE, RECORDS[4:5])
        await audit.append(SCOPE, RECORDS[5:])
        found = await read_all(audit)
        assert [record for _, record in found] == RECORDS[::-1]
        for count, (position, _) in enumerate(found, start=1):
            assert await read_all(audit, before=position) == found[count:]
        assert await read_all(audit, before=10**18) == found
        assert await read_all(audit, before=0) == []


async def test_without_records_nothing_is_read(open_store: OpenStore) -> None:
    async with open_store() as connection:
        audit = await AuditStore.open(connection)
        await audit.append(SCOPE, [])
        assert await read_all(audit) == []
