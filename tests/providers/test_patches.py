from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lokid.protocols.http import HTTPRequest
from lokid.providers.openai import OpenAISettings
from lokid.providers.patches import API, Patched, patched
from lokid.providers.settings import ModelSettings, RequestPatch

REQUEST = HTTPRequest(
    "POST", "https://x/y", {"a": "1", "b": "2"}, {"max_tokens": 5, "deep": {"x": 1, "y": 2}}
)


def patch(**keys: Any) -> RequestPatch:
    return RequestPatch.model_validate(keys)


def apply(
    model: RequestPatch | None = None,
    client: Any = None,
    *,
    name: str = "gpt-4o",
    api: API = "chat_completions",
    **more: Any,
) -> Patched:
    settings = OpenAISettings(type="openai", name="c", patch=client or {})
    return patched(REQUEST, model=ModelSettings(name=name, patch=model), client=settings, api=api, **more)


def test_without_patches_nothing_changes() -> None:
    assert apply() == Patched(REQUEST, {})


def test_a_patch_merges_the_body_sets_and_removes_headers_and_replaces_the_url() -> None:
    found = apply(
        patch(
            url="https://z/",
            body={"max_tokens": None, "deep": {"x": 3}, "new": [1]},
            headers={"A": None, "X-Key": "secret"},
        )
    )
    assert found.request.url == "https://z/"
    assert found.request.body == {"deep": {"x": 3, "y": 2}, "new": [1]}
    assert found.request.headers == {"b": "2", "x-key": "secret"}
    label = "patch of the model gpt-4o"
    places = ("url", "headers.a", "headers.x-key", "body.max_tokens", "body.deep.x", "body.new")
    assert found.origins == dict.fromkeys(places, label)
    assert REQUEST.body["max_tokens"] == 5


def test_a_removed_header_stays_away_and_one_set_later_comes_back() -> None:
    removed = apply(patch(headers={"Authorization": None}))
    assert "authorization" not in removed.request.adding({"authorization": "Bearer k"}).headers
    later = {"chat_completions": {".*": {"headers": {"authorization": "mine"}}}}
    assert apply(patch(headers={"authorization": None}), later).request.headers["authorization"] == "mine"


def body(value: int) -> dict[str, Any]:
    return {"body": {"v": value}}


def test_the_model_comes_first_then_the_first_pattern_then_the_caller() -> None:
    client = {"chat_completions": {"gpt-3": body(1), "gpt-4.*": body(2), ".*": body(3)}}
    found = apply(patch(body={"v": 0, "m": 1}), client)
    assert found.request.body["v"] == 2
    assert found.origins["body.v"] == "patch of the client c, chat_completions, gpt-4.*"
    assert found.origins["body.m"] == "patch of the model gpt-4o"
    found = apply(patch(body={"v": 0}), client, extra_body={"v": 9, "deep": None})
    assert (found.request.body["v"], "deep" in found.request.body) == (9, False)
    assert found.origins["body.v"] == found.origins["body.deep"] == "extra_body of the request"


@pytest.mark.parametrize(
    ("name", "value"), [("gpt-4", 1), ("gpt-4o", None), ("my-gpt-4", None), ("gpt-4\n", None)]
)
def test_a_pattern_matches_the_whole_name(name: str, value: int | None) -> None:
    assert apply(client={"chat_completions": {"gpt-4": body(1)}}, name=name).request.body.get("v") == value


def test_each_api_has_its_own_patches() -> None:
    client = {"embeddings": {".*": body(1)}, "rerank": {".*": body(2)}}
    assert "v" not in apply(client=client).request.body
    assert apply(client=client, api="embeddings").request.body["v"] == 1
    assert apply(client=client, api="rerank").request.body["v"] == 2


def test_the_environment_replaces_the_clients_patch_even_where_nothing_matches() -> None:
    client = {"chat_completions": {".*": body(1)}}
    override = {"gpt-4o": patch(**body(5))}
    found = apply(client=client, override=override)
    assert found.request.body["v"] == 5
    assert found.origins["body.v"] == "patch in the environment, chat_completions, gpt-4o"
    assert "v" not in apply(client=client, override={"other": patch(**body(5))}).request.body
    assert "v" not in apply(client=client, override={}).request.body


def test_a_caller_reaches_the_body_only() -> None:
    found = apply(extra_body={"url": "https://evil/", "headers": {"a": "x"}})
    assert (found.request.url, found.request.headers) == (REQUEST.url, REQUEST.headers)
    assert found.request.body["url"] == "https://evil/"


def test_a_pattern_that_is_none_is_refused_without_being_quoted() -> None:
    with pytest.raises(ValidationError, match="is not a regular expression") as caught:
        OpenAISettings(type="openai", patch={"rerank": {"(secret": {}}})  # type: ignore[arg-type]
    assert "input_value" not in str(caught.value)
