"""The extra socket opens, moves and closes with the configuration, and ends without cutting anybody off."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.server.endpoint import open_endpoint
from lokid.server.extra_listener import ExtraListener
from lokid.server.handlers import HANDLERS, Inline
from lokid.server.service import Service
from tests.fakes.runtime import FakeRuntime
from tests.fakes.server import connected, until

pytestmark = pytest.mark.anyio


@dataclass
class World:
    runtime: FakeRuntime
    service: Service
    extra: ExtraListener

    def configure(self, path: str | None) -> None:
        self.runtime.extra = path
        before, self.runtime.swap = self.runtime.swap, anyio.Event()
        before.set()

    def status(self) -> object:
        handler = HANDLERS["status"]
        assert isinstance(handler, Inline)
        answer = handler.answer(self.service, None, {})  # type: ignore[arg-type]
        assert isinstance(answer, dict)
        return answer["daemon"]["extra_socket"]


@asynccontextmanager
async def world(tmp_path: Path) -> AsyncIterator[World]:
    directory = tmp_path / "lokid"
    directory.mkdir(mode=0o700)
    runtime = FakeRuntime()
    service = Service(runtime, str(directory / "rpc.sock"), 1.5)
    extra = ExtraListener(service)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(extra.run)
        yield World(runtime, service, extra)
        with anyio.fail_after(5):
            await extra.drain(1.0)
        tasks.cancel_scope.cancel()


async def test_without_configuration_there_is_none(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await anyio.wait_all_tasks_blocked()
        assert os.listdir(tmp_path / "lokid") == []
        assert here.status() is None


async def test_it_opens_moves_and_closes_with_the_configuration(tmp_path: Path) -> None:
    first, second = tmp_path / "lokid" / "lokid-extra.sock", tmp_path / "lokid" / "box" / "x.sock"
    async with world(tmp_path) as here:
        here.configure("lokid-extra.sock")
        await until(first.exists)
        assert first.stat().st_mode & 0o777 == 0o600
        assert here.status() == {"path": str(first), "state": "open", "models": ["c:*"]}
        async with connected(str(first)) as client:
            assert (await client.ask("chat", model="echo", prompt="hi")).result["text"] == "hi"
            here.configure("box/x.sock")
            await until(second.exists)
            assert await client.ended()
        await until(lambda: not first.exists())
        assert second.parent.stat().st_mode & 0o777 == 0o700
        here.configure(None)
        await until(lambda: not second.exists())


async def test_a_question_that_runs_when_it_is_closed_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "lokid" / "e.sock"
    async with world(tmp_path) as here:
        here.configure("e.sock")
        await until(path.exists)
        async with connected(str(path)) as client:
            await client.send("chat", model="slow", prompt="hi")
            await until(lambda: here.runtime.started)
            here.configure(None)
            await until(lambda: not path.exists())
            here.runtime.release.set()
            assert (await client.response()).result["text"] == "late"


async def test_an_end_waits_for_a_question_there_and_no_longer(tmp_path: Path) -> None:
    """A second drain began beside the first, which then waited until its time was up."""
    path = tmp_path / "lokid" / "lokid-extra.sock"
    async with world(tmp_path) as here:
        here.configure("lokid-extra.sock")
        await until(path.exists)
        async with connected(str(path)) as client:
            await client.send("chat", model="slow", prompt="x")
            await until(lambda: here.runtime.started)
            with anyio.fail_after(10):
                async with anyio.create_task_group() as ending:
                    ending.start_soon(here.extra.drain, 60.0)
                    await until(lambda: not path.exists())
                    here.configure("lokid-extra.sock")  # wakes who looks for changes
                    await anyio.wait_all_tasks_blocked()
                    here.runtime.release.set()
                    assert (await client.response()).result["text"] == "late"


@pytest.mark.parametrize("moved", ["other.sock", None])
async def test_an_end_waits_also_for_a_question_at_a_path_that_is_another_by_now(
    tmp_path: Path, moved: str | None
) -> None:
    path = tmp_path / "lokid" / "e.sock"
    async with world(tmp_path) as here:
        here.configure("e.sock")
        await until(path.exists)
        async with connected(str(path)) as client:
            await client.send("chat", model="slow", prompt="x")
            await until(lambda: here.runtime.started)
            here.configure(moved)
            await until(lambda: not path.exists())
            ended = anyio.Event()

            async def end() -> None:
                await here.extra.drain(60.0)
                ended.set()

            async with anyio.create_task_group() as ending:
                ending.start_soon(end)
                await anyio.wait_all_tasks_blocked()
                assert not ended.is_set()
                here.runtime.release.set()
                assert (await client.response()).result["text"] == "late"


async def test_a_question_that_waits_when_it_is_closed_is_answered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other lokid will listen there, so there is nowhere to send it again."""
    path, turn, waits = tmp_path / "lokid" / "e.sock", anyio.Event(), anyio.Event()
    async with world(tmp_path) as here:
        chat = here.runtime.chat

        async def in_turn(*args: Any, **more: Any) -> Any:
            waits.set()
            await turn.wait()
            return await chat(*args, **more)

        monkeypatch.setattr(here.runtime, "chat", in_turn)
        here.configure("e.sock")
        await until(path.exists)
        async with connected(str(path)) as client:
            await client.ask("hello", accepted=True)
            await client.send("chat", model="echo", prompt="hi")
            await waits.wait()
            here.configure(None)
            await until(lambda: not path.exists())
            turn.set()
            assert (await client.response()).result["text"] == "hi"


async def test_a_place_that_cannot_be_had_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lokid.server.extra_listener.AGAIN_S", 0.01)
    path = tmp_path / "lokid" / "e.sock"
    async with world(tmp_path) as here:
        other = open_endpoint(str(path))
        here.configure("e.sock")
        await until(lambda: here.service.extra.problem)
        status = here.status()
        assert isinstance(status, dict)
        assert (status["path"], status["state"]) == (None, "closed")
        assert "holds the lock" in status["reason"]
        other.close()
        await until(lambda: here.service.extra.path == str(path))
    assert caplog.text.count("is not open") <= 1, "one line, however long it lasts"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("rpc.sock", "is lokid's own socket: give extra_socket.path another name."),
        ("x" * 120, "Set extra_socket.path to a shorter one."),
        ("../e.sock", "choose another place with extra_socket.path"),
        ("file", "choose another place with extra_socket.path."),
    ],
)
async def test_what_keeps_it_closed_names_the_key_that_mends_it(tmp_path: Path, path: str, said: str) -> None:
    async with world(tmp_path) as here:
        tmp_path.chmod(0o755)
        (tmp_path / "lokid" / "file").write_text("")
        (tmp_path / "lokid" / "file.lock").mkdir()
        here.configure(path)
        await until(lambda: here.service.extra.problem)
        assert said in str(here.service.extra.problem)
        assert "LOKID_SOCK" not in str(here.service.extra.problem)


async def test_a_removed_extra_socket_is_made_again_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lokid" / "e.sock"
    async with world(tmp_path) as here:
        here.configure("e.sock")
        await until(path.exists)
        await anyio.wait_all_tasks_blocked()
        path.unlink()
        await until(path.exists)
        async with connected(str(path)) as client:
            assert (await client.ask("hello")).error is None
