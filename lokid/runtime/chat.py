"""``chat``: one question, answered whole or as a stream of events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from pydantic import SecretStr

from lokid.chat import (
    Answer,
    ChatRequest,
    ChatResult,
    Counted,
    Event,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from lokid.errors import ContextLengthExceeded, LokidError, Unsupported
from lokid.providers.base import Exchange
from lokid.providers.cost import cost_usd
from lokid.providers.settings import ClientSettings, ModelSettings
from lokid.runtime.call import (
    API,
    Accepted,
    Emit,
    Limited,
    emitted,
    ignore,
    model_name,
    perform,
    prepare,
    surely_longer,
)
from lokid.runtime.heavy import aside, is_heavy
from lokid.runtime.redaction import redacted
from lokid.runtime.usage.turns import Turn

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient


async def chat(
    client: OpenClient,
    request: ChatRequest,
    *,
    emit: Emit,
    accepted: Accepted,
    turn: Turn | None = None,
) -> ChatResult:
    """Asks; ``emit`` gets events only if ``request.stream``. Raises any ``LokidError``."""
    started_at = time.monotonic()
    turn = turn or Turn()
    model = client.model(model_name(client.settings, request.model), "chat")
    heavy = is_heavy(request)
    await aside(partial(_check_length, request, model, client.settings), heavy=heavy)
    limit = client.settings.extra.timeout
    if request.timeout_s is not None:
        limit = min(limit, request.timeout_s)
    # A model that cannot stream still answers a caller who wants events: with all of them at the end.
    late = request.stream and model.no_stream
    if late:
        request = replace(request, stream=False)
    with Limited(limit, client.settings.name) as deadline:
        await turn.come()
        async with client.use() as settings:
            charge = turn.charge()
            exchange = partial(_exchange, client, settings, model, request)
            performed = await perform(
                client,
                settings,
                await aside(exchange, heavy=heavy),
                "chat_completions",
                model,
                extra_body=request.extra_body,
                emit=emit if request.stream or late else ignore,
                accepted=accepted,
                deadline=deadline,
                charge=charge,
            )
        answer = performed.answer
        says = answer.message.parts and answer.finish_reason != "refusal"  # whose words are not the model's
        if (usage := answer.usage) and not (any(usage.read) and (any(usage.written) or not says)):
            # Nobody reads or writes without a token: gateways say 0, or nothing, of what they do not know.
            charge.counted = Counted(usage, final=False)
            answer = replace(answer, usage=None)
        if answer.usage is None and not request.stream:
            charge.heard(_events(answer))  # for an estimate
        if late and (events := _events(answer)):
            await emitted(emit, events)
    return ChatResult(
        answer=answer,
        model=f"{client.settings.name}:{model.name}",
        cost_usd=cost_usd(model, answer.usage),
        attempts=performed.attempts,
        first_token_s=performed.first_token_s,
        total_s=time.monotonic() - started_at,
    )


async def dry_run(client: OpenClient, request: ChatRequest) -> dict[str, Any]:
    """The request that ``chat`` would send, as ``DryRunResult``, with ``<secret>`` where a secret is.
    Sends nothing and starts nothing; a launched server's port is therefore not known yet."""
    settings = client.settings
    model = client.model(model_name(settings, request.model), "chat")
    _check_length(request, model, settings)
    if model.no_stream:
        request = replace(request, stream=False)
    exchange = _exchange(client, settings, model, request)
    api: API = "chat_completions"
    patched, origins = prepare(client, settings, exchange.request, api, model, request.extra_body)
    credentials = await client.credentials()
    signed = client.provider.authorize(settings, credentials, patched)
    secrets = [*credentials.secrets.values(), *_patch_secrets(client, model, api)]
    # In a thread: every form of every secret is looked for, and a prompt may have megabytes.
    return await anyio.to_thread.run_sync(redacted, signed, origins, secrets)


def _check_length(request: ChatRequest, model: ModelSettings, settings: ClientSettings) -> None:
    """Refuses what cannot fit, before money is spent. What else the model does not do its dialect knows."""
    if model.max_input_tokens is None:
        return
    parts = [part for message in request.messages for part in message.parts]
    texts = [request.system or "", *(part.text for part in parts if isinstance(part, Text))]
    if surely_longer(texts, model.max_input_tokens):
        raise ContextLengthExceeded(
            f"the messages are longer than {model.max_input_tokens} tokens, the most {model.name} reads",
            hint="shorten them, or choose a model with more max_input_tokens",
            client=settings.name,
        )


def _exchange(
    client: OpenClient, settings: ClientSettings, model: ModelSettings, request: ChatRequest
) -> Exchange[Answer]:
    if client.provider.chat is None:
        raise Unsupported(f"clients of type {client.provider.name} cannot chat", client=settings.name)
    try:
        return client.provider.chat(settings, model, request)
    except LokidError as error:
        error.client = error.client or settings.name
        raise


def _events(answer: Answer) -> list[Event]:
    """The whole answer as the events of a stream."""
    events: list[Event] = []
    calls = 0
    for part in answer.message.parts:
        match part:
            case Reasoning(text) if text:
                events.append(ReasoningDelta(text))
            case Text(text) if text:
                events.append(TextDelta(text))
            case ToolCall(id, name, arguments):
                events.append(ToolCallDelta(calls, id, name, _json(arguments)))
                calls += 1
    return events


def _patch_secrets(client: OpenClient, model: ModelSettings, api: API) -> Iterator[SecretStr]:
    """Headers in patches are the place for keys of gateways."""
    patches = [*client.patch_overrides.get(api, {}).values(), *getattr(client.settings.patch, api).values()]
    for patch in [*patches, model.patch]:
        if patch is not None and patch.headers:
            yield from (value for value in patch.headers.values() if value is not None)


def _json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
