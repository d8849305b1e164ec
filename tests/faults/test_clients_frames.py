"""What clients send: malformed, oversized, amplifying, half-sent, dripping. (tests/rpc/test_limits.py holds
what one frame may cost, tests/server/test_session.py that a bad one ends its own connection.)"""

from __future__ import annotations

import random
import threading
from pathlib import Path

import anyio
import msgpack
import pytest

from lokid.rpc import large
from lokid.rpc.large import LargeFrame
from lokid.rpc.messages import encode_request
from lokid.server import reader
from lokid.server.intake import SMALL, Crowded, Intake
from tests.fakes.server import Served, served, until

pytestmark = pytest.mark.anyio


async def ended(server: Served) -> None:
    await until(lambda: len(server.listener._sessions) <= 1)
    assert server.service.intake.total == 0


async def test_frames_of_noise_never_disturb_another_connection(tmp_path: Path) -> None:
    noise = random.Random(7)
    good = encode_request(5, "chat", [{"model": "echo", "prompt": "hi", "stop": ["a", "b"]}])
    async with served(tmp_path) as server, server.client() as client:
        await client.send("chat", model="slow", prompt="x")
        await until(lambda: server.runtime.started)
        tasks = len(anyio.get_running_tasks())
        for _ in range(150):
            data = bytearray(good)
            for _ in range(noise.randrange(1, 6)):
                data[noise.randrange(len(data))] = noise.randrange(256)
            async with server.client() as bad:
                await bad.stream.send(bytes(data) + noise.randbytes(noise.randrange(40)))
                await bad.stream.send_eof()
                with anyio.fail_after(10):
                    while not await bad.ended():
                        pass
        await ended(server)
        assert len(anyio.get_running_tasks()) == tasks, "a task for each would be left"
        server.runtime.release.set()
        assert (await client.response()).result["text"] == "late"


async def test_a_large_frame_is_never_decoded_where_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    decode = LargeFrame.decode

    def noted(frame: LargeFrame) -> object:
        threads.append(threading.get_ident())
        return decode(frame)

    monkeypatch.setattr(LargeFrame, "decode", noted)
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("chat", model="echo", prompt="x" * SMALL)
        assert answer.result["text"] == "x" * SMALL
        refused = await client.ask("chat", model="echo", prmpt="x" * SMALL)
        assert refused.error.startswith("invalid_params: prmpt")
        await client.stream.send(encode_request(9, "chat", [{"model": b"\xff" * SMALL, "prompt": "x"}]))
        assert (await client.response()).error.startswith("invalid_params: model")
        assert server.service.intake.total == 0
    assert len(threads) == 3
    assert threading.get_ident() not in threads


def test_the_interpreter_is_never_held_for_a_whole_large_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of msgpack lets nothing else run until it returns."""
    calls: list[int] = []
    unpackb = large.unpackb

    def noted(data: bytes, **options: object) -> object:
        calls.append(len(data))
        return unpackb(data, **options)

    monkeypatch.setattr(large, "unpackb", noted)
    many = {
        "texts": ["a", 1.5, None, -3, 2**40, b"b", {"k": [True]}] * 4_000,
        "long": "é" * large.WHOLE_BYTES,
    }
    wire = msgpack.packb([0, 7, "m", [many]])
    message = LargeFrame(bytearray(wire), large.WHOLE_OBJECTS + 1, 7).decode()
    assert message.params == [many]  # type: ignore[union-attr]
    assert max(calls) <= 9


async def test_half_sent_frames_never_add_up_to_more_than_the_bound(tmp_path: Path) -> None:
    prompt = "x" * 7 * SMALL
    wire = encode_request(3, "chat", [{"model": "echo", "prompt": prompt}])
    half, rest = wire[: 6 * SMALL], wire[6 * SMALL :]
    async with served(tmp_path) as server:
        intake = server.service.intake
        intake._most = SMALL
        server.runtime.frame = 8 * SMALL  # twice that has room
        async with server.client() as first, server.client() as second:
            for client in (first, second):
                await client.stream.send(half)
            await until(lambda: intake.total == 12 * SMALL)
            async with server.client() as third:
                await third.stream.send(half)
                refused = await third.response()
                assert (refused.msgid, refused.error.partition(":")[0]) == (3, "overloaded")
                await first.stream.send(rest)
                assert (await first.response()).result["text"] == prompt
        await until(lambda: intake.total == 0)


async def test_the_bytes_of_a_large_request_count_as_long_as_it_runs(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.send("chat", model="slow", prompt="x" * SMALL)
        await until(lambda: server.runtime.started)
        assert server.service.intake.total > SMALL
        server.runtime.release.set()
        await client.response()
        await until(lambda: server.service.intake.total == 0)


async def test_a_large_request_counts_as_what_its_texts_take_in_memory(tmp_path: Path) -> None:
    """One emoji makes four bytes of each character."""
    async with served(tmp_path) as server, server.client() as client:
        text = "x" * SMALL + "\N{GRINNING FACE}"
        await client.send("chat", model="slow", messages=[{"role": "user", "content": text}])
        await until(lambda: server.runtime.started)
        assert 4 * SMALL < server.service.intake.total < 5 * SMALL
        server.runtime.release.set()
        await client.response()
        await until(lambda: server.service.intake.total == 0)


def test_two_frames_of_the_largest_size_always_have_room() -> None:
    intake = Intake(10)
    intake.total = 100
    intake.check(50)
    intake.total = 250
    intake.check(50, own=200)  # beside a frame that is being read
    intake.total = 251
    with pytest.raises(Crowded):
        intake.check(50, own=200)


def test_the_extra_socket_never_takes_the_room_of_the_users_own_programs() -> None:
    own = Intake(400)
    extra = own.share
    assert extra is own.share
    extra.add(100)
    extra.check(60)
    own.add(400)
    own.check(60)  # whatever the others hold
    extra.add(1)
    with pytest.raises(Crowded):
        extra.check(60)  # not twice as much as the largest frame
    with pytest.raises(Crowded):
        extra.check(60, own=101)  # nor what one takes when it is decoded
    extra.check(101)
    assert (own.total, extra.total) == (400, 101)


@pytest.mark.parametrize("sent", [3, SMALL * 2])
async def test_a_half_sent_frame_never_leaves_a_task_or_its_bytes_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    monkeypatch.setattr(reader, "FRAME_S", 0.05)
    async with served(tmp_path) as server, server.client() as idle:
        assert (await idle.ask("hello")).error is None
        tasks = len(anyio.get_running_tasks())
        clients = [server.client() for _ in range(10)]
        for opening in clients:
            client = await opening.__aenter__()
            await client.stream.send(
                encode_request(1, "chat", [{"model": "echo", "prompt": "x" * SMALL * 3}])[:sent]
            )
        with anyio.fail_after(10):
            await ended(server)
        assert len(anyio.get_running_tasks()) == tasks
        for opening in clients:
            await opening.__aexit__(None, None, None)
        assert (await idle.ask("hello")).error is None


async def test_a_frame_that_drips_is_never_waited_for_although_it_is_never_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "FRAME_S", 0.2)
    async with served(tmp_path) as server, server.client() as client:
        with anyio.fail_after(10):
            try:
                for byte in encode_request(1, "chat", [{"model": "echo", "prompt": "x" * 10_000}]):
                    await client.stream.send(bytes([byte]))
                    await anyio.sleep(0.01)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass
            else:
                raise AssertionError("it was read to its end")
        await until(lambda: not server.listener._sessions)
