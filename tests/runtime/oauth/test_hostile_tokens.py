"""A token endpoint that says what it likes: a clear error each time, no secret in it, in the log or in
what is listed; and the sign-in is still there afterwards."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, Message, Text
from lokid.errors import LokidError
from lokid.protocols.oauth2_answers import LIFE_S, MAX_LIFE_S, Token
from lokid.providers.registry import PROVIDERS
from lokid.runtime.core import Runtime
from lokid.runtime.oauth import token_requests
from lokid.runtime.oauth.tokens import Tokens
from tests.fakes.provider import Call, FakeProvider, Step, answer, bomb, redirect, reset, stream

pytestmark = pytest.mark.anyio

# Letters only: they could stand for a word of the standard's.
SECRET, REFRESH, ACCESS = "canarysecret" * 3, "canaryrefresh" * 9, "canaryaccess" * 2


def said(status: int = 200, **answers: Any) -> Step:
    return answer(status, json.dumps(answers).encode())


def good(**more: Any) -> Step:
    return said(access_token="new", token_type="Bearer", **more)


async def drip(call: Call) -> None:
    """A body that never ends, a byte at a time."""
    await call.head(200, content_type="application/json", content_length="60000")
    while not call.gone.is_set():
        await call.send(b" ")
        with anyio.move_on_after(0.01):
            await call.gone.wait()


async def large(call: Call) -> None:
    """50 MB, as long as anybody reads them."""
    await call.head(200, content_type="application/json", content_length=str(50_000_000))
    for _ in range(50_000):
        await call.send(b" " * 1000)


async def broken_off(call: Call) -> None:
    await call.head(200, content_type="application/json", content_length="60000")
    await call.send(f'{{"access_token": "{ACCESS}", '.encode())
    await call.close()


HOSTILE: dict[str, Step] = {
    "a page": answer(200, f"<html><p>{ACCESS} sign in here</p></html>".encode(), "text/html"),
    "nothing": answer(200, b""),
    "a list": answer(200, f'["{ACCESS}"]'.encode()),
    "no UTF-8": answer(200, b'{"access_token": "\xff\xfe"}'),
    "an error with status 200": said(access_token=ACCESS, error={"message": SECRET}),
    "a token of two lines": said(access_token=f"{ACCESS}\nX-Evil: 1", token_type="Bearer"),
    "a token with NUL": said(access_token=f"{ACCESS}\0", token_type="Bearer"),
    "a token that is not ASCII": said(access_token=f"{ACCESS}é", token_type="Bearer"),
    "half a character": said(access_token=f"{ACCESS}\ud800", token_type="Bearer"),
    "a token of its own kind": said(access_token=ACCESS, token_type=SECRET),
    "a long token": said(access_token="x" * 150_000, token_type="Bearer"),
    "50 MB": large,
    "a bomb": bomb(2**22),
    "a deep answer": answer(200, b'{"access_token": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "a number of 5,000 digits": answer(200, b'{"access_token": "a", "expires_in": ' + b"9" * 5000 + b"}"),
    "an echo": said(400, error="invalid_request", error_description=f"{SECRET} {REFRESH}"),
    "the secret as its code": said(400, error=SECRET),
    "the refresh token as its code": said(400, error=REFRESH),
    "both as its code": said(401, error=f"{SECRET} {REFRESH}"),
    "an echo of a broken server": said(500, error=SECRET, error_description=f"{SECRET} {REFRESH}"),
    "the end of a sign-in by a broken server": said(503, error="invalid_grant"),
    "an answer that breaks off": broken_off,
    "a stream that breaks off": stream(b'{"access_token": "', kind="application/json", end=False),
    "a reset": reset(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"),
    "no HTTP": reset(f"SSH-2.0-{SECRET}\r\n".encode()),
    "a status of its own": answer(299, b"{}"),
    "drips": drip,
}


def entry(server: FakeProvider) -> dict[str, Any]:
    return {
        "type": "openai-compatible",
        "name": "mine",
        "auth": "oauth",
        "api_base": "http://127.0.0.1:9",
        "oauth": {
            "client_id": "me",
            "client_secret": SECRET,
            "client_auth": "post",
            "token_url": f"{server.url}/token",
            "authorize_url": f"{server.url}/auth",
        },
    }


def tokens(server: FakeProvider, home: Path) -> Tokens:
    settings = PROVIDERS["openai-compatible"].settings.model_validate(entry(server))
    return Tokens(settings, {"HOME": str(home)}, str(home))


async def refreshed(made: Tokens, *, signed_in: bool = False) -> str | LokidError:
    """What the next caller gets after the provider has refused the token that there was."""
    async with anyio.create_task_group() as group:
        made.begin(group.start_soon)
        try:
            if not signed_in:
                now = time.time()
                old = Token(SecretStr("canaryold"), SecretStr(REFRESH), None, now, now + 3600)
                await made.sign_in(old)
            assert made.renew(SecretStr("canaryold"))
            with anyio.fail_after(20):
                return (await made.get()).get_secret_value()
        except LokidError as error:
            return error
        finally:
            made.close()


async def failed(made: Tokens, caplog: pytest.LogCaptureFixture) -> LokidError:
    with caplog.at_level(logging.DEBUG):
        error = await refreshed(made)
    assert isinstance(error, LokidError)
    assert "127.0.0.1" in error.message and error.hint != ""
    shown = f"{error!r} {error} {error.hint} {made.status()} {caplog.text}"
    assert "canary" not in shown and "Traceback" not in shown and "bug of lokid" not in shown
    return error


@pytest.mark.parametrize("step", HOSTILE.values(), ids=[name.replace(" ", "_") for name in HOSTILE])
async def test_is_a_clear_error_that_shows_no_secret_and_ends_no_sign_in(
    step: Step, home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if step is drip:
        monkeypatch.setattr(token_requests, "WITHIN", 0.2)
    async with FakeProvider(default=step) as server:
        error = await failed(tokens(server, home), caplog)
        if step is drip:
            assert "did not answer a token request within" in error.message
        assert sum(call.sent for call in server.calls) < 10_000_000, "read to its end"
        server.default = good()
        assert await refreshed(tokens(server, home), signed_in=True) == "new"
        sent = parse_qs(server.requests[-1].body.decode())
        assert sent["refresh_token"] == [REFRESH]


async def test_that_sends_elsewhere_is_not_followed(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeProvider(default=good()) as other:
        there = f"http://localhost:{other.port}/token?{SECRET}"
        async with FakeProvider(default=redirect(there)) as server:
            await failed(tokens(server, home), caplog)
        assert other.requests == []


@pytest.mark.parametrize("life", [-5, 0, float("nan"), float("inf"), 1e300, 10**400, "soon", "nan", None, []])
async def test_a_life_that_makes_no_sense_is_an_ordinary_one_or_the_longest(life: Any, home: Path) -> None:
    async with FakeProvider(default=good(expires_in=life)) as server:
        made = tokens(server, home)
        assert await refreshed(made) == "new"
        status = made.status()
    assert status["expires_at"] - status["obtained_at"] == pytest.approx(
        MAX_LIFE_S if life == 1e300 else LIFE_S
    )


ODD_SCOPES = [
    "é" * 20_000,
    "s" * 65_390,
    "half \ud800",
    "\x1b[2J",
    ["a"],
    f"all {REFRESH}",
    f"{ACCESS} {SECRET}",
]


@pytest.mark.parametrize("scope", ODD_SCOPES, ids=range(len(ODD_SCOPES)))
async def test_an_odd_scope_costs_no_sign_in_and_shows_no_secret(scope: Any, home: Path) -> None:
    odd = {"access_token": ACCESS, "token_type": "Bearer", "refresh_token": "canarynext", "scope": scope}
    raw = json.dumps(odd, ensure_ascii="\ud800" in str(scope)).encode()
    async with FakeProvider(default=answer(200, raw)) as server:
        made = tokens(server, home)
        assert await refreshed(made) == ACCESS
        again = tokens(server, home)
        assert again.status()["state"] == "signed_in" and again.status()["refreshes"]
        for status in (made.status(), again.status()):
            assert "canary" not in str(status)
            str(status).encode()
    [path] = home.rglob("mine.json")
    assert json.loads(path.read_text())["refresh_token"] == "canarynext"


@pytest.mark.parametrize("nothing", [None, "", False])
async def test_an_error_that_is_none_is_none(nothing: Any, home: Path) -> None:
    async with FakeProvider(default=good(error=nothing, refresh_token="next")) as server:
        assert await refreshed(tokens(server, home)) == "new"


async def test_what_is_said_twice_is_what_was_said_last(home: Path) -> None:
    text = b'{"access_token": "first", "token_type": "mac", "access_token": "last", "token_type": "bearer"}'
    async with FakeProvider(default=answer(200, text)) as server:
        assert await refreshed(tokens(server, home)) == "last"


@pytest.mark.parametrize("step", ["the secret as its code", "a page", "an error with status 200"])
async def test_shows_no_secret_to_who_asks_and_none_in_the_list_of_clients(
    step: str, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def nothing(*_: object) -> None:
        pass

    asked = ChatRequest("mine:m", (Message("user", (Text("hello"),)),))
    async with FakeProvider(default=HOSTILE[step]) as server, anyio.create_task_group() as group:
        config = home / "config.yaml"
        config.write_text(json.dumps({"clients": [entry(server)]}))
        runtime = Runtime({"LOKID_CONFIG": str(config), "HOME": str(home)}, builtin=False)
        with caplog.at_level(logging.DEBUG):
            await group.start(lambda task_status: runtime.run(task_status=task_status))
            held = runtime.generation.clients["mine"].tokens
            assert held is not None
            now = time.time()
            await held.sign_in(Token(SecretStr("canaryold"), SecretStr(REFRESH), None, now - 3600, now - 1))
            with pytest.raises(LokidError) as caught:
                await runtime.chat(asked, emit=nothing, accepted=nothing)
            [row] = runtime.list_clients()
        group.cancel_scope.cancel()
    assert caught.value.code == "provider_error" and row["name"] == "mine"
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.hint} {row} {caplog.text}"
