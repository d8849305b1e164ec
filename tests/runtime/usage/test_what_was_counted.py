"""What a provider has counted is booked, however the question ends; what it has not is estimated, of each
request by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.chat import ChatRequest, EmbedRequest, Message, Text
from lokid.errors import LokidError
from lokid.runtime.call import ignore
from tests.fakes.provider import Call, Step, answer, close, stall
from tests.runtime.usage.test_bill import Setting, _accepted, setting

pytestmark = pytest.mark.anyio

USED = {"prompt_tokens": 10_000, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 9_900}}
MODEL = {"name": "m", "input_price": 1000, "output_price": 2000, "cached_input_price": 100}
COST = 9_900 * 10**8 + 100 * 10**9 + 20 * 2 * 10**9  # as PRICES have it, in millionths of a millionth USD


def event(value: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps(value).encode()


WORD = event({"choices": [{"index": 0, "delta": {"content": "a word"}}], "usage": USED})


async def _cut(call: Call) -> None:
    await call.head(content_type="text/event-stream", transfer_encoding="chunked")
    await call.chunk(WORD)
    await call.close()


async def _silent(call: Call) -> None:
    await call.head(content_type="text/event-stream", transfer_encoding="chunked")
    await call.chunk(WORD)
    await call.gone.wait()


async def _failed(call: Call) -> None:
    await call.head(content_type="text/event-stream", transfer_encoding="chunked")
    await call.chunk(WORD + event({"error": {"message": "Overloaded", "code": 503}}))
    await call.chunk(b"")


@pytest.mark.parametrize("step", [_cut, _silent, _failed])
async def test_until_the_stream_broke_off(home: Path, step: Step) -> None:
    async with setting(home, models=[MODEL], extra={"idle_timeout": 1}) as here:
        here.provider.will(step)
        with pytest.raises(LokidError):
            await here.ask(stream=True)
        [row] = await here.rows()
    assert (row["input_tokens"], row["cached_input_tokens"], row["output_tokens"]) == (10_000, 9_900, 20)
    assert row["cost_pusd"] == COST


@pytest.mark.parametrize("timeout_s", [0.5, None])
async def test_until_nobody_waited_any_more(home: Path, timeout_s: float | None) -> None:
    async with setting(home, models=[MODEL]) as here:
        here.provider.will(_silent)
        with anyio.move_on_after(30 if timeout_s else 0.5):
            with pytest.raises(LokidError):
                await here.ask(stream=True, timeout_s=timeout_s)
        [row] = await here.rows()
    assert row["outcome"] == ("timeout" if timeout_s else "cancelled")
    assert row["cost_pusd"] == COST


async def test_to_the_end_no_estimate_raises_it(home: Path) -> None:
    """An answer of a megabyte (a picture) would be 250,000 tokens."""
    message = {"content": "a" * 1000}
    body = {"choices": [{"message": message, "finish_reason": "abort"}], "usage": USED}
    async with setting(home, models=[MODEL]) as here:
        here.provider.will(answer(body=json.dumps(body).encode()))
        with pytest.raises(LokidError):
            await here.ask()
        [row] = await here.rows()
    assert (row["outcome"], row["output_tokens"]) == ("incomplete_response", 20)
    assert row["cost_pusd"] == COST


@pytest.mark.parametrize("written", [{}, {"completion_tokens": 0}, {"completion_tokens": None}])
async def test_of_the_input_alone_the_output_is_estimated(home: Path, written: dict[str, Any]) -> None:
    """Nobody writes 400 letters without a token."""
    body = {
        "choices": [{"message": {"content": "a" * 400}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10_000, **written},
    }
    async with setting(home, models=[MODEL]) as here:
        here.provider.will(answer(body=json.dumps(body).encode()))
        result = await here.ask()
        [row] = await here.rows()
    assert (result.answer.usage, result.cost_usd) == (None, None)
    assert (row["outcome"], row["input_tokens"], row["output_tokens"]) == ("ok", 10_000, 100)


@pytest.mark.parametrize(
    ("told", "tokens"),
    [({"completion_tokens": 20}, 20), ({"prompt_tokens": 0, "completion_tokens": 20}, 20), ({}, 100)],
)
@pytest.mark.parametrize("whole", [True, False])
async def test_of_the_output_alone_the_input_is_estimated(
    home: Path, told: dict[str, Any], tokens: int, whole: bool
) -> None:
    """Nobody reads 40,000 letters without one either. A total alone says of none what it costs."""
    choice = {"message": {"content": "a" * 400}, "finish_reason": "stop" if whole else "abort"}
    body = {"choices": [choice], "usage": {**told, "total_tokens": 20}}
    async with setting(home, models=[MODEL]) as here:
        here.provider.will(answer(body=json.dumps(body).encode()))
        request = ChatRequest("c:m", (Message("user", (Text("a" * 40_000),)),))
        if whole:
            result = await here.runtime.chat(request, emit=ignore, accepted=_accepted)
            assert (result.answer.usage, result.cost_usd) == (None, None)
        else:
            with pytest.raises(LokidError):
                await here.runtime.chat(request, emit=ignore, accepted=_accepted)
        [row] = await here.rows()
    assert 10_000 <= row["input_tokens"] < 10_020
    assert row["output_tokens"] >= tokens


@pytest.mark.parametrize("refused", [answer(400, b'{"error": {"message": "too long"}}'), close()])
async def test_what_is_not_paid_for_keeps_no_question_waiting(home: Path, refused: Step) -> None:
    """A shorter one is asked at once."""
    async with setting(
        home, models=[MODEL], limits={"tokens_per_minute": 5000}, extra={"max_retries": 0}
    ) as here:
        here.provider.will(refused)
        with pytest.raises(LokidError):
            await here.ask(system="a" * 40_000)
        with anyio.fail_after(5):
            await here.ask()


# --- an embed in several requests, of 101 tokens each by the estimate

TEXT = "a" * 400
VECTOR = {"data": [{"index": 0, "embedding": [1.0]}]}
TOLD = answer(body=json.dumps({**VECTOR, "usage": {"prompt_tokens": 1000}}).encode())
UNTOLD = answer(body=json.dumps(VECTOR).encode())


def after(seconds: float, step: Step) -> Step:
    async def late(call: Call) -> None:
        await anyio.sleep(seconds)
        await step(call)

    return late


async def embedded(here: Setting, texts: int, *steps: Step, default: Step) -> int:
    """Tokens in the row of one that fails."""
    here.provider.will(*steps)
    here.provider.default = default
    with pytest.raises(LokidError):
        await here.runtime.embed(EmbedRequest("c:e", (TEXT,) * texts), accepted=_accepted)
    [row] = await here.rows()
    assert row["cost_pusd"] == row["input_tokens"] * 10**9
    tokens: int = row["input_tokens"]
    return tokens


async def test_those_that_were_refused_and_wait_are_not_booked(home: Path) -> None:
    busy = answer(429, b"{}", retry_after="20")
    async with setting(home, extra={"max_retries": 2}) as here:
        bad = after(0.5, answer(400, b"{}"))
        assert await embedded(here, 8, *[TOLD] * 4, bad, busy, busy, busy, default=TOLD) == 4000


async def test_those_that_were_not_sent_are_not_booked(home: Path) -> None:
    async with setting(home, extra={"max_connections": 1}) as here:
        bad = after(0.2, answer(400, b"{}"))
        tokens = await embedded(here, 40, TOLD, bad, default=stall())
        # The connection is free before anybody knows of the refusal, and the next one is sent over it.
        assert tokens == 1000 + 101 * (len(here.provider.requests) - 2)


async def test_those_that_were_under_way_are_booked_beside_a_refusal(home: Path) -> None:
    async with setting(home) as here:
        bad = after(0.5, answer(400, b"{}"))
        assert await embedded(here, 4, bad, default=stall()) == 3 * 101


async def test_one_that_failed_with_a_count_does_not_hide_the_others(home: Path) -> None:
    broken = json.dumps({"data": [{"index": 0, "embedding": ["x"]}], "usage": {"prompt_tokens": 1000}})
    async with setting(home) as here:
        bad = after(0.5, answer(body=broken.encode()))
        assert await embedded(here, 5, UNTOLD, bad, default=stall()) == 1000 + 4 * 101
