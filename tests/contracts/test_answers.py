"""Every provider type reads its sample answers alike: whole, streamed, however the network cuts them, and
never as an answer before their provider said that it is complete."""

from __future__ import annotations

import array
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from lokid.chat import (
    Answer,
    ChatRequest,
    EmbedRequest,
    Image,
    Message,
    Reasoning,
    RerankRequest,
    Text,
    ToolCall,
    ToolResult,
)
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder
from lokid.dialects.gemini_answer import GeminiDecoder
from lokid.errors import IncompleteResponse, LokidError
from lokid.providers import catalogue
from lokid.providers.base import Exchange, Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from tests.fakes.answers import ARGUMENTS, STATE, TEXT, THOUGHT, TOOL, Chat, samples_of
from tests.fakes.canonical import NOW, QUESTION, settings_of
from tests.fakes.feeding import fed
from tests.fakes.garbage import garbage

EACH = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))


def model_of(provider: Provider, name: str, kind: Any = "chat") -> ModelSettings:
    return catalogue.complete(provider.name, ModelSettings(name=name, type=kind, max_output_tokens=4096))


def asked(
    provider: Provider, chat: Chat, *messages: Message, stream: bool = False, name: str = "mine"
) -> Exchange[Answer]:
    assert provider.chat
    request = ChatRequest("", (*QUESTION.messages, *messages), tools=(NOW,), stream=stream)
    return provider.chat(settings_of(provider, name=name), model_of(provider, chat.model), request)


def answers(provider: Provider) -> Iterator[tuple[Chat, bytes, Exchange[Answer]]]:
    for chat in samples_of(provider.name).chats:
        yield chat, b"".join(chat.stream), asked(provider, chat, stream=True)
        yield chat, chat.whole, asked(provider, chat)


@EACH
def test_there_is_a_sample_of_everything_that_the_type_can_do(provider: Provider) -> None:
    samples = samples_of(provider.name)
    can = (provider.chat, provider.embed, provider.rerank, provider.list_models)
    have = (samples.chats, samples.embeds, samples.reranks, samples.models)
    assert [each is not None for each in can] == [bool(each) for each in have], (
        f"tests/fakes/answers.py has not a sample of everything that type {provider.name} can do"
    )


@EACH
def test_an_answer_is_the_same_whole_and_streamed_and_however_it_is_cut(provider: Provider) -> None:
    for chat, data, exchange in answers(provider):
        found = fed(exchange.decoder, data)
        answer = found.answer
        assert answer.message.role == "assistant" and answer.message.text == TEXT, chat.model
        thoughts = [part.text for part in answer.message.parts if isinstance(part, Reasoning)]
        assert thoughts == ([THOUGHT] if chat.reasons else []), chat.model
        [call] = [part for part in answer.message.parts if isinstance(part, ToolCall)]
        assert (call.id, call.name, call.arguments) == ("call_1", TOOL, ARGUMENTS)
        assert answer.finish_reason == "tool_calls" and answer.usage == chat.usage, chat.model
        if exchange.streaming:
            assert found.text == TEXT and found.reasoning == "".join(thoughts)
            [(told_id, told_name, arguments)] = found.calls
            assert (told_id, told_name, json.loads(arguments)) == ("call_1", TOOL, ARGUMENTS)


@EACH
def test_before_its_terminal_marker_no_stream_is_an_answer(provider: Provider) -> None:
    """No SDK notices."""
    for chat in samples_of(provider.name).chats:
        before, after = chat.stream
        exchange = asked(provider, chat, stream=True)
        for kept in range(len(before) + 1):
            decoder = exchange.decoder()
            with pytest.raises(IncompleteResponse):
                decoder.feed(before[:kept])
                assert not decoder.ended
                decoder.close()
        assert fed(exchange.decoder, before + after).answer
        decoder = exchange.decoder()
        decoder.feed(before + after)
        assert decoder.ended or isinstance(decoder, GeminiDecoder | ConverseStreamDecoder), chat.model


@EACH
def test_half_a_body_is_no_answer(provider: Provider) -> None:
    for chat in samples_of(provider.name).chats:
        for kept in range(len(chat.whole)):
            decoder = asked(provider, chat).decoder()
            with pytest.raises(IncompleteResponse):
                decoder.feed(chat.whole[:kept])
                decoder.close()


