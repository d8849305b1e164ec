"""``embed``: texts to vectors, in as many requests as the provider's batch size makes necessary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import anyio

from lokid.chat import EmbedAnswer, EmbedRequest, Usage
from lokid.errors import ContextLengthExceeded, InvalidParams, LokidError, ProviderFailed, Unsupported
from lokid.providers.base import EmbedEncoder
from lokid.providers.cost import cost_usd
from lokid.providers.settings import ClientSettings, ModelSettings
from lokid.runtime.call import Accepted, Limited, ignore, model_name, perform, surely_longer
from lokid.runtime.usage.turns import Turn

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient

FLOAT = 4
"""Bytes of a number of a vector."""

PARALLEL = 4
"""Batches in flight per call: hides the round trips of a large job and leaves room for other calls."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """``model`` is ``client:model``. ``cost_usd``: None if no price or no usage is known."""

    answer: EmbedAnswer
    model: str
    cost_usd: float | None


async def embed(
    client: OpenClient, request: EmbedRequest, *, accepted: Accepted, turn: Turn | None = None
) -> Embedded:
    """Vectors in the order of the texts. The first failure ends the batches beside it. Raises any
    ``LokidError``; whether ``dimensions`` is possible is for the provider to say."""
    settings = client.settings
    turn = turn or Turn()
    model = client.model(model_name(settings, request.model), "embedding")
    encode = client.provider.embed
    if encode is None:
        raise Unsupported(f"clients of type {client.provider.name} cannot embed", client=settings.name)
    _check(request.texts, model)
    size = min(model.max_batch_size or client.provider.max_embed_batch, client.provider.max_embed_batch)
    starts = range(0, len(request.texts), size)
    batches = [replace(request, texts=request.texts[start : start + size]) for start in starts]
    with Limited(settings.extra.timeout, settings.name) as deadline:
        await turn.come()
        async with client.use() as reached:
            # Without its key the call fails before it is accepted.
            await client.credentials()
            await accepted()
            answers = await _all(client, reached, encode, model, batches, deadline, turn)
    usage = _sum([answer.usage for answer in answers])
    vectors = tuple(vector for answer in answers for vector in answer.vectors)
    if len({len(vector) for vector in vectors}) > 1:
        raise ProviderFailed("the provider answered embeddings of different lengths", client=settings.name)
    return Embedded(EmbedAnswer(vectors, usage), f"{settings.name}:{model.name}", cost_usd(model, usage))


def _check(texts: tuple[str, ...], model: ModelSettings) -> None:
    if not texts:
        raise InvalidParams("texts: is empty", hint="give at least one text")
    for index, text in enumerate(texts):
        if not text:
            raise InvalidParams(f"texts[{index}]: is empty", hint="providers have no vector for nothing")
        if model.max_tokens_per_chunk and surely_longer([text], model.max_tokens_per_chunk):
            raise InvalidParams(
                f"texts[{index}]: is longer than {model.max_tokens_per_chunk} tokens, the most that "
                f"{model.name} reads at once",
                hint=_how_to_split(model),
            )


def _check_vectors(vectors: Sequence[bytes], batch: EmbedRequest, model: ModelSettings, client: str) -> None:
    if (found := len(vectors)) != len(batch.texts):
        raise ProviderFailed(f"{found} vectors came for {len(batch.texts)} texts", client=client)
    wanted, numbers = batch.dimensions, len(vectors[0]) // FLOAT
    if wanted and numbers != wanted:  # llama.cpp takes no notice
        raise Unsupported(
            f"{model.name} gives vectors of {numbers} numbers, and none of {wanted}",
            hint="leave out dimensions",
            client=client,
        )


def _how_to_split(model: ModelSettings) -> str:
    size = f" of {model.default_chunk_size} characters" if model.default_chunk_size else ""
    return f"split it into pieces{size or ' that are shorter'}, or ask a model that reads more"


def _placed(error: LokidError, texts: tuple[str, ...], first: int, model: ModelSettings) -> None:
    """Adds to a refusal, which is about a whole batch, which text is to blame. Tokens cannot be counted
    here, so the provider has the last word on what is too long."""
    if isinstance(error, ContextLengthExceeded):
        longest = max(range(len(texts)), key=lambda index: len(texts[index]))
        error.message += f" (the longest text is texts[{first + longest}]: {len(texts[longest])} characters)"
        error.args = (error.message,)
        error.hint = _how_to_split(model)


async def _all(
    client: OpenClient,
    settings: ClientSettings,
    encode: EmbedEncoder,
    model: ModelSettings,
    batches: Sequence[EmbedRequest],
    deadline: float,
    turn: Turn,
) -> list[EmbedAnswer]:
    answers: list[EmbedAnswer | None] = [None] * len(batches)
    failures: list[LokidError] = []
    waiting = iter(enumerate(batches))
    characters = sum(map(_characters, batches))

    async def work(waiting: Iterator[tuple[int, EmbedRequest]]) -> None:
        for index, batch in waiting:
            try:
                performed = await perform(
                    client,
                    settings,
                    encode(settings, model, batch),
                    "embeddings",
                    model,
                    emit=ignore,
                    accepted=_nothing,
                    deadline=deadline,
                    charge=turn.charge(_characters(batch) / characters),
                )
                _check_vectors(performed.answer.vectors, batch, model, settings.name)
            except LokidError as error:
                _placed(error, batch.texts, sum(len(one.texts) for one in batches[:index]), model)
                failures.append(error)
                group.cancel_scope.cancel()
                return
            answers[index] = performed.answer

    async with anyio.create_task_group() as group:
        for _ in range(min(PARALLEL, len(batches))):
            group.start_soon(work, waiting)
    if failures:
        raise failures[0]
    return [answer for answer in answers if answer is not None]


def _characters(batch: EmbedRequest) -> int:
    return sum(map(len, batch.texts))


def _sum(usages: Sequence[Usage | None]) -> Usage | None:
    """None if one of them is not known."""
    known = [usage for usage in usages if usage is not None]
    return reduce(add, known) if len(known) == len(usages) else None


async def _nothing() -> None:
    """The call as a whole was accepted before its batches."""
