"""Budget, turn and row of a request, through the runtime and against a provider."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.chat import ChatRequest, ChatResult, EmbedRequest, Message, RerankRequest, Text
from lokid.errors import (
    BadRequest,
    BudgetExceeded,
    IncompleteResponse,
    LokidError,
    ProviderFailed,
    TimedOut,
    TryLater,
    UnknownModel,
)
from lokid.runtime.call import ignore
from lokid.runtime.core import Runtime
from lokid.runtime.usage import charges
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.spending import Spending
from tests.fakes.provider import Call, FakeProvider, Step, answer, stall, stream

pytestmark = pytest.mark.anyio

PRICES = {"input_price": 1000, "output_price": 2000}  # USD per million: 0.001 and 0.002 a token
MODELS = [
    {"name": "m", **PRICES},
    {"name": "free"},
    {"name": "e", "type": "embedding", "input_price": 1000, "max_batch_size": 1},
    {"name": "r", "type": "reranker"},
]


DONE = b"data: [DONE]\n\n"


class Setting:
    """A runtime whose one client ``c`` is a fake provider."""

    def __init__(self, home: Path, provider: FakeProvider, runtime: Runtime) -> None:
        self.home = home
        self.provider = provider
        self.runtime = runtime

    async def ask(self, model: str = "c:m", asker: Asker | None = None, **settings: Any) -> ChatResult:
        request = ChatRequest(model, (Message("user", (Text("hello"),)),), **settings)
        result = await self.runtime.chat(request, emit=ignore, accepted=_accepted, asker=asker)
        assert isinstance(result, ChatResult)
        return result

    async def rows(self) -> list[dict[str, Any]]:
        await self.runtime.usage(None, None, None)  # flushes
        with closing(sqlite3.connect(self.home / ".local/state/lokid/usage.db")) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM requests ORDER BY rowid")]


async def _accepted() -> None:
    pass


def said(**usage: int) -> Step:
    message = {"role": "assistant", "content": "hi"}
    body: dict[str, Any] = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    if usage:
        body["usage"] = {"prompt_tokens": usage["prompt"], "completion_tokens": usage["completion"]}
    return answer(body=json.dumps(body).encode())


@asynccontextmanager
async def setting(home: Path, *, top: dict[str, Any] | None = None, **keys: Any) -> AsyncIterator[Setting]:
    async with FakeProvider(default=said(prompt=10, completion=20)) as provider:
        client = {"type": "openai-compatible", "name": "c", "api_base": provider.url, "models": MODELS}
        client |= {"extra": {"max_retries": 1}} | keys
        (home / "config.yaml").write_text(json.dumps({**(top or {}), "clients": [client]}))
        runtime = Runtime({"HOME": str(home), "LOKID_CONFIG": str(home / "config.yaml")}, builtin=False)
        async with anyio.create_task_group() as tasks:
            await tasks.start(lambda task_status: runtime.run(task_status=task_status))
            yield Setting(home, provider, runtime)
            tasks.cancel_scope.cancel()


async def test_an_answer_leaves_a_row_with_everything_but_its_words(home: Path) -> None:
    async with setting(home) as here:
        result = await here.ask(asker=Asker(42, "vi"))
        [row] = await here.rows()
    assert result.cost_usd == 0.05
    assert row.pop("at") > 0
    assert row.pop("total_ms") >= 0
    assert row.pop("first_token_ms") is None  # it came as a whole
    assert row == {
        "client": "c",
        "model": "m",
        "method": "chat",
        "program": "vi",
        "pid": 42,
        "input_tokens": 10,
        "output_tokens": 20,
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost_pusd": 50_000_000_000,
        "outcome": "ok",
        "attempts": 1,
    }
    files = (home / ".local/state/lokid").iterdir()
    assert all(b"hello" not in file.read_bytes() for file in files)


async def test_the_first_part_of_a_stream_is_timed(home: Path) -> None:
    event = {"choices": [{"index": 0, "delta": {"content": "hi"}}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    async with setting(home) as here:
        here.provider.will(stream(*(f"data: {json.dumps(one)}\n\n".encode() for one in (event, end)), DONE))
        await here.ask(stream=True)
        [row] = await here.rows()
    assert 0 <= row["first_token_ms"] <= row["total_ms"]


async def test_embed_and_rerank_leave_rows_and_every_batch_is_an_attempt(home: Path) -> None:
    vector = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 7, "total_tokens": 7}}
    scores = {"results": [{"index": 0, "relevance_score": 0.5}]}
    async with setting(home) as here:
        here.provider.will(*[answer(body=json.dumps(vector).encode())] * 2)
        await here.runtime.embed(EmbedRequest("c:e", ("a", "b")), accepted=_accepted)
        here.provider.will(answer(body=json.dumps(scores).encode()))
        await here.runtime.rerank(RerankRequest("c:r", "q", ("a",)), accepted=_accepted)
        embed, rerank = await here.rows()
    assert (embed["method"], embed["attempts"], embed["input_tokens"]) == ("embed", 2, 14)
    assert embed["cost_pusd"] == 14 * 10**9
    assert (rerank["method"], rerank["model"], rerank["cost_pusd"]) == ("rerank", "r", None)


@pytest.mark.parametrize(("failing", "extra"), [(answer(400, b"{}"), 0), (answer(200, b'{"data":'), 100)])
async def test_of_batches_of_which_one_fails_the_others_are_booked_as_they_were_answered(
    home: Path, failing: Step, extra: int
) -> None:
    """And by an estimate what nobody said of one that was sent, but for a refusal. Most are never sent."""
    said = {
        "data": [{"index": 0, "embedding": [1.0]}],
        "usage": {"prompt_tokens": 7000, "total_tokens": 7000},
    }
    async with setting(home, extra={"max_connections": 1}) as here:  # so one comes after the other
        here.provider.will(answer(body=json.dumps(said).encode()), failing)
        here.provider.default = stall()
        with pytest.raises(LokidError):
            await here.runtime.embed(EmbedRequest("c:e", ("a" * 400,) * 40), accepted=_accepted)
        [row] = await here.rows()
    # Up to three that are under way with the one that fails may be paid for.
    assert 7000 <= row["input_tokens"] - extra <= 7000 + 330
    assert row["cost_pusd"] == row["input_tokens"] * 10**9


async def test_of_batches_of_which_one_tells_no_tokens_the_others_are_booked_all_the_same(home: Path) -> None:
    """A budget would never end."""
    silent = {"data": [{"index": 0, "embedding": [1.0]}]}
    said = {**silent, "usage": {"prompt_tokens": 7000, "total_tokens": 7000}}
    async with setting(home, extra={"max_connections": 1}) as here:  # so one comes after the other
        here.provider.will(*(answer(body=json.dumps(one).encode()) for one in (said, silent)))
        texts = ("a" * 400, "b" * 400)
        result = await here.runtime.embed(EmbedRequest("c:e", texts), accepted=_accepted)
        [row] = await here.rows()
    assert (result.answer.usage, result.cost_usd) == (None, None)
    assert row["outcome"] == "ok" and 7000 + 90 <= row["input_tokens"] <= 7000 + 110
    assert row["cost_pusd"] == row["input_tokens"] * 10**9


async def test_an_answer_that_breaks_off_in_its_first_line_is_paid_for_all_the_same(home: Path) -> None:
    async def half(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 O")
        await call.close()

    async with setting(home) as here:
        here.provider.will(half)
        with pytest.raises(IncompleteResponse):
            await here.ask()
        [row] = await here.rows()
    assert row["outcome"] == "incomplete_response" and row["input_tokens"] > 0 and row["cost_pusd"] > 0


@pytest.mark.parametrize(
    ("kind", "paid"), [("text/html", False), ("application/json", True), ("text/plain", True)]
)
async def test_what_comes_in_place_of_a_stream_costs_nothing_if_it_is_a_page(
    home: Path, kind: str, paid: bool
) -> None:
    """A server that knows no streams has answered and wants its money, and a budget has to see it."""
    whole = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
    async with setting(home) as here:
        here.provider.will(answer(200, json.dumps(whole).encode(), kind=kind))
        with pytest.raises(ProviderFailed):
            await here.ask(stream=True)
        [row] = await here.rows()
    assert row["outcome"] == "provider_error"
    assert (row["cost_pusd"] is not None) == paid


async def test_a_failure_leaves_a_row_with_its_code_and_its_attempts(home: Path) -> None:
    async with setting(home) as here:
        here.provider.will(*[answer(503, b"{}", retry_after="0")] * 2)
        with pytest.raises(TryLater) as later:
            await here.ask()
        here.provider.will(answer(400, b"{}"))
        with pytest.raises(BadRequest):
            await here.ask()
        with pytest.raises(UnknownModel):  # there is no client to write it down for
            await here.ask("nobody:m")
        dry = ChatRequest("c:m", (Message("user", (Text("x"),)),), dry_run=True)
        await here.runtime.chat(dry, emit=ignore, accepted=_accepted)
        rows = await here.rows()
    assert [(row["outcome"], row["attempts"], row["cost_pusd"]) for row in rows] == [
        (later.value.code, 2, None),
        ("bad_request", 1, None),
    ]


async def _hang(call: Call) -> None:
    await call.gone.wait()


async def _abandon(here: Setting, ask: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    """Its row."""
    before = len(here.provider.requests)
    here.provider.will(_hang)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await here.provider.until(lambda: len(here.provider.requests) > before)
            scope.cancel()
    return (await here.rows())[-1]


async def test_a_question_that_is_left_to_be_sent_again_has_its_row_there(home: Path) -> None:
    """lokid ends while it waits."""
    asker = Asker(1)

    async def leaves() -> None:
        asker.left = True
        await anyio.sleep_forever()

    request = ChatRequest("c:m", (Message("user", (Text("hello"),)),))
    async with setting(home) as here:
        await here.ask()
        with anyio.move_on_after(0.5):
            await here.runtime.chat(request, emit=ignore, accepted=leaves, asker=asker)
        assert asker.left and len(await here.rows()) == 1


async def test_a_cancelled_question_leaves_a_row(home: Path) -> None:
    async with setting(home) as here:
        row = await _abandon(here, here.ask)
    assert (row["outcome"], row["attempts"]) == ("cancelled", 1)
    assert row["input_tokens"] >= 1, "the provider has the question, and may be paid for it"


async def test_what_a_provider_may_have_written_unseen_counts_by_the_second(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who cancels just before the answer comes would spend what no budget sees."""
    monkeypatch.setattr(charges, "UNSEEN_PER_S", 10**9)
    async with setting(home) as here:
        assert (await _abandon(here, here.ask))["output_tokens"] > 1000
        row = await _abandon(here, partial(here.ask, max_tokens=7))
        assert (row["output_tokens"], row["cost_pusd"]) == (7, (row["input_tokens"] + 2 * 7) * 10**9)
        embed = partial(here.runtime.embed, EmbedRequest("c:e", ("a",)), accepted=_accepted)
        assert (await _abandon(here, embed))["output_tokens"] == 0


