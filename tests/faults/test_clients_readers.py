"""Clients that do not read, or are gone. (tests/server/test_outbox.py holds the queue itself.)"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import anyio
import pytest

from lokid.runtime.usage.estimates import AROUND, EACH
from lokid.server import session as session_module
from lokid.server.outbox import Outbox
from tests.fakes.daemon import connect, poll
from tests.fakes.server import served, until
from tests.fakes.talking import lokid, talking

MIB = 1024 * 1024


@pytest.mark.anyio
async def test_a_reader_that_stops_never_goes_on_costing_and_learns_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "Outbox", partial(Outbox, stall_s=0.2))
    async with served(tmp_path) as server, server.client() as client:
        msgid = await client.send("chat", model="endless", prompt="x", stream=True)
        with anyio.fail_after(10):
            await server.runtime.was_cancelled.wait()
        assert server.runtime.emitted < 2 * MIB, "more than 2 MiB for a stream that nobody reads"
        await until(lambda: server.requests() == 0)  # its end does not wait for the reader
        # It was only stopped, as a pager is: what came is there, and why there is no more.
        answer = await client.response()
        assert answer.msgid == msgid
        assert answer.error.startswith("cancelled: client_stalled: the client took nothing for 0.2 seconds")
        assert {note.method for note in client.notifications} == {"chat.event"}
        assert (await client.ask("chat", model="echo", prompt="again")).result["text"] == "again"


@pytest.mark.anyio
async def test_a_stopped_reader_never_costs_more_than_two_mib_a_stream(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        clients = [server.client() for _ in range(5)]
        for opening in clients:
            client = await opening.__aenter__()
            await client.send("chat", model="endless", prompt="x", stream=True)
        before = -1
        with anyio.fail_after(20):
            while before != server.runtime.emitted or not before:
                before = server.runtime.emitted
                await anyio.sleep(0.1)
        assert server.runtime.emitted < 5 * 2 * MIB
        for opening in clients:
            await opening.__aexit__(None, None, None)


def test_a_client_that_vanishes_never_leaves_a_request_at_the_provider_nor_an_answer_unpaid() -> None:
    """The real daemon; the runtime's part runs on both loops in tests/runtime/usage/test_broken_off.py."""
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    with talking() as talker, lokid():
        client = connect(path)
        client.send("chat", model="talker:endless", prompt="a prompt of some words", stream=True)
        for _ in range(20):
            message = client.message()
            assert message is not None
            assert message[1] == "chat.event"
        client.close()
        assert talker.gone.wait(10), "the provider still sends"
        asking = connect(path)
        poll(lambda: asking.ask("usage.query")[0]["requests"] == 1)
        [row] = asking.ask("usage.query")
        assert (row["failed"], row["unpriced"]) == (1, 0)
        assert row["input_tokens"] == (AROUND + EACH + len("a prompt of some words")) // 4
        assert row["output_tokens"] >= 20
        assert row["cost_usd"] == pytest.approx(row["input_tokens"] / 1e6 + row["output_tokens"] * 2 / 1e6)
        asking.close()
