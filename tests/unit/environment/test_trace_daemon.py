"""The X-Ray daemon of an environment: what it takes, and what it does not."""

import asyncio
import os
import socket
import subprocess

from alonzo.environment.connection_owner import AnyConnection, SentByProcessTree, SentByUser, find_datagram_owner
from alonzo.environment.trace_daemon import TraceDaemon
from alonzo.observe.traces.documents import SegmentRefused

HEADER = b'{"format": "json", "version": 1}\n'


def serve(sent: list[bytes], check: object = None) -> tuple[list[bytes], TraceDaemon]:
    kept: list[bytes] = []

    def keep(document: bytes) -> None:
        if document == b"refused":
            raise SegmentRefused("ParseError")
        kept.append(document)

    async def scenario() -> TraceDaemon:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        address = datagrams.getsockname()
        daemon = TraceDaemon(datagrams, check=check or AnyConnection(), keep=keep)  # type: ignore[arg-type]
        daemon.open()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tracer:
            for each in sent:
                tracer.sendto(each, address)
                await asyncio.sleep(0)
            daemon.close()
        daemon.close()
        return daemon

    return kept, asyncio.run(scenario())


def test_segments_are_taken_and_everything_else_is_not() -> None:
    sent = [HEADER + b"one", b"", b"no header", b"[" * 2_000 + b"\n", b'{"format": "xml"}\nx', HEADER + b"refused", b"\xff\n\xff"]
    kept, daemon = serve([*sent, b'{"version":1,"format":"json"}\ntwo'])
    assert kept == [b"one", b"two"]
    assert daemon.refused_count == 6


def test_a_flood_costs_no_more_than_its_allowance() -> None:
    kept, _ = serve([HEADER + b"x"] * 3_000)
    assert len(kept) <= 2_600


def test_another_user_is_not_heard() -> None:
    kept, daemon = serve([HEADER + b"forged"], SentByUser(4_294_967_000))
    assert (kept, daemon.refused_count) == ([], 1)


def test_another_process_is_not_heard() -> None:
    with subprocess.Popen(["sleep", "60"]) as sandbox:
        try:
            kept, daemon = serve([HEADER + b"forged"], SentByProcessTree(lambda: sandbox.pid))
        finally:
            sandbox.kill()
    assert (kept, daemon.refused_count) == ([], 1)


def test_whose_datagrams_they_are() -> None:
    receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with receiver, sender:
        receiver.bind(("127.0.0.1", 0))
        sender.sendto(b"x", receiver.getsockname())
        _, address = receiver.recvfrom(10)
        owner = find_datagram_owner(client=address, server=receiver.getsockname())
        assert owner is not None

        assert owner[1] == os.fstat(sender.fileno()).st_ino
