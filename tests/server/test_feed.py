"""``events.subscribe``: what status bars are told, and what it costs when nobody is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from lokid.rpc.messages import Notification
from lokid.rpc.methods import METHODS, EventMap
from lokid.rpc.shapes import check
from lokid.server import feed
from lokid.server.feed import GONE, TOPICS, Subject, changes, look
from lokid.server.outbox import LIMIT
from tests.fakes.server import Client, served, until

pytestmark = pytest.mark.anyio


def client_is(state: str, client: str = "c", **more: Any) -> dict[Subject, EventMap]:
    return {("clients", client): {"topic": "clients", "client": client, "state": state, **more}}


@pytest.mark.parametrize(
    ("told", "now", "states"),
    [
        ({}, client_is("ready"), ["ready"]),
        (client_is("ready"), client_is("ready"), []),
        (client_is("ready"), client_is("needs_login"), ["needs_login"]),
        (client_is("needs_secret", reason="a"), client_is("needs_secret", reason="b"), ["needs_secret"]),
        (client_is("cooling_down", reason="9 s"), client_is("cooling_down", reason="8 s"), []),
        (client_is("ready"), {}, [GONE]),
        (client_is("ready"), client_is("ready", "d"), ["ready", GONE]),
    ],
)
async def test_what_is_told_is_what_differs(told: Any, now: Any, states: list[str]) -> None:
    assert [event.get("state") for event in changes(told, now)] == states


async def event(client: Client) -> dict[str, Any]:
    message = await client.message()
    assert isinstance(message, Notification) and message.method == "event"
    [found] = message.params
    assert isinstance(found, dict)
    check(found, EventMap)
    return found


async def test_it_is_told_how_everything_is_and_then_what_changes(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = (await client.ask("events.subscribe")).result
        check(answer, METHODS["events.subscribe"][1])
        assert answer["topics"] == [*TOPICS] == [event["topic"] for event in answer["now"]]
        await client.send("chat", model="hang", prompt="hi")
        assert await event(client) == {"topic": "requests", "running": 1, "waiting": 0}


async def test_a_change_without_any_request_is_seen_too(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("events.subscribe", topics=["clients"])
        server.runtime.clients[0]["state"] = "needs_login"
        assert (await event(client))["state"] == "needs_login"
        server.runtime.clients.clear()
        assert await event(client) == {"topic": "clients", "client": "c", "state": GONE}


async def test_a_refreshed_token_is_told_and_never_the_token(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        row = {
            "client": "mine",
            "state": "signed_in",
            "refreshes": True,
            "obtained_at": 1.0,
            "expires_at": 9.0,
        }
        server.runtime.auth.status = lambda _client: [{**row, "scope": "a b", "access_token": "sk-never"}]  # type: ignore[method-assign]
        answer = (await client.ask("events.subscribe", topics=["tokens"])).result
        assert answer["now"] == [{"topic": "tokens", **row}]
        row |= {"obtained_at": 2.0, "expires_at": 10.0}
        assert await event(client) == {"topic": "tokens", **row}


async def test_only_what_was_asked_for_is_told_and_asking_again_replaces_it(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("events.subscribe", topics=["requests"])
        answer = (await client.ask("events.subscribe", topics=["reloads", "reloads"])).result
        assert answer["topics"] == ["reloads"]
        async with server.client() as other:
            await other.ask("config.reload")
        assert (await event(client))["generation"] == 2
        assert (await client.ask("events.subscribe", topics=[])).result == {"topics": [], "now": []}
        async with server.client() as other:
            await other.ask("config.reload")
        await client.send("status")
        assert not isinstance(await client.message(), Notification)


async def test_a_topic_that_does_not_exist_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        error = (await client.ask("events.subscribe", topics=["clients", "token"])).error
        assert error.startswith("invalid_params: topics[1]: must be one of ")
        assert error.endswith(', did you mean "tokens"?')


async def test_a_slow_subscriber_skips_to_the_newest_and_nothing_piles_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops reading. What it reads in the end is what was on its way then, and the last."""
    monkeypatch.setattr(feed, "PAUSE_S", 0.0)
    size, changes = LIMIT // 4, 60  # fifteen times what may wait
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("events.subscribe", topics=["clients"])
        [session] = server.listener._sessions
        row = server.runtime.clients[0]
        for number in range(changes):
            row["reason"] = f"{number}:" + "x" * size
            server.service.requests._move()
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
        assert 0 < session._outbox.size < size + 1000, "one change waits, whatever came after it"
        read = [int((await event(client))["reason"].partition(":")[0])]
        while read[-1] < changes - 1:
            read.append(int((await event(client))["reason"].partition(":")[0]))
        assert len(read) < 20
        assert read == [*range(len(read) - 1), changes - 1]


async def test_nobody_looks_when_nobody_subscribed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path) as server, server.client() as client:
        monkeypatch.setitem(TOPICS, "usage", lambda _: pytest.fail("looked"))
        assert (await client.ask("chat", model="echo", prompt="hi")).result["text"] == "hi"
        assert server.service.requests.moves == 2
        assert server.service.requests._moved is None


async def test_its_end_leaves_nothing_behind_and_does_not_hold_up_a_drain(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        before = len(anyio.get_running_tasks())
        async with server.client() as client:
            await client.ask("events.subscribe")
        await until(lambda: len(anyio.get_running_tasks()) == before)
        async with server.client() as client:
            await client.ask("events.subscribe")
            with anyio.fail_after(5):
                await server.listener.drain(60)
            assert await client.ended()


async def test_a_bug_in_a_look_ends_the_subscription_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("events.subscribe", topics=["vault"])
        looked = anyio.Event()

        def fail(_: object) -> Any:
            looked.set()
            raise ValueError("a bug")

        monkeypatch.setitem(TOPICS, "vault", fail)
        with anyio.fail_after(10):
            await looked.wait()
        assert (await client.ask("status")).error is None


async def test_every_topic_has_a_look(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        for topic in TOPICS:
            assert look(server.service, [topic])
