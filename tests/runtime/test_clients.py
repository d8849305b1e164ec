from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from lokid.errors import LoginRequired, RateLimited, SecretMissing, UnknownModel, Unsupported
from lokid.providers.registry import PROVIDERS
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.known import nearest
from lokid.runtime.secrets.client_secrets import secret_texts

pytestmark = pytest.mark.anyio

AROUND = Surroundings(environ=dict(os.environ), directory="/", spawn=lambda *_: None)


def client(kind: str = "openai-compatible", missing: tuple[str, ...] = (), **keys: Any) -> OpenClient:
    keys = {"type": kind, "name": "mine", "api_base": "http://127.0.0.1:9/v1", **keys}
    provider = PROVIDERS[kind]
    return OpenClient(provider.settings.model_validate(keys), provider, AROUND, missing=missing)


def models(*rows: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in rows]


class TestModels:
    async def test_of_a_list_are_exactly_these_and_the_first_of_a_type_is_its_default(self) -> None:
        mine = client(models=models(("embed-1", "embedding"), ("first", "chat"), ("chat:2", "chat")))
        assert mine.model(None, "chat").name == "first"
        assert mine.model("chat:2", "chat").name == "chat:2"
        assert mine.model(None, "embedding").name == "embed-1"
        with pytest.raises(UnknownModel, match="has no model 'frst'; did you mean 'first'"):
            mine.model("frst", "chat")
        with pytest.raises(UnknownModel, match="has no reranker model"):
            mine.model(None, "reranker")

    async def test_of_another_type_are_named_as_such(self) -> None:
        mine = client(models=models(("embed-1", "embedding"), ("both", "chat"), ("both", "embedding")))
        with pytest.raises(Unsupported, match="is a model of type embedding, not chat"):
            mine.model("embed-1", "chat")
        assert mine.model("both", "embedding").type == "embedding"

    async def test_that_nobody_knows_pass_through_when_there_is_no_list(self) -> None:
        mine = client()
        assert mine.model("brand-new", "chat").name == "brand-new"
        assert mine.model("brand-new", "embedding").type == "embedding"

    async def test_are_completed_by_the_catalogue(self) -> None:
        openai = client("openai", models=models(("o3-mini", "chat")))
        assert openai.model("o3-mini", "chat").max_tokens_param == "max_completion_tokens"
        assert client("openai").model("o3-mini", "chat").supports_vision is False


def test_nearest_says_nothing_when_nothing_is_near() -> None:
    assert nearest("zzz", ["abc"]) == ""


class TestCredentials:
    async def test_are_resolved_with_the_time(self) -> None:
        credentials = await client(api_key="sk-1").credentials()
        assert credentials.secrets == {"api_key": SecretStr("sk-1")}
        assert credentials.now > 1.7e9

    async def test_may_be_none_for_a_server_that_wants_none(self) -> None:
        assert (await client().credentials()).secrets == {}

    async def test_that_are_missing_name_the_key_and_what_to_do(self) -> None:
        mine = client("openai", missing=("api_key (set it, or MINE_API_KEY)",))
        with pytest.raises(SecretMissing, match=r"lacks api_key \(set it, or MINE_API_KEY\)") as caught:
            await mine.credentials()
        assert caught.value.client == "mine"
        assert mine.state() == ("needs_secret", caught.value.message)

    async def test_of_oauth_need_a_login(self) -> None:
        mine = client("gemini", auth="oauth")
        with pytest.raises(LoginRequired) as caught:
            await mine.credentials()
        assert caught.value.hint == "lokictl auth login mine"
        assert mine.state()[0] == "needs_login"

    async def test_of_a_launched_server_are_made_up_unless_configured(self) -> None:
        launch = {"command": ["server"]}
        made_up = (await client(launch=launch).credentials()).secrets["api_key"].get_secret_value()
        assert len(made_up) >= 32
        own = await client(launch=launch, api_key="sk-own").credentials()
        assert own.secrets["api_key"].get_secret_value() == "sk-own"


def test_every_secret_of_the_settings_is_found() -> None:
    mine = client(
        api_key="key-secret",
        extra={"proxy": "http://u:proxy-secret@127.0.0.1:1"},
        patch={"chat_completions": {".*": {"headers": {"x-key": "header-secret", "x-none": None}}}},
        models=[{"name": "m", "patch": {"headers": {"x-key": "model-secret"}}}],
    )
    assert {secret.get_secret_value() for secret in secret_texts(mine.settings)} == {
        "key-secret", "http://u:proxy-secret@127.0.0.1:1", "header-secret", "model-secret",
    }  # fmt: skip


class TestLife:
    async def test_closes_after_the_last_lease_and_not_before(self) -> None:
        mine = client()
        with mine.lease():
            async with anyio.create_task_group() as group:
                group.start_soon(mine.retire)
                with mine.lease():
                    await anyio.wait_all_tasks_blocked()
                assert not mine.closed
                group.cancel_scope.cancel()
        await mine.retire()
        assert mine.closed

    async def test_counts_what_uses_it(self) -> None:
        mine = client()
        async with mine.use() as settings:
            assert settings is mine.settings
            assert (mine.requests, mine.in_use) == (1, 1)
        assert (mine.requests, mine.in_use) == (1, 0)

    async def test_cools_down_as_long_as_the_provider_said(self) -> None:
        mine = client()
        now = anyio.current_time()
        mine.breakers.failed("m", RateLimited("slower"), now)
        assert mine.state() == ("ready", None)
        mine.breakers.failed("m", RateLimited("slower, please", retry_after_s=30), now)
        assert mine.state() == ("cooling_down", "m: slower, please (for another 30 s)")
        assert 29 < mine.status()["retry_after_s"] <= 30
        mine.forget()
        assert mine.state() == ("ready", None)
        mine.breakers.failed("m", RateLimited("slower, please", retry_after_s=30), now - 31)
        assert mine.state() == ("ready", None)

    async def test_dialling_ahead_never_fails(self) -> None:
        await client().dial()  # nobody listens there
        await client(launch={"command": ["server"]}).dial()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda: client(api_key="k", models=models(("a", "chat"), ("b", "chat"))),
            {"auth": "key", "models": 2},
        ),
        (lambda: client(), {"auth": "none", "state": "ready"}),
        (lambda: client("gemini", auth="oauth"), {"auth": "oauth", "state": "needs_login"}),
        (lambda: client(launch={"command": ["x"]}), {"server": {"state": "stopped"}}),
    ],
)
async def test_status_is_a_row_for_people(make: Callable[[], OpenClient], expected: dict[str, Any]) -> None:
    row = make().status()
    assert row["name"] == "mine"
    assert expected.items() <= row.items()
    assert ("reason" in row) == (row["state"] != "ready")


def test_what_surrounds_a_client_shows_no_variable_in_a_repr() -> None:
    around = Surroundings({"OPENAI_API_KEY": "sk-of-the-environment"}, "/", lambda *_: None)
    assert "sk-of" not in repr(around)
