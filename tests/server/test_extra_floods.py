"""What whoever is at the other end of the extra socket must not be able to do to the user's own programs."""

from __future__ import annotations

import contextlib
import gc
import logging
import resource
import socket
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from lokid.rpc.messages import encode_request
from lokid.server import listener as listener_module
from lokid.server import seldom, session
from lokid.server.access import RESTRICTED
from lokid.server.calling import framed
from lokid.server.endpoint import open_endpoint
from lokid.server.intake import Intake
from lokid.server.listener import Listener
from lokid.server.selector import BEHIND
from tests.fakes.server import Client, Served, connected, served, until

pytestmark = pytest.mark.anyio


async def test_the_end_of_one_listener_does_not_cut_what_came_in_at_another(tmp_path: Path) -> None:
    async with served(tmp_path) as own, own.client() as client, anyio.create_task_group() as tasks:
        await client.send("chat", model="slow", prompt="mine")
        await until(lambda: own.requests() == 1)
        endpoint = open_endpoint(str(tmp_path / "lokid" / "extra.sock"))
        extra = Listener(endpoint, own.service, access=RESTRICTED)
        tasks.start_soon(extra.run)
        async with connected(endpoint.path) as other:
            await other.send("chat", model="hang", prompt="theirs")
            await until(lambda: own.requests() == 2)
            await extra.drain(0.01)
            assert "incomplete_response" in (await other.response()).error
        endpoint.close()
        own.runtime.release.set()
        assert (await client.response()).result["text"] == "late"


async def test_the_extra_socket_cannot_use_up_the_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = (8 * listener_module.SHARE, resource.RLIM_INFINITY)
    monkeypatch.setattr(listener_module.resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(listener_module, "_check_room", lambda _: None)
    monkeypatch.setattr(listener_module, "RESERVE", 4 * listener_module.SHARE)
    room = 6  # of 32 descriptors 8 are kept back, and a quarter of the others is theirs
    async with served(tmp_path, access=RESTRICTED) as extra, anyio.create_task_group() as tasks:
        held = anyio.Event()

        async def hold() -> None:
            async with extra.client() as client:
                assert (await client.ask("hello")).error is None
                await held.wait()

        for _ in range(room):
            tasks.start_soon(hold)
        await until(lambda: len(extra.listener._sessions) == room)
        async with extra.client() as client:
            assert await client.ended()
        held.set()


async def test_a_loop_of_broken_frames_does_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seldom, "EVERY_S", 3600.0)
    with caplog.at_level(logging.INFO):
        async with served(tmp_path) as server:
            for _ in range(20):
                async with server.client() as client:
                    await client.stream.send(b"\xc1")
                    assert await client.ended()
    assert caplog.text.count("closed a connection") == 1


@contextlib.asynccontextmanager
async def asked_much(server: Served) -> AsyncIterator[Client]:
    """For 30 answers of 200 KB, which nobody has read, where two MiB may wait."""
    server.runtime.frame = 1024 * 1024
    object.__setattr__(server.service, "unread", Intake(1024 * 1024))
    async with server.client() as client:
        for number in range(30):
            await client.send("embed", number, model="e", texts=["x"] * 20_000, encoding="list")
        yield client


async def test_answers_that_nobody_reads_do_not_fill_the_memory(tmp_path: Path) -> None:
    """The others are short errors, and the end gives all back."""
    async with served(tmp_path) as server:
        async with asked_much(server) as client:
            answers = [await client.response() for _ in range(30)]
        refused = [one.error for one in answers if one.error is not None]
        assert 0 < len(refused) < 25
        assert all("overloaded: too many bytes of answers" in str(error) for error in refused)
        await until(lambda: not server.listener._sessions)
        assert server.service.unread.total == 0


class Frame(bytearray):
    """One that can be looked for when nobody should have it any more."""


async def test_an_answer_that_is_given_up_is_held_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not by the task that waits to say so: a thousand of them would be all that was given up."""
    made: list[weakref.ref[Frame]] = []

    def kept(msgid: int, result: object) -> Frame:
        made.append(weakref.ref(frame := Frame(framed(msgid, result))))
        return frame

    monkeypatch.setattr(session, "framed", kept)
    async with served(tmp_path) as server, asked_much(server):
        await until(lambda: len(made) == 30)
        await until(lambda: sum(1 for each in made if each() is not None) < 25)
        assert server.requests() > 10, "they wait"


async def test_connections_of_the_extra_socket_let_others_go_first_and_leave_no_trace(tmp_path: Path) -> None:
    outside = len(BEHIND)
    async with served(tmp_path, access=RESTRICTED) as extra:
        before = len(BEHIND)
        assert before == outside + 1, "who connects waits as well"
        async with extra.client() as client:
            assert (await client.ask("hello")).error is None
            assert len(BEHIND) == before + 1
        await until(lambda: len(BEHIND) == before)
    assert len(BEHIND) == outside


async def test_of_many_that_connect_over_the_extra_socket_few_have_their_turn_together(
    tmp_path: Path,
) -> None:
    """To take a connection and to end it costs as much as a question, and one can be made in no time."""
    async with served(tmp_path, access=RESTRICTED) as extra:
        before, most = 0, 0
        with contextlib.ExitStack() as waiting:
            for _ in range(20):
                one = waiting.enter_context(socket.socket(socket.AF_UNIX))
                one.connect(extra.path)
            with anyio.fail_after(10):
                while before < 20:
                    await checkpoint()
                    now = len(extra.listener._sessions)
                    most, before = max(most, now - before), now
        assert 0 < most <= 2 * listener_module.FEW  # a turn of trio has no order
        await until(lambda: not extra.listener._sessions)


async def test_an_idle_connection_holds_nothing_of_its_last_message(tmp_path: Path) -> None:
    mark = "held by nobody"
    async with served(tmp_path) as server, server.client() as client:
        await client.stream.send(encode_request(1, "nosuch", [{mark: [[[]] for _ in range(1000)]}]))
        await client.response()
        await anyio.wait_all_tasks_blocked()
        gc.collect()
        assert not [one for one in gc.get_objects() if type(one) is dict and mark in one]
