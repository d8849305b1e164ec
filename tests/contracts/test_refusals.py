"""What goes wrong at a provider is one sentence on every type: what happened, at which client, what to do.
Through the whole path: a configuration, the runtime, and a server that refuses as that provider does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokictl.failure import Failure
from lokid.chat import ChatRequest, EmbedRequest, Event, RerankRequest
from lokid.errors import LokidError
from lokid.providers.base import Provider
from lokid.providers.registry import PROVIDERS
from lokid.rpc.codes import EXIT_STATUS
from lokid.runtime.core import Runtime
from lokid.server.faults import error_map
from tests.fakes.canonical import QUESTION, settings_of
from tests.fakes.provider import FakeProvider, answer
from tests.fakes.refusals import WAIT_S, refusals_of

pytestmark = pytest.mark.anyio

EACH = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))
CANARY = "canary-7f3a9c51d2e8"


async def ignore(events: Sequence[Event]) -> None:
    pass


@asynccontextmanager
async def asking(provider: Provider, path: Path, url: str, **keys: Any) -> AsyncIterator[Runtime]:
    """A runtime with one client of the type, ``mine``, at ``url``, with a value for every secret."""
    secrets = {key: f"{CANARY}-{key}" for key in provider.secrets}
    kinds = ("chat", "embedding", "reranker")
    models = [{"name": kind, "type": kind, "max_output_tokens": 4096} for kind in kinds]
    needed = settings_of(provider).model_dump(exclude_unset=True)
    plain = {key: value for key, value in needed.items() if isinstance(value, str)}
    entry = {**plain, **secrets, "type": provider.name, "name": "mine", "api_base": url, "models": models}
    path.write_text(json.dumps({"clients": [{**entry, "extra": {"max_retries": 0}, **keys}]}))
    runtime = Runtime({"LOKID_CONFIG": str(path)}, builtin=False)
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: runtime.run(task_status=task_status))
        yield runtime
        group.cancel_scope.cancel()


async def failure(runtime: Runtime, request: ChatRequest) -> LokidError:
    with pytest.raises(LokidError) as caught:
        await runtime.chat(request, emit=ignore, accepted=anyio.lowlevel.checkpoint)
    return caught.value


def check_sentence(error: LokidError) -> None:
    said = error.message
    assert error.client == "mine" and error.code in EXIT_STATUS
    assert "\n" not in said and len(said.split()) >= 4 and len(said) < 400
    assert error.hint and len(error.hint.split()) >= 3 and error.hint.lower() not in said.lower()
    assert CANARY not in f"{said} {error.hint} {error!r}"
    # What a person sees: `lokictl: mine: what happened`, `hint: what to do`.
    shown = Failure.from_error(error_map(error))
    assert shown.message == f"mine: {said}" and shown.hint == error.hint


@EACH
async def test_every_refusal_says_what_happened_where_and_what_to_do(
    provider: Provider, tmp_path: Path
) -> None:
    request = ChatRequest("mine:chat", QUESTION.messages)
    async with FakeProvider() as server, asking(provider, tmp_path / "config.yaml", server.url) as runtime:
        for name, refused in refusals_of(provider.name).items():
            server.will(answer(refused.status, refused.content, **refused.headers))
            error = await failure(runtime, request)
            assert type(error) is refused.kind, (name, error)
            assert error.status == (refused.status if refused.status >= 400 else None), name
            assert error.retry_after_s == (WAIT_S if name == "rate limited" else None), name
            assert error.retryable == (name in ("overloaded", "rate limited")), name
            check_sentence(error)


@EACH
async def test_embeddings_ranks_and_lists_are_refused_alike(provider: Provider, tmp_path: Path) -> None:
    refused = refusals_of(provider.name)["wrong key"]
    refusing = answer(refused.status, refused.content, **refused.headers)
    async with FakeProvider(default=refusing) as server:
        async with asking(provider, tmp_path / "config.yaml", server.url) as runtime:
            accepted = anyio.lowlevel.checkpoint
            if provider.embed:
                with pytest.raises(refused.kind) as caught:
                    await runtime.embed(EmbedRequest("mine:embedding", ("a",)), accepted=accepted)
                check_sentence(caught.value)
            if provider.rerank:
                with pytest.raises(refused.kind) as caught:
                    await runtime.rerank(RerankRequest("mine:reranker", "q", ("a",)), accepted=accepted)
                check_sentence(caught.value)
        # A client that says which models it has is never asked for others.
        async with asking(provider, tmp_path / "config.yaml", server.url, models=None) as runtime:
            if provider.list_models:
                with pytest.raises(refused.kind) as caught:
                    await runtime.list_models(client="mine", refresh=True)
                check_sentence(caught.value)


@EACH
async def test_a_dry_run_shows_the_patched_request_with_its_origins_and_no_secret(
    provider: Provider, tmp_path: Path
) -> None:
    patch = {
        "chat_completions": {
            "chat": {
                "headers": {"X-Team": "red", "x-gone": None},
                "body": {"user": "somebody", "metadata": {"cost": "centre"}},
            }
        }
    }
    request = ChatRequest("mine:chat", QUESTION.messages, extra_body={"seed": 7}, dry_run=True)
    async with asking(provider, tmp_path / "config.yaml", "https://gateway.example", patch=patch) as runtime:
        shown = await runtime.chat(request, emit=ignore, accepted=anyio.lowlevel.checkpoint)
    assert isinstance(shown, dict)
    assert CANARY not in json.dumps(shown) and "<secret>" in json.dumps(shown["headers"])
    assert shown["url"].startswith("https://gateway.example")
    assert shown["headers"]["x-team"] == "red" and "x-gone" not in shown["headers"]
    assert (shown["body"]["user"], shown["body"]["seed"]) == ("somebody", 7)
    by_client = "patch of the client mine, chat_completions, chat"
    assert shown["origins"] == {
        "headers.x-team": by_client,
        "headers.x-gone": by_client,
        "body.user": by_client,
        "body.metadata.cost": by_client,
        "body.seed": "extra_body of the request",
    }


@EACH
async def test_a_dry_run_hides_every_secret_whichever_of_them_is_used(
    provider: Provider, tmp_path: Path
) -> None:
    for left_out in ((), *((key,) for key in provider.secrets if len(provider.secrets) > 1)):
        keys = dict.fromkeys(left_out)
        path = tmp_path / f"{'-'.join(left_out) or 'all'}.yaml"
        request = ChatRequest("mine:chat", QUESTION.messages, dry_run=True)
        async with asking(provider, path, "https://gateway.example", **keys) as runtime:
            try:
                shown = await runtime.chat(request, emit=ignore, accepted=anyio.lowlevel.checkpoint)
            except LokidError as error:  # half of a pair of keys
                assert CANARY not in f"{error} {error.hint}"
                continue
        assert CANARY not in repr(shown)
