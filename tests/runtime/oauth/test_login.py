"""Signing in at an authorization server that nobody here wrote."""

from __future__ import annotations

import json
import os
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from lokid.chat import ChatRequest, ChatResult, Message, Text
from lokid.errors import (
    AuthenticationFailed,
    Cancelled,
    ConfigInvalid,
    InvalidParams,
    LoginRequired,
    Overloaded,
    ProviderUnavailable,
    TimedOut,
    UnknownModel,
    Unsupported,
)
from lokid.protocols import oauth2_answers
from lokid.runtime.core import Runtime
from lokid.runtime.oauth import login
from lokid.runtime.oauth.login import MAX_LOGINS
from tests.fakes.authorization import AuthorizationServer, Person, serving

pytestmark = [pytest.mark.anyio, pytest.mark.external]


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    with serving(TTL="3600") as running:
        yield running


@asynccontextmanager
async def runtime_of(home: Path, *clients: dict[str, Any]) -> AsyncIterator[Runtime]:
    config = home / "config.yaml"
    config.write_text(json.dumps({"clients": clients}))
    config.chmod(0o600)
    runtime = Runtime({"LOKID_CONFIG": str(config), "HOME": str(home)}, builtin=False)
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: runtime.run(task_status=task_status))
        yield runtime
        group.cancel_scope.cancel()


async def ask(runtime: Runtime) -> str:
    async def accepted() -> None:
        pass

    async def emit(_: object) -> None:
        pass

    request = ChatRequest("mine:m", (Message("user", (Text("hello"),)),))
    result = await runtime.chat(request, emit=emit, accepted=accepted)
    assert isinstance(result, ChatResult)
    return result.answer.message.text


def token_file(home: Path) -> Path:
    return home / ".local/state/lokid/tokens/mine.json"


in_thread = anyio.to_thread.run_sync


async def sign_in(runtime: Runtime) -> dict[str, Any]:
    begun = await runtime.auth.login("mine", None)
    page = await in_thread(Person().visit, begun["url"])
    assert "You can close this page" in page
    return await runtime.auth.finish(begun["login_id"], None)