async def test_of_a_stream_that_breaks_off_counts_what_was_seen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charges, "UNSEEN_PER_S", 10**9)
    event = {"choices": [{"index": 0, "delta": {"content": "12345"}}]}
    async with setting(home) as here:
        here.provider.will(stream(f"data: {json.dumps(event)}\n\n".encode(), end=False))
        with pytest.raises(IncompleteResponse):
            await here.ask(stream=True)
        [row] = await here.rows()
    assert row["output_tokens"] == 2


async def test_today_shows_in_the_status_and_after_a_restart_too(home: Path) -> None:
    for times in (1, 2):
        async with setting(home, top={"budget": {"usd_per_day": 9}}) as here:
            await here.ask()
            here.provider.will(said())
            await here.ask("c:free")
            status = here.runtime.usage_status()
            assert status["today"] == status["month"]
            assert status["today"]["requests"] == 2 * times
            assert status["today"]["unpriced"] == times
            assert status["today"]["cost_usd"] == pytest.approx(0.05 * times)
            assert status["budgets"][0]["spent_usd"] == pytest.approx(0.05 * times)
            assert status["ledger"]["state"] == "ok"
            [client] = here.runtime.list_clients()
            assert client["today"] == status["today"]


@pytest.mark.parametrize("overall", [True, False])
async def test_over_the_budget_nothing_is_sent(home: Path, overall: bool) -> None:
    budget = {"budget": {"usd_per_day": 0.1}}
    top, own = (budget, {}) if overall else ({}, budget)
    async with setting(home, top=top, **own) as here:
        await here.ask()
        await here.ask()
        with pytest.raises(BudgetExceeded, match=r"0\.10 of 0\.10 USD today") as caught:
            await here.ask()
        assert caught.value.retry_after_s is not None
        assert 0 < caught.value.retry_after_s <= 25 * 3600
        assert len(here.provider.requests) == 2
        assert (await here.rows())[-1]["outcome"] == "budget_exceeded"
        [client] = here.runtime.list_clients()
        assert client["state"] == "ready"  # its provider has nothing to do with it
    async with setting(home, top=top, **own) as here:  # a restart does not refill it
        with pytest.raises(BudgetExceeded):
            await here.ask()


