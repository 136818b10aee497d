"""The zygote as its node goes away."""

import socket
import sys
from typing import Any

import pytest

from alonzo.guest import channel, init, linux, processes, zygote

SETTINGS = {"isolation": "process", "clonable": False, "node_group": None}


@pytest.mark.parametrize("problem", [None, OSError("no more processes")])
def test_a_node_that_goes_away_while_a_sandbox_is_forked_is_seen_next(monkeypatch: pytest.MonkeyPatch, problem: OSError | None) -> None:
    for module in (channel, init, linux, processes):  # which the program imports once it knows where they are
        monkeypatch.setattr(zygote, module.__name__.rpartition(".")[2], module, raising=False)

    def fork(_zygote: zygote.Zygote, _message: dict[str, Any], _descriptors: list[int]) -> int:
        node_end.close()
        if problem is not None:
            raise problem
        return sys.maxsize

    monkeypatch.setattr(zygote.Zygote, "_fork", fork)
    node_end, zygote_end = socket.socketpair()
    with zygote_end:
        channel.send(node_end, {"op": "spawn", "id": "sandbox", "user": 0})
        forking = zygote.Zygote(zygote_end, {}, SETTINGS)
        assert forking._serve()
        assert not forking._serve()
