"""Connections that are there before the question."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from anyio.lowlevel import checkpoint

from lokid.chat import ChatRequest, Message, Text
from lokid.errors import RateLimited
from lokid.providers.registry import PROVIDERS
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.core import Runtime
from lokid.runtime.network import suspend, warm
from lokid.runtime.network.warm import APART_S, CLIENTS, LATELY_S, Warmth
from tests.fakes.provider import FakeProvider
from tests.faults.asking import said

pytestmark = pytest.mark.anyio

AROUND = Surroundings(environ=dict(os.environ), directory="/", spawn=lambda *_: None)


def client(name: str, **keys: Any) -> OpenClient:
    keys = {"type": "openai-compatible", "name": name, "api_base": "https://api.example.com/v1", **keys}
    provider = PROVIDERS["openai-compatible"]
    return OpenClient(provider.settings.model_validate(keys), provider, AROUND)


class TestWhoIsDialled:
    """Decisions, without a network."""

    def warmth(self, *clients: OpenClient, locked: bool = False) -> Warmth:
        named: Mapping[str, OpenClient] = {client.name: client for client in clients}
        return Warmth(lambda: named, lambda: locked)

    async def test_a_client_that_was_used_and_no_other(self) -> None:
        used, unused = client("used"), client("unused")
        warmth = self.warmth(used, unused)
        assert warmth.cold(0) == []
        used.requests += 1
        assert warmth.cold(0) == [used]

    async def test_not_again_within_a_minute(self) -> None:
        used = client("used")
        used.requests += 1
        warmth = self.warmth(used)
        assert warmth.cold(0) == [used]
        assert warmth.cold(APART_S - 1) == []
        assert warmth.cold(APART_S) == [used]

    async def test_not_after_half_an_hour_without_a_question(self) -> None:
        used = client("used")
        used.requests += 1
        warmth = self.warmth(used)
        assert warmth.cold(0) == [used]
        assert warmth.cold(LATELY_S) == [used]
        assert warmth.cold(LATELY_S + APART_S) == []
        used.requests += 1
        assert warmth.cold(LATELY_S + 2 * APART_S) == [used]

    async def test_the_few_that_were_used_last(self) -> None:
        used = [client(f"c{number}") for number in range(CLIENTS + 2)]
        warmth = self.warmth(*used)
        for number, one in enumerate(used):
            one.requests += 1
            warmth.cold(float(number))
        assert warmth.cold(100 + APART_S) == used[: -CLIENTS - 1 : -1]

    async def test_nobody_while_the_vault_is_locked(self) -> None:
        used = client("used")
        used.requests += 1
        assert self.warmth(used, locked=True).cold(0) == []

    @pytest.mark.parametrize(
        "make",
        [
            lambda: client("local", api_base="http://127.0.0.1:9/v1"),
            lambda: client("local", api_base="https://localhost:9/v1"),
            lambda: client("launched", launch={"command": ["server"]}),
            lambda: client("behind", extra={"proxy": "http://proxy.example.com:3128"}),
            lambda: client("signed-out", auth="oauth"),
        ],
    )
    async def test_not_what_is_near_nor_what_cannot_be_asked(self, make: Callable[[], OpenClient]) -> None:
        used = make()
        used.requests += 1
        assert self.warmth(used).cold(0) == []

    async def test_not_a_provider_that_wants_a_pause(self) -> None:
        used = client("used")
        used.requests += 1
        used.breakers.failed("m", RateLimited("slower", retry_after_s=60), anyio.current_time())
        assert self.warmth(used).cold(0) == []

    async def test_a_client_that_is_in_use_dials_for_itself(self) -> None:
        used = client("used")
        warmth = self.warmth(used)
        async with used.use():
            assert warmth.cold(0) == []


# --- With a provider that is somewhere else, by its name


@pytest.fixture
async def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeProvider]:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("api.far.test").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "api.far.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for name in ("LOOK_S", "START_S", "APART_S"):
        monkeypatch.setattr(warm, name, 0.01)
    async with FakeProvider(tls=context, default=said("hi")) as provider:
        yield provider


@asynccontextmanager
async def running(directory: Path, provider: FakeProvider) -> AsyncIterator[Runtime]:
    settings = {
        "type": "openai-compatible",
        "name": "far",
        "models": ["m"],
        "api_base": f"https://api.far.test:{provider.port}",
        "extra": {"ca_file": str(directory / "ca.pem")},
    }
    path = directory / "config.yaml"
    path.write_text(json.dumps({"clients": [settings]}))
    environ = {"LOKID_CONFIG": str(path), "LOKID_STATE_DIR": str(directory / "state")}
    runtime = Runtime(environ, builtin=False)
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: runtime.run(task_status=task_status))
        yield runtime
        group.cancel_scope.cancel()


async def ask(runtime: Runtime) -> None:
    async def nothing(*_: object) -> None:
        pass

    request = ChatRequest("far", (Message("user", (Text("hello"),)),))
    await runtime.chat(request, emit=nothing, accepted=nothing)


async def test_after_a_start_the_first_question_finds_a_connection_over_which_nothing_was_said(
    tmp_path: Path, provider: FakeProvider
) -> None:
    async with running(tmp_path, provider) as runtime:
        assert provider.connections == 0
        await ask(runtime)
    async with running(tmp_path, provider) as runtime:
        await provider.until(lambda: provider.connections == 2)
        (http,) = [one.http for one in runtime.generation.clients.values()]
        while http.pool()["idle"] == 0:
            await checkpoint()
        assert len(provider.requests) == 1
        await ask(runtime)
    assert [request.connection for request in provider.requests] == [0, 1]
    assert provider.connections == 2


async def test_what_the_provider_closes_is_dialled_again(tmp_path: Path, provider: FakeProvider) -> None:
    async with running(tmp_path, provider) as runtime:
        await ask(runtime)
        await provider.calls[0].close()
        await provider.until(lambda: provider.connections == 2)
    assert len(provider.requests) == 1


async def test_what_a_suspend_killed_is_dialled_again(
    tmp_path: Path, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, provider) as runtime:
        await ask(runtime)
        slept = suspend.slept_s()
        monkeypatch.setattr(suspend, "slept_s", lambda: slept + 3600)
        await provider.until(lambda: provider.connections == 2)
    assert len(provider.requests) == 1