async def test_what_was_spent_while_the_clock_was_ahead_does_not_close_today_after_a_restart(
    home: Path,
) -> None:
    limits: dict[str, Any] = {"top": {"budget": {"usd_per_day": 0.06, "usd_per_month": 0.06}}}
    async with setting(home, **limits) as here:
        here.runtime.bill.now = lambda: time.time() + 400 * 86400
        await here.ask()
    async with setting(home, **limits) as here:
        assert here.runtime.usage_status()["today"]["requests"] == 0
        await here.ask()
        assert here.runtime.usage_status()["month"]["requests"] == 1


@pytest.mark.parametrize("away", [-20_000 * 86400, 400 * 86400])
async def test_a_start_with_a_wrong_clock_does_not_begin_todays_budget_anew(home: Path, away: int) -> None:
    limits: dict[str, Any] = {"top": {"budget": {"usd_per_day": 0.14}}}
    async with setting(home, **limits) as here:
        await here.ask()
    async with setting(home, **limits) as here:
        here.runtime.bill.spending = Spending()  # as after a start at that time
        here.runtime.bill.spending.of(None, "day", time.time() + away)
        await here.ask()
        await here.ask()
        status = here.runtime.usage_status()
        assert status["today"]["requests"] == status["month"]["requests"] == 3
        with pytest.raises(BudgetExceeded, match=r"0\.15 of 0\.14 USD today"):
            await here.ask()


