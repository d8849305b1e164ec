from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from lokid.config import Config
from lokid.errors import ConfigInvalid, LokidError, NotForThisSocket, RateLimited, SecretMissing, UnknownModel
from lokid.providers.registry import PROVIDERS
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.generation import Generation

pytestmark = pytest.mark.anyio


def client(name: str, *models: str, missing: tuple[str, ...] = (), kind: str = "chat") -> OpenClient:
    provider = PROVIDERS["openai-compatible"]
    keys: dict[str, Any] = {"type": provider.name, "name": name, "api_base": "http://127.0.0.1:9/v1"}
    keys["models"] = [{"name": model, "type": kind} for model in models]
    return OpenClient(
        provider.settings.model_validate(keys),
        provider,
        Surroundings({}, "/", lambda *_: None),
        missing=missing,
    )


def generation(*clients: OpenClient, model: str | None = None) -> Generation:
    return Generation(3, Config("/c.yaml", model=model), {one.name: one for one in clients}, 1.0)


def resolved(generation: Generation, model: str, kind: Any = "chat") -> str:
    with generation.lease(model, kind) as lease:
        assert lease.generation == 3
        assert lease.client.name == lease.model.partition(":")[0]
        return lease.model


async def test_a_model_is_named_with_its_client_or_by_its_client_alone() -> None:
    mine = generation(client("a", "x", "y:z"), client("b", "x"))
    assert resolved(mine, "b:x") == "b:x"
    assert resolved(mine, "a:y:z") == "a:y:z"
    assert resolved(mine, "a") == "a:x"
    assert resolved(mine, "a:") == "a:x"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("opnai", "openai"), ("openia:gpt-4o", "openai:gpt-4o"), ("gpt-4o", "openai:gpt-4o")],
)
async def test_an_unknown_name_gets_the_nearest_of_all(asked: str, meant: str) -> None:
    mine = generation(client("openai", "gpt-4o"), client("other", "m"))
    with pytest.raises(UnknownModel, match=f"did you mean '{meant}'"):
        resolved(mine, asked)


@pytest.mark.parametrize("asked", ["a", "a:x"])
async def test_of_a_model_that_is_not_for_the_socket_nothing_is_said(asked: str) -> None:
    """Not even that it is of another type, or that its client lacks a key."""
    mine = generation(client("a", "x", missing=("api_key",)), client("v", "x", kind="embedding"))
    for model, kind in ((asked, "chat"), ("v:x", "chat")):
        with pytest.raises(NotForThisSocket), mine.lease(model, kind, lambda _: False):
            raise AssertionError


@pytest.mark.parametrize("asked", ["a:x", "b", "none:x", "none", ""])
async def test_a_name_that_is_not_for_the_socket_is_compared_with_none(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a client that there is not the search for the nearest name took twice as long as the whole answer
    for one that there is: by the clock, over the extra socket, names could be found out."""
    looked: list[str] = []
    monkeypatch.setattr("lokid.runtime.generation.nearest", lambda name, _: looked.append(name))
    monkeypatch.setattr("lokid.runtime.clients.nearest", lambda name, _: looked.append(name))
    judged: list[str] = []
    with (
        pytest.raises(LokidError),
        generation(client("a", "x"), client("b", "y"), model="a").lease(
            asked, "chat", lambda name: bool(judged.append(name))
        ),
    ):
        raise AssertionError
    assert looked == []
    assert len(judged) == 1


async def test_no_name_means_the_configured_default() -> None:
    assert resolved(generation(client("a", "x"), client("b", "y"), model="b"), "") == "b:y"


async def test_without_a_default_it_is_the_first_model_of_the_first_client_that_can_work() -> None:
    off, cool, vectors, good = (
        client("off", "x", missing=("a key",)),
        client("cool", "x"),
        client("vectors", "x", kind="embedding"),
        client("good", "x"),
    )
    cool.breakers.failed("x", RateLimited("wait", retry_after_s=99), anyio.current_time())
    assert resolved(generation(off, vectors, good, cool), "") == "good:x"
    assert resolved(generation(off, cool, vectors, good), "") == "cool:x"  # no other is asked
    assert resolved(generation(off, vectors, cool, good), "", "embedding") == "vectors:x"
    with pytest.raises(SecretMissing):
        resolved(generation(off, vectors), "")
    assert resolved(generation(cool), "") == "cool:x"
    with pytest.raises(UnknownModel, match="'vectors' has no chat model"):
        resolved(generation(vectors), "")


async def test_a_client_that_lacks_its_key_says_so_but_an_unknown_model_first() -> None:
    mine = generation(client("off", "x", missing=("api_key (set OFF_API_KEY)",)))
    with pytest.raises(SecretMissing, match="OFF_API_KEY"):
        resolved(mine, "off")
    with pytest.raises(UnknownModel):
        resolved(mine, "off:y")


@pytest.mark.parametrize("model", ["", "openai:gpt-4o"])
async def test_nothing_configured_says_in_three_lines_what_to_do(model: str) -> None:
    with pytest.raises(ConfigInvalid, match="nothing is configured") as caught:
        resolved(generation(), model)
    assert caught.value.hint is not None
    lines = caught.value.hint.splitlines()
    assert len(lines) == 3
    assert "pip install" in lines[0]
    assert "lokictl secret set OPENAI_API_KEY" in lines[1]
    assert "lokictl setup" in lines[2]
    assert "/c.yaml" in lines[2]


async def test_a_file_without_clients_is_named_instead() -> None:
    with pytest.raises(ConfigInvalid, match="nothing is configured") as caught:
        resolved(replace(generation(), from_file=True), "")
    assert caught.value.hint == "/c.yaml has no client: lokictl config edit"


async def test_a_lease_keeps_its_client_open() -> None:
    one = client("a", "x")
    async with anyio.create_task_group() as group:
        with generation(one).lease("a", "chat"):
            group.start_soon(one.retire)
            await anyio.wait_all_tasks_blocked()
            assert not one.closed
    assert one.closed
