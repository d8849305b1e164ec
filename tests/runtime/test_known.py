from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lokid.providers import catalogue
from lokid.providers.openai import OpenAISettings
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings, RequestPatch
from lokid.runtime import known, listing
from lokid.runtime.known import Models, nearest

NAMES = ("gpt-5.4", "o3-mini", "text-embedding-3-small", "mine")


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that the catalogue was asked for."""
    asked: list[str] = []
    complete: Callable[..., ModelSettings] = catalogue.complete

    def noting(provider: str, model: ModelSettings, vendor: str = "") -> ModelSettings:
        asked.append(model.name)
        return complete(provider, model, vendor)

    monkeypatch.setattr(known.catalogue, "complete", noting)
    return asked


def models(*said: ModelSettings) -> Models:
    return Models(OpenAISettings(type="openai", models=said), PROVIDERS["openai"])


def test_every_model_is_what_the_catalogue_makes_of_it() -> None:
    said = tuple(ModelSettings(name=name) for name in NAMES)
    mine = models(*said)
    assert list(mine) == [catalogue.complete("openai", model) for model in said]
    assert (len(mine), mine[-1], mine[1:3]) == (4, mine[3], (mine[1], mine[2]))


def test_the_catalogue_is_asked_for_a_model_when_somebody_asks_for_it(looked_up: list[str]) -> None:
    mine = models(*(ModelSettings(name=name) for name in NAMES))
    assert mine.names() == [*NAMES]
    assert mine.names("chat") == [*NAMES]
    assert looked_up == []
    assert mine.named("o3-mini")[0].sampling is False
    assert mine.named("o3-mini")[0] is mine[1]
    assert looked_up == ["o3-mini"]
    mine.complete()
    assert sorted(looked_up) == sorted(NAMES)
    assert mine.names("embedding") == ["text-embedding-3-small"]


def test_one_name_may_stand_for_two_models_of_different_types() -> None:
    mine = models(ModelSettings(name="a"), ModelSettings(name="b"), ModelSettings(name="a", type="embedding"))
    assert [model.type for model in mine.named("a")] == ["chat", "embedding"]
    assert [model.type for model in mine.named("b")] == ["chat"]
    assert mine.named("c") == []
    assert mine.first("embedding") == mine[2]
    assert mine.first("reranker") is None


def test_without_patches_nothing_else_is_missing() -> None:
    patched = ModelSettings(name="o3-mini", patch=RequestPatch(body={"a": 1}))
    mine = models(patched, ModelSettings(name="gpt-5.4"), patched.model_copy(update={"name": "o1"}))
    mine.named("o3-mini")
    bare = mine.without_patches()
    assert [model.patch for model in bare] == [None, None, None]
    assert [model.model_copy(update={"patch": None}) for model in mine] == list(bare)
    assert bare.named("o1")[0] is bare[2]
    assert mine[0].patch is not None


@pytest.mark.parametrize("name", ["m-1234x", "n-1234", "m-12345", "m-1243", "vendor/m-1234", "m1234"])
def test_the_nearest_of_thousands_is_one_like_it(name: str) -> None:
    names = [f"m-{number}" for number in range(5000)]
    said = nearest(name, names)
    assert said.startswith("; did you mean 'm-")


def test_of_thousands_only_some_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def noting(name: str, among: list[str], n: int) -> list[str]:
        compared.append(len(among))
        return []

    monkeypatch.setattr(known.difflib, "get_close_matches", noting)
    for name in ("m", "model", "x", "x" * 1000, "model-1", "[(*", "del-9"):
        assert nearest(name, [f"model-{number}" for number in range(20_000)]) == ""
    assert max(compared) <= known.COMPARED
    assert nearest("model", ["a"] * known.COMPARED) == ""
    assert compared[-1] == known.COMPARED  # few enough: all of them


@pytest.mark.anyio
async def test_a_word_is_completed_without_looking_up_what_begins_otherwise(
    looked_up: list[str],
) -> None:
    mine = models(*(ModelSettings(name=name) for name in NAMES))
    client: Any = SimpleNamespace(name="a", offered=mine)
    assert await listing.names(client, "embedding", "a:te") == ["a:text-embedding-3-small"]
    assert await listing.names(client, "chat", "a:te") == []
    assert looked_up == ["text-embedding-3-small"]
    assert await listing.names(client, "chat", "b:") == await listing.names(client, "chat", "a;") == []
    assert await listing.names(client, None, "") == [f"a:{name}" for name in NAMES]
    many = models(*(ModelSettings(name=f"m{number}") for number in range(listing.FEW + 1)))
    client.offered = tuple(many)
    looked_up.clear()
    assert await listing.names(client, "chat", "a:m499") == ["a:m499"]
    client.offered = many
    assert len(await listing.names(client, "chat", "a")) == listing.FEW + 1