async def test_a_budget_that_is_raised_is_open_at_once(home: Path) -> None:
    async with setting(home, top={"budget": {"usd_per_day": 0.01}}) as here:
        await here.ask()
        with pytest.raises(BudgetExceeded):
            await here.ask()
        config = json.loads((home / "config.yaml").read_text())
        (home / "config.yaml").write_text(json.dumps(config | {"budget": {"usd_per_day": 1}}))
        await here.runtime.reload()
        await here.ask()


async def test_who_waits_is_refused_when_the_budget_ends_meanwhile(home: Path) -> None:
    refused: list[BudgetExceeded] = []

    async def ask(here: Setting) -> None:
        try:
            await here.ask()
        except BudgetExceeded as error:
            refused.append(error)

    keys = {"limits": {"concurrency": 1}, "budget": {"usd_per_day": 0.05}}
    async with setting(home, **keys) as here:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask, here)
        assert len(refused) == 2
        assert len(here.provider.requests) == 1


@pytest.mark.parametrize(("before", "after", "goes"), [(9, 0.01, False), (0.05, 9, True)])
async def test_who_waits_has_the_budget_of_its_client_that_is_there_when_its_turn_comes(
    home: Path, before: float, after: float, goes: bool
) -> None:
    go = anyio.Event()
    outcomes: list[str] = []

    async def held(call: Call) -> None:
        await go.wait()
        await said(prompt=10, completion=20)(call)

    async def ask(here: Setting) -> None:
        try:
            await here.ask()
            outcomes.append("ok")
        except BudgetExceeded as error:
            outcomes.append(error.code)

    async with setting(home, limits={"concurrency": 1}, budget={"usd_per_day": before}) as here:
        here.provider.default = held
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, here)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(ask, here)
            await anyio.wait_all_tasks_blocked()
            config = json.loads((home / "config.yaml").read_text())
            config["clients"][0]["budget"]["usd_per_day"] = after
            (home / "config.yaml").write_text(json.dumps(config))
            await here.runtime.reload()
            go.set()
        assert outcomes == ["ok", "ok" if goes else "budget_exceeded"]


async def test_the_limits_hold_for_all_who_ask(home: Path) -> None:
    now, most = 0, 0

    async def slow(call: Call) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.sleep(0.005)
        now -= 1
        await said(prompt=1, completion=1)(call)

    async with setting(home, limits={"concurrency": 3}) as here:
        here.provider.default = slow
        async with anyio.create_task_group() as tasks:
            for index in range(12):
                tasks.start_soon(here.ask, "c:m", Asker(index))
        assert most == 3
        assert len(await here.rows()) == 12


async def test_a_waiting_question_can_be_cancelled_and_its_time_runs(home: Path) -> None:
    async def hang(call: Call) -> None:
        await call.gone.wait()

    async with setting(home, limits={"concurrency": 1}) as here:
        here.provider.will(hang)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.ask)
            await here.provider.until(lambda: bool(here.provider.requests))
            with pytest.raises(TimedOut, match="total"):
                await here.ask(timeout_s=0.05)
            asker = Asker(1)
            with anyio.move_on_after(0.05):
                await here.ask(asker=asker)
            assert not asker.waiting
            tasks.cancel_scope.cancel()
        await here.ask()  # nobody is in the way any more
        rows = await here.rows()
    assert [(row["outcome"], row["attempts"]) for row in rows] == [
        ("timeout", 0),
        ("cancelled", 0),
        ("cancelled", 1),
        ("ok", 1),
    ]


async def test_a_thousand_questions_at_once_lose_no_row(home: Path) -> None:
    costs: list[float] = []
    async with setting(home) as here:

        async def ask(index: int) -> None:
            result = await here.ask(asker=Asker(index, f"program {index % 5}"))
            costs.append(result.cost_usd or 0)

        async with anyio.create_task_group() as tasks:
            for index in range(1000):
                tasks.start_soon(ask, index)
        [total] = await here.runtime.usage(None, None, None)
        programs = await here.runtime.usage(None, None, "program")
    assert total["requests"] == 1000
    assert total["cost_usd"] == pytest.approx(sum(costs), abs=1e-9)
    assert [row["requests"] for row in programs] == [200] * 5
