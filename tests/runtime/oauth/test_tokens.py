"""One refresher: always a live token, and one request for it however many want it."""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import anyio
import pytest
from pydantic import SecretStr

from lokid.errors import AuthenticationFailed, LoginRequired, LokidError, ProviderUnavailable
from lokid.protocols.oauth2_answers import Token
from lokid.providers.registry import PROVIDERS
from lokid.runtime.network import lean
from lokid.runtime.oauth import refresher, token_file
from lokid.runtime.oauth import tokens as module
from lokid.runtime.oauth.held import Clock
from lokid.runtime.oauth.tokens import Tokens
from tests.fakes.provider import Call, FakeProvider, Step, answer, close, redirect

pytestmark = pytest.mark.anyio

LIFE = 1000.0  # the last 200 s are for refreshing
HOUR = 3600.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task looks often, since only the clock of the test moves on."""
    monkeypatch.setattr(refresher, "RECHECK_S", 0.01)
    monkeypatch.setattr(module, "SAVE_PAUSE_S", 0.01)


@dataclass
class Time:
    running: float = 50.0
    wall: float = 1.8e9

    def clock(self) -> Clock:
        return Clock(lambda: self.running, lambda: self.wall)

    def passes(self, seconds: float) -> None:
        self.running += seconds
        self.wall += seconds


@dataclass
class Issuer:
    """A token endpoint that numbers its tokens: a1 r1, a2 r2, ... and knows which refresh token is next."""

    home: Path
    more: dict[str, Any] = field(default_factory=lambda: {"expires_in": LIFE})
    count: int = 0
    used: list[str] = field(default_factory=list)
    intents: list[Any] = field(default_factory=list)
    go: anyio.Event | None = None
    """Answers wait for it."""
    rotate: bool = True

    async def step(self, call: Call) -> None:
        form = dict(parse_qsl(call.request.body.decode()))
        self.used.append(form.get("refresh_token", form["grant_type"]))
        self.intents.append(saved(self.home).get("refreshing") if file(self.home).exists() else None)
        if self.go is not None:
            await self.go.wait()
        self.count += 1
        said = {"access_token": f"a{self.count}", "token_type": "Bearer", **self.more}
        if self.rotate:
            said["refresh_token"] = f"r{self.count}"
        await answer(200, json.dumps(said).encode())(call)


def file(home: Path) -> Path:
    return home / ".local/state/lokid/tokens/mine.json"


def saved(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file(home).read_text())
    return found


def refuse(error: str, status: int = 400) -> Step:
    return answer(status, json.dumps({"error": error, "error_description": "canary"}).encode())


@dataclass
class Case:
    home: Path
    time: Time
    issuer: Issuer
    server: FakeProvider

    def tokens(self, unsaved: module.Unsaved | None = None, **oauth: Any) -> Tokens:
        settings = PROVIDERS["openai-compatible"].settings.model_validate(
            {
                "type": "openai-compatible",
                "name": "mine",
                "auth": "oauth",
                "api_base": "http://127.0.0.1:9",
                "oauth": {
                    "client_id": "me",
                    "token_url": f"{self.server.url}/token",
                    "authorize_url": f"{self.server.url}/auth",
                    **oauth,
                },
            }
        )
        home = str(self.home)
        return Tokens(settings, {"HOME": home}, home, unsaved=unsaved, clock=self.time.clock())

    @asynccontextmanager
    async def running(self, unsaved: module.Unsaved | None = None, **oauth: Any) -> AsyncIterator[Tokens]:
        tokens = self.tokens(unsaved, **oauth)
        async with anyio.create_task_group() as group:
            tokens.begin(group.start_soon)
            yield tokens
            tokens.close()

    @asynccontextmanager
    async def signed_in(self, **oauth: Any) -> AsyncIterator[Tokens]:
        """With a0 and r0, obtained now."""
        async with self.running(**oauth) as tokens:
            now = self.time.wall
            await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), "s", now, now + LIFE))
            yield tokens


@pytest.fixture
async def case(home: Path) -> AsyncIterator[Case]:
    issuer = Issuer(home)
    async with FakeProvider(default=issuer.step) as server:
        yield Case(home, Time(), issuer, server)


async def get(tokens: Tokens) -> str:
    return (await tokens.get()).get_secret_value()


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.005)


class TestRefreshing:
    async def test_of_twenty_callers_at_expiry_is_one_request(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            got: list[str] = []

            async def call() -> None:
                got.append(await get(tokens))

            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(call)
            assert got == ["a1"] * 20
            assert case.issuer.used == ["r0"]

    async def test_happens_ahead_while_callers_go_on_with_the_live_token(self, case: Case) -> None:
        case.issuer.go = anyio.Event()
        async with case.signed_in() as tokens:
            case.time.passes(LIFE * 0.7)
            await anyio.sleep(0.05)
            assert case.issuer.used == []
            case.time.passes(LIFE * 0.11)
            await until(lambda: case.issuer.used == ["r0"])
            assert await get(tokens) == "a0"
            case.issuer.go.set()
            await until(lambda: tokens.status()["obtained_at"] == case.time.wall)
            assert await get(tokens) == "a1"

    async def test_of_a_long_life_begins_ten_minutes_before_its_end(self, case: Case) -> None:
        async with case.running() as tokens:
            now = case.time.wall
            await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), None, now, now + 8 * HOUR))
            case.time.passes(8 * HOUR - 610)
            await anyio.sleep(0.05)
            assert case.issuer.used == []
            case.time.passes(20)
            await until(lambda: case.issuer.used == ["r0"])

    async def test_goes_on_with_every_new_refresh_token(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            for number in range(1, 6):
                case.time.passes(LIFE + 1)
                assert await get(tokens) == f"a{number}"
        assert case.issuer.used == ["r0", "r1", "r2", "r3", "r4"]
        assert saved(case.home)["gen"] == 6

    async def test_keeps_the_refresh_token_of_a_server_that_sends_no_new_one(self, case: Case) -> None:
        case.issuer.rotate = False
        case.issuer.more = {}
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a1"
            case.time.passes(HOUR + 1)
            assert await get(tokens) == "a2"
        assert case.issuer.used == ["r0", "r0"]

    async def test_says_so_on_disk_before_and_saves_the_answer_before_it_is_used(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a1"
            found = saved(case.home)
            assert (found["access_token"], found["refresh_token"], found["refreshing"]) == ("a1", "r1", None)
            assert stat.S_IMODE(file(case.home).stat().st_mode) == 0o600
        [intent] = case.issuer.intents
        assert (intent["gen"], intent["tries"]) == (1, 1)

    async def test_is_not_broken_off_by_a_caller_that_leaves(self, case: Case) -> None:
        case.issuer.go = anyio.Event()
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            with anyio.move_on_after(0.05):
                await tokens.get()
            await until(lambda: case.issuer.used == ["r0"])
            case.issuer.go.set()
            assert await get(tokens) == "a1"
        assert case.issuer.used == ["r0"]

    async def test_is_not_broken_off_between_request_and_disk_by_the_end_of_the_daemon(
        self, case: Case
    ) -> None:
        case.issuer.go = anyio.Event()
        tokens = case.tokens()
        now = case.time.wall
        async with anyio.create_task_group() as group:
            tokens.begin(group.start_soon)
            await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), None, now, now + LIFE))
            case.time.passes(LIFE + 1)
            await until(lambda: case.issuer.used == ["r0"])
            group.cancel_scope.cancel()
            case.issuer.go.set()
        assert saved(case.home)["refresh_token"] == "r1"

    async def test_of_client_credentials_needs_no_refresh_token(self, case: Case) -> None:
        case.issuer.rotate = False
        async with case.running(grant="client_credentials", client_secret="s") as tokens:
            assert [await get(tokens), await get(tokens)] == ["a1", "a1"]
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a2"
        assert case.issuer.used == ["client_credentials"] * 2

    @pytest.mark.parametrize("word", ["invalid_grant", "access_denied", "expired_token"])
    async def test_of_client_credentials_that_is_refused_is_mended_in_the_configuration(
        self, case: Case, word: str
    ) -> None:
        """There is nothing to sign in to."""
        case.server.will(refuse(word))
        async with case.running(grant="client_credentials", client_secret="s") as tokens:
            with pytest.raises(AuthenticationFailed, match=word) as caught:
                await get(tokens)
            assert (
                caught.value.hint == "check client_id, client_secret and scopes in `oauth` of client 'mine'"
            )
            row = tokens.status()
            assert row["state"] == "needs_login" and word in row["reason"]

    async def test_that_nobody_waits_for_comes_not_more_often_than_twice_a_minute(self, case: Case) -> None:
        """A server may give a token a second; who asks gets a new one at once all the same."""
        case.issuer.more = {"expires_in": 1}
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            for second in range(60):
                case.time.passes(1)
                await anyio.sleep(0.03)  # the task looks three times
                if second == 45:
                    used = len(case.issuer.used)
                    await get(tokens)
                    assert len(case.issuer.used) == used + 1
        assert 2 <= len(case.issuer.used) <= 4

    async def test_by_two_daemons_is_one_request(self, case: Case) -> None:
        async with case.signed_in() as one, case.running() as other:
            case.time.passes(LIFE + 1)
            got: list[str] = []

            async def call(tokens: Tokens) -> None:
                got.append(await get(tokens))

            async with anyio.create_task_group() as group:
                for tokens in (one, other) * 5:
                    group.start_soon(call, tokens)
            assert got == ["a1"] * 10
        assert case.issuer.used == ["r0"]


class TestAServerThatIsDown:
    @pytest.mark.parametrize("step", [close(), answer(503), refuse("invalid_grant", 500), redirect("/x")])
    async def test_costs_nobody_the_live_token_and_is_asked_less_and_less(
        self, case: Case, step: Step
    ) -> None:
        case.server.default = step
        async with case.signed_in() as tokens:
            refreshing = tokens._refresher
            case.time.passes(LIFE * 0.81)
            for number, longest in enumerate((5, 10, 20, 40, 80, 160, 300, 300), 1):
                await until(lambda number=number: refreshing._failures == number)
                left = refreshing.pause()
                assert longest * 0.8 <= left <= longest
                asked = len(case.server.requests)
                case.time.passes(left - 0.5)
                if number < 5:
                    assert await get(tokens) == "a0"
                if number > 6:
                    with pytest.raises(LokidError) as caught:
                        await tokens.get()
                    assert caught.value.retry_after_s == pytest.approx(0.5)
                await anyio.sleep(0.02)
                assert len(case.server.requests) == asked
                assert saved(case.home)["refresh_token"] == "r0" and saved(case.home)["refreshing"] is None
                if number == 8:
                    case.server.default = case.issuer.step
                case.time.passes(1)
            await until(lambda: refreshing.failure is None)
            assert await get(tokens) == "a1"

    @pytest.mark.parametrize(
        ("where", "what", "number", "why"),
        [
            (lean, "dial", errno.EHOSTUNREACH, "no route"),
            (token_file, "save", errno.ENOSPC, "no space left"),
        ],
    )
    async def test_to_which_there_was_no_way_is_tried_soon_for_who_asks(
        self, case: Case, monkeypatch: pytest.MonkeyPatch, where: Any, what: str, number: int, why: str
    ) -> None:
        """The network or the room on the disk is back, and a caller would hear for minutes that it is not."""

        async def fails(*_: Any) -> Any:
            raise OSError(number, os.strerror(number))

        async with case.signed_in() as tokens:
            with monkeypatch.context() as offline:
                offline.setattr(where, what, fails)
                case.time.passes(LIFE + 1)
                for times in range(1, 8):
                    await until(lambda times=times: tokens._refresher._failures == times)
                    with pytest.raises(ProviderUnavailable, match=why) as caught:
                        await tokens.get()
                    assert caught.value.retry_after_s is not None and caught.value.retry_after_s <= 5
                    case.time.passes(refresher.LONGEST_BACKOFF_S if times < 7 else refresher.UNSENT_S)
            assert await get(tokens) == "a1"

    async def test_of_which_nobody_knows_is_an_error_of_its_own(self, case: Case) -> None:
        tokens = case.tokens()
        now = case.time.wall
        await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), None, now, now + LIFE))
        case.time.passes(LIFE + 1)
        with pytest.raises(ProviderUnavailable, match="lokid starts"):
            await tokens.get()

    async def test_a_wrong_client_is_said_to_be_one_and_no_sign_in_is_lost(self, case: Case) -> None:
        case.server.default = refuse("invalid_client", 401)
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            with pytest.raises(AuthenticationFailed, match=r"client id .*invalid_client") as caught:
                await tokens.get()
            assert "canary" not in str(caught.value)
        assert saved(case.home)["refresh_token"] == "r0" and saved(case.home)["refused_at"] is None


class TestASignInThatIsOver:
    async def test_is_asked_for_anew_and_never_tried_again(self, case: Case) -> None:
        case.server.default = refuse("invalid_grant")
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            for _ in range(3):
                with pytest.raises(LoginRequired, match="revoked or has run out") as caught:
                    await tokens.get()
            assert caught.value.hint == "lokictl auth login mine"
            assert tokens.status()["state"] == "needs_login"
        async with case.running() as again:  # nor by the next daemon
            with pytest.raises(LoginRequired):
                await again.get()
        assert len(case.server.requests) == 1

    async def test_does_not_take_the_live_token_away(self, case: Case) -> None:
        case.server.default = refuse("invalid_grant")
        async with case.signed_in() as tokens:
            case.time.passes(LIFE * 0.81)
            await until(lambda: saved(case.home)["refused_at"] is not None)
            assert await get(tokens) == "a0"
            tokens.check()

    async def test_is_mended_by_another_one(self, case: Case) -> None:
        case.server.will(refuse("invalid_grant"))
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            with pytest.raises(LoginRequired):
                await tokens.get()
            now = case.time.wall
            await tokens.sign_in(Token(SecretStr("b0"), SecretStr("q0"), None, now, now + LIFE))
            assert await get(tokens) == "b0"
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a1"
        assert case.issuer.used == ["q0"]

    async def test_without_a_refresh_token_has_run_out(self, case: Case) -> None:
        async with case.running() as tokens:
            now = case.time.wall
            await tokens.sign_in(Token(SecretStr("a0"), None, None, now, now + LIFE))
            assert await get(tokens) == "a0"
            case.time.passes(LIFE + 1)
            with pytest.raises(LoginRequired, match="has run out"):
                await tokens.get()
        assert case.server.requests == []

    async def test_a_key_never_is(self, case: Case) -> None:
        async with case.running() as tokens:
            await tokens.sign_in(Token(SecretStr("sk-0"), None, None, case.time.wall, None))
            case.time.passes(1e9)
            assert await get(tokens) == "sk-0"
            assert not tokens.renew(SecretStr("sk-0"))


class TestA401:
    async def test_costs_one_refresh_for_all_who_sent_that_token(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            assert tokens.renew(SecretStr("a0"))
            assert await get(tokens) == "a1"
            assert tokens.renew(SecretStr("a0"))  # a slower one: the new token is there already
            assert await get(tokens) == "a1"
            assert case.issuer.used == ["r0"]

    async def test_of_the_new_token_too_is_final_for_a_while(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            assert tokens.renew(SecretStr("a0"))
            assert await get(tokens) == "a1"
            assert not tokens.renew(SecretStr("a1"))
            assert await get(tokens) == "a1"
            case.time.passes(61)
            assert tokens.renew(SecretStr("a1"))
            assert await get(tokens) == "a2"

    async def test_of_a_token_that_the_server_gives_again_is_final_and_no_storm(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            case.issuer.more["access_token"] = "a0"
            assert tokens.renew(SecretStr("a0"))
            assert await get(tokens) == "a0"
            assert not tokens.renew(SecretStr("a0"))
            assert tokens._due_in() > 0
            assert case.issuer.used == ["r0"]

    async def test_without_anybody_signed_in_is_final(self, case: Case) -> None:
        assert not case.tokens().renew(SecretStr("a0"))


class TestClocks:
    @pytest.mark.parametrize("jump", [86400.0, -86400.0])
    async def test_that_are_set_make_no_token_older_or_younger(self, case: Case, jump: float) -> None:
        async with case.signed_in() as tokens:
            case.time.wall += jump
            await anyio.sleep(0.05)
            assert await get(tokens) == "a0"
            assert case.issuer.used == []
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a1"

    async def test_that_are_set_back_before_a_start_give_no_token_more_life(self, case: Case) -> None:
        async with case.signed_in():
            pass
        case.time.wall -= 86400
        async with case.running() as tokens:
            assert await get(tokens) == "a0"
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a1"

    async def test_that_were_set_forward_before_a_start_cost_one_refresh(self, case: Case) -> None:
        async with case.signed_in():
            pass
        case.time.wall += 86400
        async with case.running() as tokens:
            assert await get(tokens) == "a1"
            case.time.wall -= 86400
            await anyio.sleep(0.05)
            assert await get(tokens) == "a1"
        async with case.running() as tokens:  # its file says that it was obtained tomorrow
            assert await get(tokens) == "a1"
            assert case.issuer.used == ["r0"]
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a2"

    async def test_that_jump_to_and_fro_make_no_storm(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            for jump in (86400.0, -86400.0) * 5:
                case.time.wall += jump
                await anyio.sleep(0.02)
                assert await get(tokens) == "a0"
            assert case.issuer.used == []

    async def test_after_a_suspend_nobody_gets_the_old_token(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            case.time.passes(8 * HOUR)
            assert await get(tokens) == "a1"

    async def test_of_servers_count_whole_seconds(self, case: Case) -> None:
        """oidc-provider says 3 s of what ends after 2.1 s."""
        case.issuer.more = {"expires_in": 3}
        async with case.running() as tokens:
            now = case.time.wall
            await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), "s", now, now + 3))
            case.time.passes(1.5)
            await until(lambda: case.issuer.used == ["r0"])
            case.time.passes(0.6)
            assert await get(tokens) == "a1"

    async def test_a_token_about_to_end_is_not_sent(self, case: Case) -> None:
        case.issuer.go = anyio.Event()
        case.issuer.go.set()
        async with case.signed_in() as tokens:
            case.time.passes(LIFE - 4)
            assert await get(tokens) == "a1"


class TestAfterACrash:
    @pytest.mark.parametrize("tries", [1, 2])
    async def test_the_old_refresh_token_is_tried_once_more_and_then_never(
        self, case: Case, tries: int
    ) -> None:
        async with case.signed_in():
            pass
        found = saved(case.home)
        found["refreshing"] = {"gen": 1, "at": 1.7e9, "tries": tries}
        file(case.home).write_text(json.dumps(found))
        case.time.passes(LIFE + 1)
        async with case.running() as tokens:
            if tries == 1:
                assert await get(tokens) == "a1"
                assert case.issuer.intents == [{"gen": 1, "at": case.time.wall, "tries": 2}]
            else:
                with pytest.raises(LoginRequired, match=r"lost at 2023-11-14 22:13:20 UTC"):
                    await tokens.get()
                assert case.server.requests == []

    async def test_what_a_killed_writer_left_is_swept(self, case: Case) -> None:
        async with case.signed_in():
            pass
        stale = file(case.home).parent / ".mine.json.0123456789abcdef.tmp"
        stale.write_text("half a tok")
        async with case.running():
            await until(lambda: not stale.exists())


class TestTheFile:
    async def test_that_others_may_read_is_not_used_and_mended_by_chmod(self, case: Case) -> None:
        async with case.signed_in():
            pass
        file(case.home).chmod(0o644)
        tokens = case.tokens()
        with pytest.raises(LoginRequired, match=r"mode 0644, so others .* chmod 600"):
            tokens.check()
        file(case.home).chmod(0o600)
        tokens.check()

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "{}", '{"v": 2}', "[" * 9999, '{"v": 1, "refresh_token": 3}', "\x00\xff" * 9],
    )
    async def test_that_is_damaged_is_said_to_be_and_replaced_by_a_sign_in(
        self, case: Case, text: str
    ) -> None:
        async with case.signed_in():
            pass
        file(case.home).write_text(text)
        async with case.running() as tokens:
            with pytest.raises(LoginRequired, match=r"mine\.json is damaged"):
                await tokens.get()
            now = case.time.wall
            await tokens.sign_in(Token(SecretStr("b0"), None, None, now, now + LIFE))
            assert await get(tokens) == "b0"

    async def test_with_wrong_types_is_damaged(self, case: Case) -> None:
        async with case.signed_in():
            pass
        good = saved(case.home)
        endless = {"gen": 1, "at": 1e300, "tries": 2}
        for key, value in (
            *(("access_token", 3), ("scope", []), ("obtained_at", "x"), ("refreshing", 7)),
            *(("gen", math.inf), ("expires_at", math.nan), ("obtained_at", 10**400), ("refreshing", endless)),
        ):
            file(case.home).write_text(json.dumps({**good, key: value}))
            with pytest.raises(LoginRequired, match="is damaged"):
                case.tokens().check()

    async def test_of_another_client_id_or_server_is_not_used(self, case: Case) -> None:
        async with case.signed_in():
            pass
        for other in ({"client_id": "other"}, {"token_url": "https://as.example/token"}):
            with pytest.raises(LoginRequired, match="another client id or token_url"):
                case.tokens(**other).check()

    async def test_that_is_no_file_of_ours_is_not_read(self, case: Case) -> None:
        file(case.home).parent.mkdir(parents=True)
        file(case.home).mkdir()
        with pytest.raises(LoginRequired, match=r"not a regular file|cannot be read"):
            case.tokens().check()
        file(case.home).rmdir()
        file(case.home).symlink_to("/etc/passwd")
        with pytest.raises(LoginRequired, match="cannot be read"):
            case.tokens().check()

    async def test_without_a_home_there_is_none(self, case: Case) -> None:
        settings = case.tokens().settings
        with pytest.raises(LoginRequired, match="HOME"):
            Tokens(settings, {}, "/").check()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow: what a full disk looks like to a writer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestAFullDisk:
    async def test_before_the_request_keeps_it_from_being_sent(self, case: Case) -> None:
        async with case.signed_in() as tokens:
            with full_disk():
                case.time.passes(LIFE + 1)
                with pytest.raises(
                    ProviderUnavailable, match=r"could not be saved in .*mine\.json"
                ) as caught:
                    await tokens.get()
            assert caught.value.hint is not None and "no sign-in is lost" in caught.value.hint
            assert case.server.requests == []
            assert saved(case.home)["refresh_token"] == "r0"
            case.time.passes(301)
            assert await get(tokens) == "a1"

    async def test_after_the_request_loses_nothing(self, case: Case) -> None:
        case.issuer.go = anyio.Event()
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            await until(lambda: case.issuer.used == ["r0"])
            with full_disk():
                case.issuer.go.set()
                assert await get(tokens) == "a1"
                assert saved(case.home)["refresh_token"] == "r0"
                await until(lambda: "could not be saved" in tokens.status().get("reason", ""))
            case.time.passes(2)
            await until(lambda: saved(case.home)["refresh_token"] == "r1")
            case.time.passes(LIFE + 1)
            assert await get(tokens) == "a2"
        assert case.issuer.used == ["r0", "r1"]

    async def test_after_the_request_a_client_that_closes_saves_on(self, case: Case) -> None:
        """As for a lock, or another entry in the configuration: the refresh token is in memory only."""
        case.issuer.go = anyio.Event()
        async with case.signed_in() as tokens:
            case.time.passes(LIFE + 1)
            await until(lambda: case.issuer.used == ["r0"])
            with full_disk():
                case.issuer.go.set()
                assert await get(tokens) == "a1"
                assert tokens.is_unsaved()
                tokens.close()
                await anyio.wait_all_tasks_blocked()
            case.time.passes(301)
            with anyio.fail_after(10):
                await tokens.closed()
            assert saved(case.home)["refresh_token"] == "r1"
            assert case.issuer.used == ["r0"]

    async def test_after_the_request_it_is_the_next_entry_s_for_the_client_too(self, case: Case) -> None:
        """As after a reload, which must not send the old refresh token once more: that ends the sign-in."""
        unsaved: module.Unsaved = {}
        async with case.running(unsaved) as tokens:
            now = case.time.wall
            await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), "s", now, now + LIFE))
            case.issuer.go = anyio.Event()
            case.time.passes(LIFE + 1)
            await until(lambda: case.issuer.used == ["r0"])
            with ExitStack() as disk:
                disk.enter_context(full_disk())
                case.issuer.go.set()
                assert await get(tokens) == "a1"
                tokens.close()
                async with case.running(unsaved) as after:
                    assert await get(after) == "a1"
                    assert "could not be saved" in after.status()["reason"]
                    strange = case.tokens(unsaved, client_id="another")
                    assert strange.status()["state"] == "needs_login"
                    disk.close()
                    case.time.passes(LIFE + 1)
                    await until(lambda: not unsaved)
                    assert await get(after) == "a2"
        assert case.issuer.used == ["r0", "r1"]

    async def test_what_the_entry_before_has_saved_is_no_trouble_of_the_next(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(refresher, "RECHECK_S", 0.01)
        unsaved: module.Unsaved = {}
        async with case.running(unsaved) as tokens:
            with ExitStack() as disk:
                disk.enter_context(full_disk())
                now = case.time.wall
                await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), "s", now, now + LIFE))
                async with case.running(unsaved) as after:
                    await until(lambda: after._refresher.failure is not None)
                    assert "could not be saved" in after.status()["reason"]
                    disk.close()
                    await token_file.save(after.path, unsaved[after.path])
                    unsaved.clear()
                    await until(lambda: "reason" not in after.status())

    async def test_who_signs_out_meanwhile_is_signed_out(self, case: Case) -> None:
        unsaved: module.Unsaved = {}
        async with case.running(unsaved) as tokens:
            with full_disk():
                now = case.time.wall
                await tokens.sign_in(Token(SecretStr("a0"), SecretStr("r0"), "s", now, now + LIFE))
                tokens.close()
                after = case.tokens(unsaved)
                assert after.status()["state"] == "signed_in"
                await after.sign_out()
                assert after.status()["state"] == "needs_login"
            case.time.passes(301)
            with anyio.fail_after(10):
                await tokens.closed()
        assert not file(case.home).exists()


async def test_a_directory_behind_a_link_keeps_its_mode(tmp_path: Path) -> None:
    """A link from ``tokens`` to /tmp would close /tmp to everybody else."""
    (tmp_path / "of-all").mkdir()
    (tmp_path / "of-all").chmod(0o777)
    (tmp_path / "tokens").symlink_to("of-all")
    with pytest.raises(OSError, match=r"irectory|symbolic"):
        async with token_file.locked(str(tmp_path / "tokens" / "c.json")):
            raise AssertionError
    assert stat.S_IMODE((tmp_path / "of-all").stat().st_mode) == 0o777
