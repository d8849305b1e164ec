"""A question with a token instead of a key: what a 401 costs, and who sees the token."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, ChatResult, Message, Text
from lokid.errors import AuthenticationFailed, LokidError, ProviderFailed
from lokid.protocols import oauth2
from lokid.protocols.oauth2_answers import Token
from lokid.providers.oauth_presets import PRESETS
from lokid.runtime.core import Runtime
from lokid.runtime.oauth import login, refresher
from tests.fakes.provider import Call, FakeProvider, answer

pytestmark = pytest.mark.anyio

CANARIES = ("canary-access-0", "canary-refresh-0", "canary-client-secret")


class Provider:
    """A token endpoint and an API, which takes the tokens in ``good`` and quotes those that it refuses."""

    def __init__(self) -> None:
        self.good: set[str] = set()
        self.asked: list[str] = []
        self.count = 0
        self.refuse_all = False
        self.life = 3600.0
        self.nonsense = False
        self.used: list[str] = []
        """Refresh tokens."""

    async def step(self, call: Call) -> None:
        if call.request.target == "/token" and self.nonsense:
            await answer(200, b"<html>sign in here</html>")(call)
            return
        if call.request.target == "/token":
            self.count += 1
            self.used.append(dict(parse_qsl(call.request.body.decode()))["refresh_token"])
            token = f"canary-access-{self.count}"
            if not self.refuse_all:
                self.good.add(token)
            said: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": self.life}
            said["refresh_token"] = f"canary-refresh-{self.count}"
            await answer(200, json.dumps(said).encode())(call)
            return
        token = call.request.headers["authorization"].removeprefix("Bearer ")
        self.asked.append(token)
        if token in self.good:
            await said_hi(call)
        else:
            said = {"error": {"message": f"the token {token} is not valid", "code": "invalid_api_key"}}
            await answer(401, json.dumps(said).encode())(call)


async def said_hi(call: Call) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    await answer(200, json.dumps({"choices": [choice]}).encode())(call)


@asynccontextmanager
async def running(home: Path, config: Path) -> AsyncIterator[Runtime]:
    runtime = Runtime({"LOKID_CONFIG": str(config), "HOME": str(home)}, builtin=False)
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: runtime.run(task_status=task_status))
        yield runtime
        group.cancel_scope.cancel()


@asynccontextmanager
async def signed_in(home: Path, provider: Provider) -> AsyncIterator[Runtime]:
    async with FakeProvider(default=provider.step) as server:
        client = {
            "type": "openai-compatible",
            "name": "mine",
            "auth": "oauth",
            "api_base": server.url,
            "models": [{"name": "m", "no_stream": True}],
            "oauth": {
                "client_id": "me",
                "client_secret": "canary-client-secret",
                "token_url": f"{server.url}/token",
                "authorize_url": f"{server.url}/auth",
            },
        }
        config = home / "config.yaml"
        config.write_text(json.dumps({"clients": [client]}))
        async with running(home, config) as runtime:
            tokens = runtime.generation.clients["mine"].tokens
            assert tokens is not None
            now = 1.8e9
            token = Token(SecretStr("canary-access-0"), SecretStr("canary-refresh-0"), None, now, now + 3600)
            await tokens.sign_in(token)
            yield runtime


async def ask(runtime: Runtime, model: str = "mine:m", **settings: Any) -> Any:
    async def accepted() -> None:
        pass

    async def emit(_: object) -> None:
        pass

    request = ChatRequest(model, (Message("user", (Text("hello"),)),), **settings)
    return await runtime.chat(request, emit=emit, accepted=accepted)


async def test_a_401_costs_one_refresh_and_the_question_is_asked_once_more(home: Path) -> None:
    provider = Provider()
    async with signed_in(home, provider) as runtime:
        result = await ask(runtime)
        assert isinstance(result, ChatResult) and result.answer.message.text == "hi"
        assert provider.asked == ["canary-access-0", "canary-access-1"]
        assert provider.count == 1


async def test_a_second_401_is_final(home: Path) -> None:
    provider = Provider()
    provider.refuse_all = True
    async with signed_in(home, provider) as runtime:
        for _ in range(2):
            with pytest.raises(AuthenticationFailed) as caught:
                await ask(runtime)
            assert caught.value.hint == "lokictl auth login mine"
            assert runtime.list_clients()[0]["last_error"]["hint"] == "lokictl auth login mine"
        assert provider.asked == ["canary-access-0", "canary-access-1", "canary-access-1"]
        assert provider.count == 1


async def test_a_token_endpoint_that_talks_nonsense_shows_in_the_clients(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresher, "FIRST_BACKOFF_S", 0.0)
    provider = Provider()
    provider.nonsense = True
    async with signed_in(home, provider) as runtime:
        with pytest.raises(ProviderFailed):
            await ask(runtime)
        [row] = runtime.list_clients()
        assert row["last_error"]["code"] == "provider_error"
        assert "token request" in row["last_error"]["message"]
        assert "`oauth` settings of client 'mine'" in row["last_error"]["hint"]
        provider.nonsense = False
        await ask(runtime)
        assert "last_error" not in runtime.list_clients()[0]


async def test_of_twenty_questions_with_a_refused_token_one_refreshes(home: Path) -> None:
    provider = Provider()
    async with signed_in(home, provider) as runtime:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask, runtime)
        assert provider.count == 1
        assert provider.asked.count("canary-access-1") == 20


async def test_nothing_that_is_said_holds_a_token(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    provider = Provider()
    provider.refuse_all = True
    said: list[object] = []
    async with signed_in(home, provider) as runtime:
        with pytest.raises(LokidError) as caught:
            await ask(runtime)
        dry = await ask(runtime, dry_run=True)
        said = [str(caught.value), caught.value.hint, dry, runtime.list_clients(), runtime.auth.status(None)]
        said += [runtime.show(), repr(runtime.generation), runtime.generation.clients["mine"].tokens]
        begun = await runtime.auth.login("mine", "browser")
        said += [{**begun, "login_id": ""}]
    for canary in (*CANARIES, "canary-access-1", "canary-refresh-1"):
        assert canary not in repr(said)
        assert canary not in caplog.text


async def test_many_expiries_fail_no_question(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresher, "PAUSE_S", 0.01)
    life = 0.3
    provider = Provider()
    provider.life = life
    async with signed_in(home, provider) as runtime:
        answers: list[str] = []

        async def loop() -> None:
            until = anyio.current_time() + 3
            while anyio.current_time() < until:
                answers.append((await ask(runtime)).answer.message.text)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(loop)
        assert provider.count >= 5
        assert provider.used == [f"canary-refresh-{number}" for number in range(provider.count)]
        assert set(answers) == {"hi"} and len(answers) > 20


@pytest.mark.parametrize("jump", [7 * 86400, -7 * 86400])
async def test_a_clock_that_is_set_neither_ends_a_sign_in_nor_makes_it_longer(
    home: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    wall = SimpleNamespace(now=1.8e9)
    monkeypatch.setattr(login, "time", SimpleNamespace(time=lambda: wall.now))
    async with signed_in(home, Provider()) as runtime:
        begun = await runtime.auth.login("mine", "code")
        assert begun["expires_at"] == wall.now + login.WITHIN_S
        wall.now += jump
        await anyio.wait_all_tasks_blocked()
        one = runtime.auth._logins._logins[begun["login_id"]]
        assert not one.done.is_set()
        assert one.deadline - anyio.current_time() == pytest.approx(login.WITHIN_S, abs=60)


async def test_a_key_exchange_ends_with_a_key_that_is_sent_like_a_token(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenRouter's way, with a browser that others try to be quicker than."""
    exchanged: list[Any] = []

    async def step(call: Call) -> None:
        if call.request.target == "/keys":
            exchanged.append(call.request.json)
            await answer(200, b'{"key": "sk-or-canary"}')(call)
        else:
            assert call.request.headers["authorization"] == "Bearer sk-or-canary"
            await said_hi(call)

    async with FakeProvider(default=step) as server:
        preset = replace(
            PRESETS["openrouter"],
            token_url=f"{server.url}/keys",
            authorize_url=f"{server.url}/auth",
            redirect="http://localhost/",
        )
        monkeypatch.setitem(PRESETS, "openrouter", preset)
        config = home / "config.yaml"
        client = {"type": "openai-compatible", "name": "openrouter", "auth": "oauth"}
        models = [{"name": "m", "no_stream": True}]
        config.write_text(
            json.dumps({"clients": [{**client, "models": models, "patch": to(f"{server.url}/chat")}]})
        )
        async with running(home, config) as runtime:
            begun = await runtime.auth.login("openrouter", None)
            asked = dict(parse_qsl(urlsplit(begun["url"]).query))
            forged = asked["callback_url"].replace("state=", "state=x") + "&code=evil"
            with pytest.raises(urllib.error.HTTPError) as caught:
                await anyio.to_thread.run_sync(visit, forged)
            caught.value.close()
            assert caught.value.code == 400
            await anyio.to_thread.run_sync(visit, asked["callback_url"] + "&code=good")
            status = await runtime.auth.finish(begun["login_id"], None)
            assert (status["state"], status["expires_at"], status["refreshes"]) == ("signed_in", None, False)
            [sent] = exchanged
            assert sent["code"] == "good"
            assert oauth2.challenge(sent["code_verifier"]) == asked["code_challenge"]
            assert (await ask(runtime, model="openrouter:m")).answer.message.text == "hi"


def to(url: str) -> dict[str, Any]:
    return {"chat_completions": {".*": {"url": url}}}


def visit(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as page:
        return str(page.read().decode())
