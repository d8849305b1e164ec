"""``lock`` and ``unlock``: as ``ssh-add -x`` and ``-X``, for everything that lokid holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import types
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from lokid import logs
from lokid.chat import ChatRequest, ChatResult, Message, Text
from lokid.errors import ConfigInvalid, LokidError, SecretMissing
from lokid.protocols.oauth2_answers import Device
from lokid.runtime.core import Runtime
from lokid.runtime.oauth import login
from tests.fakes import keyholes
from tests.fakes.daemon import ROOT
from tests.fakes.keyholes import planted
from tests.fakes.memory import reachable
from tests.fakes.provider import Call, FakeProvider

pytestmark = pytest.mark.anyio

ASKED = ("text", "header", "vault", "environment", "dotenv", "file", "command", "keyring", "credential")
"""One client for each way by which a key comes, called like it."""

KINDS = (
    *ASKED, "unused", "proxy", "access-token", "refresh-token", "client-secret",
    "cloud-secret", "cloud-token",
)  # fmt: skip


@contextmanager
def provider() -> Iterator[str]:
    with subprocess.Popen([sys.executable, keyholes.__file__], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
        finally:
            running.kill()


def client(name: str, url: str, **more: Any) -> dict[str, Any]:
    models = [{"name": "m", "no_stream": True}]
    return {"type": "openai-compatible", "name": name, "api_base": f"{url}/v1", "models": models, **more}


def plant(home: Path, url: str) -> None:
    folder = home / ".config" / "lokid"
    folder.mkdir(parents=True)
    for kind in ("file", "command", "credential"):
        (folder / kind).mkdir()
        (folder / kind / "CREDENTIAL").write_text(planted(kind))
    (folder / ".env").write_text(f"DOTENV={planted('dotenv')}\n")
    oauth = {
        "client_id": "id",
        "client_secret": planted("client-secret"),
        "token_url": f"{url}/token",
        "authorize_url": f"{url}/authorize",
        "device_url": f"{url}/device",
    }
    clients = [
        client("text", url, api_key=planted("text")),
        client("header", url, patch={"chat_completions": {".*": {"headers": {"x-key": planted("header")}}}}),
        client("vault", url, api_key="{{VAULT}}"),
        client("environment", url),
        client("dotenv", url, api_key="{{DOTENV}}"),
        client("file", url, api_key={"file": "file/CREDENTIAL"}),
        client("command", url, api_key={"command": ["cat", "command/CREDENTIAL"]}),
        client("keyring", url, api_key={"keyring": ["service", "name"]}),
        client("credential", url, api_key="{{CREDENTIAL}}"),
        client("proxied", url, extra={"proxy": f"http://me:{planted('proxy')}@127.0.0.1:9"}),
        client("signed-in", url, auth="oauth", oauth=oauth),
        {
            "type": "azure-openai",
            "name": "cloud",
            "api_base": url,
            "tenant_id": "tenant",
            "client_id": "id",
            "client_secret": planted("cloud-secret"),
            "authority": url,
            "models": [{"name": "m", "no_stream": True}],
        },
    ]
    (folder / "config.yaml").write_text(json.dumps({"clients": clients}))
    for each in folder.rglob("*"):
        each.chmod(0o700 if each.is_dir() else 0o600)
    tokens = home / ".local" / "state" / "lokid" / "tokens"
    tokens.mkdir(parents=True, mode=0o700)
    now = time.time()
    record = {
        "v": 1, "gen": 1, "issuer": None, "token_url": f"{url}/token", "client_id": "id", "scope": None,
        "access_token": planted("access-token"), "refresh_token": planted("refresh-token"),
        "obtained_at": now, "expires_at": now + 3600, "refreshing": None, "refused_at": None,
    }  # fmt: skip
    (tokens / "signed-in.json").touch(mode=0o600)
    (tokens / "signed-in.json").write_text(json.dumps(record))


def made(home: Path, **more: str) -> Runtime:
    environ = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "CREDENTIALS_DIRECTORY": str(home / ".config" / "lokid" / "credential"),
        "ENVIRONMENT_API_KEY": planted("environment"),
        "UNUSED": planted("unused"),
        **more,
    }
    return Runtime(environ, builtin=False)


@asynccontextmanager
async def running(home: Path, **environ: str) -> AsyncIterator[Runtime]:
    runtime = made(home, **environ)
    async with anyio.create_task_group() as group:
        await group.start(runtime.run)
        yield runtime
        group.cancel_scope.cancel()


async def nothing(*_: object) -> None:
    pass


async def ask(runtime: Runtime, name: str) -> str:
    request = ChatRequest(model=name, messages=(Message("user", (Text("hi"),)),))
    result = await runtime.chat(request, emit=nothing, accepted=nothing)
    assert isinstance(result, ChatResult)
    (part,) = result.answer.message.parts
    assert isinstance(part, Text)
    return part.text


def keyring() -> types.ModuleType:
    module = types.ModuleType("keyring")
    module.get_password = lambda _service, _name: planted("keyring")  # type: ignore[attr-defined]
    return module


@pytest.fixture(autouse=True)
def fake_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", keyring())


@pytest.fixture(autouse=True)
def log_of_nobody_else() -> None:
    logs.seal()
    logs.unseal()


def test_no_secret_of_any_kind_can_be_reached_until_it_is_unlocked(
    home: Path, anyio_backend_name: str
) -> None:
    """In a process of its own: it looks at every object, and those of a test run are millions."""
    code = f"import {__name__} as here; here.anyio.run(here.nothing_can_be_reached, backend='%s')"
    done = subprocess.run(
        [sys.executable, "-c", code % anyio_backend_name],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


async def nothing_can_be_reached() -> None:
    home = Path(os.environ["HOME"])
    sys.modules["keyring"] = keyring()
    with provider() as url:
        plant(home, url)
        async with running(home) as runtime:
            await runtime.secrets.set("VAULT", planted("vault"))
            clients = (*ASKED, "signed-in", "cloud")
            assert [await ask(runtime, name) for name in clients] == ["hi"] * len(clients)
            # What this test is worth: all of them are there.
            assert reachable(planted, KINDS).keys() == set(KINDS)
            answer = await runtime.secrets.lock()
            assert answer == {"state": "locked", "identity_kind": "file", "kept": (), "in_flight": 0}
            for name in clients:
                with pytest.raises(SecretMissing, match="lokid is locked") as caught:
                    await ask(runtime, name)
                assert caught.value.hint == "lokictl unlock"
            for row in runtime.list_clients():
                assert (row["state"], row["reason"]) == ("needs_secret", "lokid is locked: lokictl unlock")
            assert {row["auth"] for row in runtime.list_clients()} == {"key", "none", "oauth", "identity"}
            assert await runtime.secrets.status() == (state := runtime.secrets.state())
            assert (state["locked"], state["state"], state["secrets"]) == (True, "locked", None)
            assert runtime.auth.status(None)[0]["state"] == "locked"
            assert "signed-in:m" in await runtime.model_names()
            # Nothing that asks, looks or edits brings one back.
            (home / ".config" / "lokid" / ".env").write_text(f"DOTENV={planted('dotenv')}\nX=y\n")
            for call in (runtime.reload(), runtime.auth.login("signed-in", None), runtime.secrets.list()):
                with pytest.raises(SecretMissing):
                    await call
            with pytest.raises(SecretMissing):
                runtime.check()
            runtime.show()
            await runtime.list_models()
            await anyio.wait_all_tasks_blocked()
            assert (left := reachable(planted, KINDS)) == {}, left
            assert await runtime.secrets.unlock(None) == {"state": "open", "secrets": 1}
            assert [await ask(runtime, name) for name in clients] == ["hi"] * len(clients)
            assert logs.redact(planted("vault")) == "[secret]"


class TestLocked:
    async def test_what_was_edited_meanwhile_is_in_force_after_unlocking(self, home: Path) -> None:
        with provider() as url:
            plant(home, url)
            path = home / ".config" / "lokid" / "config.yaml"
            async with running(home) as runtime:
                await runtime.secrets.lock()
                path.write_text(json.dumps({"clients": [client("new", url, api_key=planted("text"))]}))
                with pytest.raises(LokidError, match="locked"):
                    await ask(runtime, "new")
                await runtime.secrets.unlock(None)
                assert await ask(runtime, "new") == "hi"
                # And changes are followed again.
                path.write_text(json.dumps({"clients": [client("newer", url, api_key=planted("text"))]}))
                with anyio.fail_after(10):
                    while "newer" not in runtime.generation.clients:
                        await anyio.sleep(0.01)

    async def test_a_file_that_was_broken_meanwhile_leaves_nothing_to_ask_and_says_why(
        self, home: Path
    ) -> None:
        plant(home, "http://127.0.0.1:9")
        path = home / ".config" / "lokid" / "config.yaml"
        good = path.read_text()
        async with running(home) as runtime:
            await runtime.secrets.lock()
            path.write_text("clients: [")
            await runtime.secrets.unlock(None)
            with pytest.raises(ConfigInvalid, match="has a problem, so nothing is loaded"):
                await ask(runtime, "text")
            path.write_text(good)
            with anyio.fail_after(10):
                while "text" not in runtime.generation.clients:
                    await anyio.sleep(0.01)

    async def test_twice_is_once(self, home: Path) -> None:
        plant(home, "http://127.0.0.1:9")
        async with running(home) as runtime:
            await runtime.secrets.set("VAULT", planted("vault"))
            for _ in range(2):
                assert (await runtime.secrets.lock())["kept"] == ()
            await runtime.secrets.unlock(None)
            await runtime.secrets.unlock(None)
            key = (await runtime.generation.clients["environment"].credentials()).secrets["api_key"]
            assert key.get_secret_value() == planted("environment")

    async def test_again_before_anything_was_loaded_nothing_is_followed(self, home: Path) -> None:
        plant(home, "http://127.0.0.1:9")
        async with running(home) as runtime:
            await runtime.secrets.set("VAULT", planted("vault"))
            await runtime.secrets.lock()
            await runtime._reloader.unseal(None)
            await runtime.secrets.lock()
            assert not runtime._reloader._opened.is_set()

    async def test_without_a_vault_the_environment_stays_and_the_answer_says_so(self, home: Path) -> None:
        plant(home, "http://127.0.0.1:9")
        async with running(home) as runtime:
            assert (await runtime.secrets.lock())["kept"] == ("environment",)
            await runtime.secrets.unlock(None)
            assert runtime.generation.clients["environment"].state() == ("ready", None)

    async def test_another_identity_cannot_open_what_was_sealed(self, home: Path) -> None:
        plant(home, "http://127.0.0.1:9")
        async with running(home) as runtime:
            await runtime.secrets.set("VAULT", planted("vault"))
            await runtime.secrets.lock()
            path = Path((await runtime.secrets.status())["identity"])
            before = path.read_bytes()
            path.unlink()
            with pytest.raises(ConfigInvalid, match="put that one back"):
                await runtime.secrets.unlock(None)
            with pytest.raises(SecretMissing, match="locked"):
                await ask(runtime, "text")
            path.touch(mode=0o600)
            path.write_bytes(before)
            assert (await runtime.secrets.unlock(None))["state"] == "open"


async def test_a_request_in_flight_finishes_and_its_key_goes_with_it(home: Path) -> None:
    arrived, go = anyio.Event(), anyio.Event()

    async def slow(call: Call) -> None:
        arrived.set()
        await go.wait()
        message = {"role": "assistant", "content": "late"}
        body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        data = json.dumps(body).encode()
        await call.head(200, content_length=str(len(data)))
        await call.send(data)

    async with FakeProvider(default=slow) as server:
        plant(home, server.url)
        async with running(home) as runtime, anyio.create_task_group() as group:
            answers: list[str] = []

            async def asks() -> None:
                answers.append(await ask(runtime, "text"))

            group.start_soon(asks)
            await arrived.wait()
            assert (await runtime.secrets.lock())["in_flight"] == 1
            assert logs.redact(planted("text")) == "[secret]"  # the answer may still quote it
            go.set()
            with anyio.fail_after(10):
                while not answers or logs._secrets:
                    await anyio.sleep(0.01)
            assert answers == ["late"]


@pytest.mark.parametrize("edited", [False, True])
async def test_a_question_that_waits_for_its_turn_is_not_sent_after_a_lock(home: Path, edited: bool) -> None:
    arrived, go = anyio.Event(), anyio.Event()
    asked = 0

    async def slow(call: Call) -> None:
        nonlocal asked
        asked += 1
        arrived.set()
        await go.wait()
        data = b'{"choices": [{"index": 0, "message": {"content": "late"}, "finish_reason": "stop"}]}'
        await call.head(200, content_length=str(len(data)))
        await call.send(data)

    async with FakeProvider(default=slow) as server:
        plant(home, server.url)
        path = home / ".config" / "lokid" / "config.yaml"
        config = json.loads(path.read_text())
        config["clients"][0]["limits"] = {"concurrency": 1}
        path.write_text(json.dumps(config))
        async with running(home) as runtime, anyio.create_task_group() as group:
            ends: list[str] = []

            async def asks() -> None:
                try:
                    ends.append(await ask(runtime, "text"))
                except SecretMissing:
                    ends.append("locked")

            group.start_soon(asks)
            await arrived.wait()
            group.start_soon(asks)
            await anyio.wait_all_tasks_blocked()
            if edited:  # and its client is another one by now
                path.write_text(path.read_text().replace("/v1", "/v2", 1))
                await runtime.reload()
            await runtime.secrets.lock()
            assert logs.redact(planted("text")) == "[secret]"  # the answer may still quote it
            go.set()
            with anyio.fail_after(10):
                while len(ends) < 2:
                    await anyio.sleep(0.01)
    assert (sorted(ends), asked) == (["late", "locked"], 1)


async def test_a_sign_in_under_way_ends_with_the_lock(home: Path) -> None:
    plant(home, "http://127.0.0.1:9")
    async with running(home) as runtime, anyio.create_task_group() as group:
        begun = await runtime.auth.login("signed-in", "code")

        async def waits() -> None:
            with pytest.raises(LokidError, match="was locked"):
                await runtime.auth.finish(begun["login_id"], None)

        group.start_soon(waits)
        await anyio.wait_all_tasks_blocked()
        await runtime.secrets.lock()


async def test_no_sign_in_begins_that_was_asked_for_before_the_lock(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(home, "http://127.0.0.1:9")
    async with running(home) as runtime:

        async def locked_meanwhile(*_: object) -> Device:
            await runtime.secrets.lock()
            return Device(SecretStr("code"), "WORD", "http://127.0.0.1:9/")

        monkeypatch.setattr(login, "_device", locked_meanwhile)
        with pytest.raises(SecretMissing, match="lokid is locked"):
            await runtime.auth.login("signed-in", "device")