class TestByBrowser:
    @pytest.mark.parametrize("client_id", ["public", "secret"])
    async def test_signs_in_and_the_next_question_is_answered(
        self, server: AuthorizationServer, home: Path, client_id: str
    ) -> None:
        async with runtime_of(home, server.client(client_id)) as runtime:
            with pytest.raises(LoginRequired) as caught:
                await ask(runtime)
            assert caught.value.hint == "lokictl auth login mine"
            begun = await runtime.auth.login("mine", None)
            assert begun["method"] == "browser"
            assert "code_challenge_method=S256" in begun["url"]
            page = await in_thread(Person().visit, begun["url"])
            assert "You can close this page" in page
            status = await runtime.auth.finish(begun["login_id"], None)
            assert (status["client"], status["state"], status["refreshes"]) == ("mine", "signed_in", True)
            assert await ask(runtime) == "hi"
            assert runtime.list_clients()[0]["state"] == "ready"
            assert [row["state"] for row in runtime.auth.status(None)] == ["signed_in"]
        last = server.seen()[-1]
        assert last["grant"] == "authorization_code"
        assert last["type"] == "application/x-www-form-urlencoded"

    async def test_keeps_the_tokens_where_only_the_user_can_read_them(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        async with runtime_of(home, server.client()) as runtime:
            await sign_in(runtime)
        path = token_file(home)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert not [name for name in os.listdir(path.parent) if name.endswith(".tmp")]
        found = json.loads(path.read_text())
        assert (found["v"], found["gen"], found["client_id"]) == (1, 1, "public")
        assert found["refreshing"] is None and found["refresh_token"]

    @pytest.mark.parametrize("when", ["before", "meanwhile"])
    async def test_is_not_done_in_vain_where_no_token_can_be_saved(
        self, server: AuthorizationServer, home: Path, when: str
    ) -> None:
        used = len(server.seen())
        in_the_way = token_file(home).with_name("mine.json.lock")
        async with runtime_of(home, server.client()) as runtime:
            if when == "before":
                in_the_way.mkdir(parents=True)
            with pytest.raises(ProviderUnavailable, match=r"could not be saved in .*mine\.json") as caught:
                begun = await runtime.auth.login("mine", None)
                in_the_way.unlink()
                in_the_way.mkdir()
                await in_thread(Person().visit, begun["url"])
                await runtime.auth.finish(begun["login_id"], None)
            assert "lokictl auth login mine" in str(caught.value.hint)
            assert len(server.seen()) == used
            in_the_way.rmdir()
            assert (await sign_in(runtime))["state"] == "signed_in"

    async def test_by_localhost_works_too(self, server: AuthorizationServer, home: Path) -> None:
        async with runtime_of(home, server.client(redirect="http://localhost/cb")) as runtime:
            assert (await sign_in(runtime))["state"] == "signed_in"

    async def test_outlives_the_daemon(self, server: AuthorizationServer, home: Path) -> None:
        async with runtime_of(home, server.client()) as runtime:
            await sign_in(runtime)
        before = len(server.seen())
        async with runtime_of(home, server.client()) as runtime:
            assert await ask(runtime) == "hi"
        assert len(server.seen()) == before

    async def test_that_is_refused_says_so(self, home: Path) -> None:
        with serving(DENY="1") as server:
            async with runtime_of(home, server.client()) as runtime:
                begun = await runtime.auth.login("mine", "browser")
                assert "refused" in await in_thread(Person().visit, begun["url"])
                with pytest.raises(LoginRequired, match="access_denied"):
                    await runtime.auth.finish(begun["login_id"], None)


class TestByPastedCode:
    async def test_takes_the_address_that_the_browser_ended_at(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        async with runtime_of(home, server.client()) as runtime:
            begun = await runtime.auth.login("mine", "code")
            ended = await in_thread(Person().address, begun["url"], "/cb?")
            with pytest.raises(InvalidParams, match="state"):
                await runtime.auth.finish(begun["login_id"], "a-code#not-the-state")
            status = await runtime.auth.finish(begun["login_id"], f"  {ended}\n")
            assert status["state"] == "signed_in"
            assert await ask(runtime) == "hi"

    async def test_takes_a_code_with_its_state_from_a_page_elsewhere(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        elsewhere = "https://elsewhere.example/shown"
        async with runtime_of(home, server.client(redirect=elsewhere)) as runtime:
            begun = await runtime.auth.login("mine", None)
            assert begun["method"] == "code"
            ended = await in_thread(Person().address, begun["url"], elsewhere)
            fields = dict(pair.split("=") for pair in ended.partition("?")[2].split("&"))
            status = await runtime.auth.finish(begun["login_id"], f"{fields['code']}#{fields['state']}")
            assert status["state"] == "signed_in"

    async def test_a_code_is_good_for_one_exchange(self, server: AuthorizationServer, home: Path) -> None:
        async with runtime_of(home, server.client()) as runtime:
            begun = await runtime.auth.login("mine", "code")
            ended = await in_thread(Person().address, begun["url"], "/cb?")
            await runtime.auth.finish(begun["login_id"], ended)
            count = len(server.seen("authorization_code"))
            assert (await runtime.auth.finish(begun["login_id"], ended))["state"] == "signed_in"
            assert len(server.seen("authorization_code")) == count


class TestBeginningAnew:
    async def test_ends_the_sign_in_that_nobody_finished_and_frees_its_port(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        async with runtime_of(home, server.client(redirect=f"http://127.0.0.1:{port}/cb")) as runtime:
            first = await runtime.auth.login("mine", None)
            second = await runtime.auth.login("mine", None)
            with pytest.raises(Cancelled, match="took the place"):
                await runtime.auth.finish(first["login_id"], None)
            await in_thread(Person().visit, second["url"])
            assert (await runtime.auth.finish(second["login_id"], None))["state"] == "signed_in"

    async def test_with_a_port_that_another_program_has_says_so(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            async with runtime_of(home, server.client(redirect=f"http://127.0.0.1:{port}/cb")) as runtime:
                with pytest.raises(ProviderUnavailable, match=f"port {port} is taken") as caught:
                    await runtime.auth.login("mine", None)
                assert caught.value.hint is not None and "--no-browser" in caught.value.hint
                begun = await runtime.auth.login("mine", "code")
                ended = await in_thread(Person().address, begun["url"], "/cb?")
                assert (await runtime.auth.finish(begun["login_id"], ended))["state"] == "signed_in"

    async def test_has_an_end(self, server: AuthorizationServer, home: Path) -> None:
        clients = [{**server.client(), "name": f"c{number}"} for number in range(MAX_LOGINS + 1)]
        async with runtime_of(home, *clients) as runtime:
            for client in clients[:-1]:
                await runtime.auth.login(client["name"], None)
            with pytest.raises(Overloaded, match="under way already"):
                await runtime.auth.login(clients[-1]["name"], None)
            await runtime.auth.login("c0", None)

    async def test_nobody_is_waited_for_longer_than_that(
        self, server: AuthorizationServer, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(login, "WITHIN_S", 0.1)
        async with runtime_of(home, server.client()) as runtime:
            begun = await runtime.auth.login("mine", None)
            with pytest.raises(TimedOut, match="in time"):
                await runtime.auth.finish(begun["login_id"], None)


class TestOnAnotherDevice:
    async def test_waits_until_the_person_agreed(
        self, server: AuthorizationServer, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def impatient(status: int, body: bytes) -> Any:
            return replace(read(status, body), interval_s=0.2)  # this server means the five of the RFC

        read = oauth2_answers.device
        monkeypatch.setattr(oauth2_answers, "device", impatient)
        async with runtime_of(home, server.client()) as runtime:
            begun = await runtime.auth.login("mine", "device")
            assert begun["method"] == "device" and begun["user_code"]
            await in_thread(Person().confirm, begun["url"])
            assert (await runtime.auth.finish(begun["login_id"], None))["state"] == "signed_in"
            assert await ask(runtime) == "hi"

    async def test_takes_no_code(self, server: AuthorizationServer, home: Path) -> None:
        async with runtime_of(home, server.client()) as runtime:
            begun = await runtime.auth.login("mine", "device")
            with pytest.raises(InvalidParams, match="takes no code"):
                await runtime.auth.finish(begun["login_id"], "code#state")


class TestWithoutAPerson:
    async def test_client_credentials_are_asked_for_when_first_needed(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        mine = server.client("secret", grant="client_credentials", scopes=["api"])
        count = len(server.seen("client_credentials"))
        async with runtime_of(home, mine) as runtime:
            assert runtime.list_clients()[0]["state"] == "ready"
            assert len(server.seen("client_credentials")) == count
            for _ in range(3):
                assert await ask(runtime) == "hi"
            assert len(server.seen("client_credentials")) == count + 1
            with pytest.raises(InvalidParams, match="needs no sign-in"):
                await runtime.auth.login("mine", None)

    async def test_a_wrong_secret_is_said_to_be_one(self, server: AuthorizationServer, home: Path) -> None:
        mine = server.client("secret", grant="client_credentials", client_secret="canary-wrong-secret")
        async with runtime_of(home, mine) as runtime:
            with pytest.raises(AuthenticationFailed, match="invalid_client") as caught:
                await ask(runtime)
            assert "canary" not in str(caught.value)


class TestSigningOut:
    async def test_removes_the_tokens_and_tells_the_server(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        async with runtime_of(home, server.client()) as runtime:
            await sign_in(runtime)
            assert await runtime.auth.logout("mine") == {"client": "mine", "revoked": True}
            assert not token_file(home).exists()
            with pytest.raises(LoginRequired, match="nobody signed in"):
                await ask(runtime)

    async def test_at_another_daemon_is_seen(self, server: AuthorizationServer, home: Path) -> None:
        mine = server.client()
        async with runtime_of(home, mine) as one, runtime_of(home, mine) as other:
            await sign_in(one)
            assert await ask(other) == "hi"
            assert other.auth.status("mine")[0]["state"] == "signed_in"
            await one.auth.logout("mine")
            assert other.auth.status("mine")[0]["state"] == "needs_login"


class TestAServerThatIsStrict:
    """What the authorization server of these tests insists on, so that they prove something."""

    async def test_wants_pkce(self, server: AuthorizationServer) -> None:
        url = f"{server.issuer}/auth?client_id=public&response_type=code&redirect_uri=http://127.0.0.1/cb&state=x"
        ended = await in_thread(Person().address, url, "/cb?")
        assert "error=invalid_request" in ended and "PKCE" in ended

    async def test_takes_no_json(self, server: AuthorizationServer) -> None:
        body = json.dumps({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "public"})
        status, answer = await in_thread(post, f"{server.issuer}/token", body.encode(), "application/json")
        assert (status, answer["error"]) == (400, "invalid_request")

    async def test_ends_the_sign_in_when_a_refresh_token_is_used_twice(
        self, server: AuthorizationServer, home: Path
    ) -> None:
        """As when an old backup of the token file is put back."""
        async with runtime_of(home, server.client()) as runtime:
            await sign_in(runtime)
        path = token_file(home)
        backup = {**json.loads(path.read_text()), "expires_at": 0}
        path.write_text(json.dumps(backup))
        async with runtime_of(home, server.client()) as runtime:
            assert await ask(runtime) == "hi"
        newest = json.loads(path.read_text())
        path.write_text(json.dumps(backup))
        async with runtime_of(home, server.client()) as runtime:
            with pytest.raises(LoginRequired, match="revoked or has run out"):
                await ask(runtime)
        path.write_text(json.dumps({**newest, "expires_at": 0}))
        async with runtime_of(home, server.client()) as runtime:
            with pytest.raises(LoginRequired, match="revoked or has run out"):
                await ask(runtime)
            assert (await sign_in(runtime))["state"] == "signed_in"
            assert await ask(runtime) == "hi"


def post(url: str, body: bytes, kind: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, body, {"content-type": kind}), timeout=10
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class TestWhatIsNotConfigured:
    async def test_has_a_reason_and_a_clear_error(self, server: AuthorizationServer, home: Path) -> None:
        plain = {"type": "openai-compatible", "name": "plain", "api_base": "http://127.0.0.1:9"}
        google = {"type": "gemini", "auth": "oauth"}
        nowhere = {"type": "cohere", "auth": "oauth"}
        device = {**server.client(), "name": "device", "type": "cohere"}
        device["oauth"] = {key: value for key, value in device["oauth"].items() if key != "authorize_url"}
        async with runtime_of(home, plain, google, nowhere, device) as runtime:
            with pytest.raises(InvalidParams, match="does not have `auth: oauth`"):
                await runtime.auth.login("plain", None)
            with pytest.raises(ConfigInvalid, match=r"no oauth\.client_id"):
                await runtime.auth.login("gemini", None)
            with pytest.raises(ConfigInvalid, match="nothing says where to sign in"):
                await runtime.auth.login("cohere", None)
            with pytest.raises(Unsupported, match=r"no oauth\.authorize_url"):
                await runtime.auth.login("device", "browser")
            assert (await runtime.auth.login("device", None))["method"] == "device"
            with pytest.raises(UnknownModel, match="did you mean 'plain'"):
                await runtime.auth.login("plane", None)
            with pytest.raises(InvalidParams, match="no such sign-in"):
                await runtime.auth.finish("unknown", None)
            states = {row["name"]: row["state"] for row in runtime.list_clients()}
            assert states["gemini"] == states["cohere"] == "needs_login"