@EACH
def test_opaque_state_goes_back_to_where_it_came_from_and_nowhere_else(provider: Provider) -> None:
    """Another client, or another model of the same client, never sees it."""
    results = Message("tool", (ToolResult("call_1", TOOL, "noon"),))
    for chat, data, exchange in answers(provider):
        said = fed(exchange.decoder, data).answer.message
        back = asked(provider, chat, said, results).request.content().decode()
        assert (STATE in back) == chat.state, chat.model
        assert TOOL in back and "noon" in back and TEXT in json.dumps(json.loads(back), ensure_ascii=False)
        elsewhere = asked(provider, chat, said, results, name="other").request.content().decode()
        assert STATE not in elsewhere and "noon" in elsewhere, chat.model


@EACH
def test_a_picture_of_an_answer_goes_back(provider: Provider) -> None:
    """Whoever asks to change it wants it seen."""
    painted = Message("assistant", (Text("here"), Image("image/png", b"\x89PNG painted")))
    only = Message("assistant", (Image("image/png", b"\x89PNG more"),))
    asks = Message("user", (Text("now in blue"),))
    for chat in samples_of(provider.name).chats:
        if model_of(provider, chat.model).supports_vision is False:
            continue
        for said in ((painted, asks, only), (painted, asks, only, asks)):
            back = asked(provider, chat, *said).request.content().decode()
            places = [
                back.index(b64encode(image).decode()) for image in (b"\x89PNG painted", b"\x89PNG more")
            ]
            assert "here" in back and places == sorted(places), chat.model


@EACH
def test_an_answer_of_any_type_can_be_continued_at_any_other(provider: Provider) -> None:
    results = Message("tool", (ToolResult("call_1", TOOL, "noon"),))
    for other in PROVIDERS.values():
        for _, data, exchange in answers(other):
            said = fed_once(exchange, data).message
            for chat in samples_of(provider.name).chats:
                back = asked(provider, chat, said, results, name="other").request.content().decode()
                assert STATE not in back and "noon" in back, (provider.name, other.name)


def fed_once(exchange: Exchange[Answer], data: bytes) -> Answer:
    decoder = exchange.decoder()
    decoder.feed(data)
    return decoder.close()


@EACH
def test_what_follows_an_answer_changes_nothing(provider: Provider) -> None:
    for chat in samples_of(provider.name).chats:
        exchange = asked(provider, chat, stream=True)
        if "text/event-stream" in exchange.accept:
            data = b"".join(chat.stream)
            assert fed_once(exchange, data + b": ping\n\n") == fed_once(exchange, data)


@EACH
def test_vectors_come_in_the_order_of_the_texts(provider: Provider) -> None:
    for name, body in samples_of(provider.name).embeds.items():
        model = model_of(provider, name, "embedding")
        texts = ("a", "b")[: model.max_batch_size or 2]
        assert provider.embed
        exchange = provider.embed(settings_of(provider), model, EmbedRequest("", texts))
        vectors = [array.array("f", vector).tolist() for vector in fed(exchange.decoder, body).answer.vectors]
        assert vectors == [[1.0, 0.0], [0.0, 1.0]][: len(texts)], name


@EACH
def test_vectors_that_are_missing_are_an_error(provider: Provider) -> None:
    for name in samples_of(provider.name).embeds:
        model = model_of(provider, name, "embedding")
        assert provider.embed
        exchange = provider.embed(settings_of(provider), model, EmbedRequest("", ("a",)))
        with pytest.raises(LokidError):
            decoder = exchange.decoder()
            decoder.feed(b"{}")
            decoder.close()


@EACH
def test_ranks_come_best_first(provider: Provider) -> None:
    for name, body in samples_of(provider.name).reranks.items():
        assert provider.rerank
        request = RerankRequest("", "q", ("a", "b", "c"), top_n=2)
        exchange = provider.rerank(settings_of(provider), model_of(provider, name, "reranker"), request)
        results = fed(exchange.decoder, body).answer.results
        assert [(one.index, one.score) for one in results] == [(2, 0.9), (0, 0.2)], name


@EACH
def test_models_are_listed_by_name(provider: Provider) -> None:
    if provider.list_models is not None:
        body = samples_of(provider.name).models
        assert body is not None
        assert fed(provider.list_models(settings_of(provider)).decoder, body).answer == ("a", "b")


@EACH
def test_a_decoder_that_is_done_leaves_nothing_to_the_collector(provider: Provider) -> None:
    times = 4
    for chat, data, exchange in answers(provider):
        with garbage(at_least=times) as left:
            for _ in range(times):
                decoder = exchange.decoder()
                decoder.feed(data)
                decoder.close()
                del decoder
        assert not left, chat.model
