"""What the budget of the extra socket counts, whatever whoever is at its other end does."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.chat import ChatRequest, Message, Text
from lokid.errors import BudgetExceeded, IncompleteResponse, LokidError, NotForThisSocket, Overloaded
from lokid.providers import catalogue
from lokid.runtime import core, retry
from lokid.runtime.breaker import FAILURES
from lokid.runtime.call import ignore
from lokid.runtime.usage import charges, ledger
from lokid.runtime.usage.asker import EXTRA as EXTRA_PROGRAM
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.estimates import SAMPLE, size
from lokid.runtime.usage.price import AHEAD, BEHIND, PARTS, likes
from lokid.runtime.usage.rows import Row, pico
from lokid.runtime.usage.spending import Period, bounds
from tests.fakes.provider import Call, answer, stream
from tests.runtime.usage.test_bill import Setting, said, setting

pytestmark = pytest.mark.anyio

EXTRA: dict[str, Any] = {"extra_socket": {"models": ["c:*"], "budget": {"usd_per_day": 1.0}}}


def spent(here: Setting) -> float:
    status = here.runtime.extra_status()
    assert status is not None
    return float(status["today"]["cost_usd"])


async def ask(here: Setting, prompt: str, model: str = "c:m") -> None:
    request = ChatRequest(model, (Message("user", (Text(prompt),)),))

    async def accepted() -> None:
        pass

    await here.runtime.chat(request, emit=ignore, accepted=accepted, asker=Asker(restricted=True))


async def test_a_provider_that_reports_no_usage_does_not_make_its_answers_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"choices": [{"index": 0, "message": {"content": "x" * 40}, "finish_reason": "stop"}]}
    async with setting(tmp_path, top=EXTRA) as here:
        monkeypatch.setattr(charges, "UNSEEN_PER_S", 10**9)  # it came whole, so there was nothing unseen
        here.provider.will(answer(body=json.dumps(said).encode()))
        await ask(here, "x" * 400)
        assert spent(here) == pytest.approx(105 * 0.001 + 10 * 0.002)  # five are around the text


async def test_thoughts_behind_the_first_word_are_not_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word, and then as many unseen tokens as time passes until it is cancelled."""
    monkeypatch.setattr(charges, "UNSEEN_PER_S", 10**9)
    event = {"choices": [{"index": 0, "delta": {"content": "1234"}}]}
    cut = stream(f"data: {json.dumps(event)}\n\n".encode(), end=False)
    async with setting(tmp_path, top=EXTRA) as here:
        here.provider.will(cut)
        with pytest.raises(IncompleteResponse):
            await here.ask(asker=Asker(restricted=True), stream=True, max_tokens=70)
        assert (await here.rows())[-1]["output_tokens"] == 70


async def test_a_question_whose_input_costs_more_than_is_left_is_not_sent(tmp_path: Path) -> None:
    async with setting(tmp_path, top=EXTRA) as here:
        with pytest.raises(BudgetExceeded):
            await ask(here, "x" * 4 * 1001)  # 1001 tokens of a tenth of a cent
        assert here.provider.requests == []
        await ask(here, "x" * 4 * 900)


async def test_questions_at_the_same_moment_do_not_spend_the_same_dollar(tmp_path: Path) -> None:
    go, here_now = anyio.Event(), anyio.Event()

    async def held(call: Call) -> None:
        here_now.set()
        await go.wait()
        await answer(body=b"{}")(call)

    async with setting(tmp_path, top=EXTRA) as here, anyio.create_task_group() as tasks:
        here.provider.will(held)

        async def first() -> None:
            with pytest.raises(LokidError):
                await ask(here, "x" * 4 * 600)

        tasks.start_soon(first)
        await here_now.wait()
        with pytest.raises(BudgetExceeded):
            await ask(here, "x" * 4 * 600)
        go.set()


@pytest.mark.parametrize("period", ["day", "month"])
async def test_nobody_spends_there_what_nobody_knows_is_left(
    tmp_path: Path, period: Period, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a ledger that is damaged; the user's own questions go on."""
    path = tmp_path / ".local/state/lokid/usage.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database " * 300)
    extra = {"extra_socket": {"models": ["c:*"], "budget": {f"usd_per_{period}": 9}}}
    async with setting(tmp_path, top=extra) as here:
        with pytest.raises(BudgetExceeded) as refused:
            await ask(here, "x")
        until = bounds(time.time())[period][1]
        assert refused.value.retry_after_s == pytest.approx(until - time.time(), abs=60)
        told = here.runtime.extra_status()
        assert told is not None
        assert told["budget_unknown"]["until"] == until
        assert "move it away" in told["budget_unknown"]["reason"]
        await here.ask()
        monkeypatch.setattr(here.runtime.bill, "now", lambda: until)
        await ask(here, "x")
    path.unlink()
    async with setting(tmp_path, top=extra) as here:
        await ask(here, "x")


async def test_what_was_in_a_journal_that_could_not_be_read_counts_as_soon_as_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then nobody knows what is left at the extra socket. All else counts as ever."""
    monkeypatch.setattr(ledger, "RETRY_S", 0.02)
    path = tmp_path / ".local/state/lokid"
    path.mkdir(parents=True)
    bad, good = (path / f"usage-{digits * 8}.journal" for digits in ("ab", "cd"))
    facts = {"model": "m", "method": "chat", "pid": 1, "input_tokens": 10, "output_tokens": 20}
    unknown = dict.fromkeys(
        ("cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "first_token_ms")
    )
    one = Row(
        **facts, **unknown, client="c", program="", total_ms=1, outcome="ok", attempts=1, at=0, cost_pusd=0
    )

    def of(journal: Path, *rows: tuple[float, str, float]) -> None:
        numbered = [
            (number, *one._replace(at=round(at * 1000), program=program, cost_pusd=pico(usd)))
            for number, (at, program, usd) in enumerate(rows, 1)
        ]
        journal.write_text("".join(f"\n{json.dumps(row)}" for row in numbered))

    noon = time.mktime((2026, 11, 30, 12, 0, 0, 0, 0, -1))
    monkeypatch.setattr(time, "time", lambda: noon)
    of(good, (noon - 60, "sh", 1.0))
    bad.symlink_to(good)
    async with setting(tmp_path, top=EXTRA) as here:
        with pytest.raises(BudgetExceeded):
            await ask(here, "x")
        told = here.runtime.extra_status()
        assert told is not None
        assert "make it readable" in told["budget_unknown"]["reason"]
        usage = here.runtime.usage_status()
        assert usage["today"]["cost_usd"] == 1.0
        assert "counts_from" not in usage["ledger"]
        assert usage["ledger"]["state"] == "degraded"
        bad.unlink()
        of(
            bad,
            (noon - 50, f"{EXTRA_PROGRAM} x", 0.5),
            (noon - 40, "sh", 0.25),
            (noon - 86400, f"{EXTRA_PROGRAM} x", 8.0),
            (noon - 40 * 86400, "sh", 16.0),
        )
        with anyio.fail_after(10):
            while here.runtime.usage_status()["ledger"]["state"] != "ok":
                await anyio.sleep(0.01)
        usage = here.runtime.usage_status()
        assert usage["today"]["cost_usd"] == 1.75
        assert usage["month"]["cost_usd"] == 9.75
        assert spent(here) == 0.5
        await ask(here, "x")


@pytest.mark.parametrize("extra", [{"models": ["c:*"], "budget": {"usd_per_day": 0}}, None])
async def test_a_question_that_waits_has_the_budget_that_is_there_when_its_turn_comes(
    tmp_path: Path, extra: dict[str, Any] | None
) -> None:
    go, here_now = anyio.Event(), anyio.Event()

    async def held(call: Call) -> None:
        here_now.set()
        await go.wait()
        await said(prompt=10, completion=20)(call)

    async with setting(tmp_path, top=EXTRA, limits={"concurrency": 1}) as here:
        here.provider.will(held)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, here, "x")
            await here_now.wait()

            async def second() -> None:
                with pytest.raises((BudgetExceeded, NotForThisSocket)):
                    await ask(here, "x")

            tasks.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            file = tmp_path / "config.yaml"
            config = {"clients": json.loads(file.read_text())["clients"]}
            file.write_text(json.dumps(config | ({} if extra is None else {"extra_socket": extra})))
            await here.runtime.reload()
            go.set()
        assert len(here.provider.requests) == 1


async def test_what_fails_over_the_extra_socket_stops_none_of_the_users_own_questions_nor_their_retries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many servers answer 500 or 429 to a question that is made for it."""
    monkeypatch.setattr(retry, "BASE_S", 0.0)
    async with setting(tmp_path, top=EXTRA) as here:
        client = here.runtime.generation.clients["c"]
        works, here.provider.default = here.provider.default, answer(503, body=b"{}")
        for _ in range(FAILURES):
            with pytest.raises(LokidError):
                await ask(here, "x")
        with pytest.raises(LokidError, match="not sent"):
            await ask(here, "x")
        assert client.budget.share.tokens < client.budget.tokens == retry.CAPACITY
        assert client.state()[0] == "ready"
        here.provider.default = works
        await here.ask()
        with pytest.raises(LokidError, match="not sent"):  # nor does that one let theirs go
            await ask(here, "x")
        await here.runtime.reload()
        await ask(here, "x")


async def test_a_question_for_which_no_place_is_free_is_not_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To refuse one again and again must not cost more than to send it."""
    extra = {"extra_socket": EXTRA["extra_socket"] | {"limits": {"concurrency": 1}}}
    looked, here_now = 0, anyio.Event()

    def tokens(request: ChatRequest) -> int:
        nonlocal looked
        looked += 1
        return 1

    async def held(_call: Call) -> None:
        here_now.set()
        await anyio.sleep_forever()

    monkeypatch.setattr(core, "chat_tokens", tokens)
    async with setting(tmp_path, top=extra) as here, anyio.create_task_group() as tasks:
        here.provider.will(held)
        tasks.start_soon(ask, here, "x")
        await here_now.wait()
        assert looked == 1
        with pytest.raises(Overloaded):
            await ask(here, "x")
        assert looked == 1
        tasks.cancel_scope.cancel()


async def test_a_question_that_was_not_sent_leaves_no_row(tmp_path: Path) -> None:
    models = [{"name": "m", "max_input_tokens": 1, "input_price": 1}]
    async with setting(tmp_path, top=EXTRA, models=models) as here:
        with pytest.raises(LokidError, match="longer than 1 tokens"):
            await ask(here, "x" * 4000)
        assert await here.rows() == []


async def test_who_leaves_before_anything_was_sent_leaves_no_row(tmp_path: Path) -> None:
    """To connect, ask and go takes a moment, and the file of the ledger would be the damage."""
    async with setting(tmp_path, top=EXTRA, api_base="http://127.0.0.1:1/v1") as here:
        with pytest.raises(LokidError, match="127"):
            await ask(here, "x")
        assert await here.rows() == []


@pytest.mark.parametrize("length", [1, SAMPLE, 10 * SAMPLE + 7])
def test_a_text_has_more_tokens_where_its_letters_have_more_bytes(length: int) -> None:
    for letter, each in (("x", 1), ("é", 2), ("中", 3), ("\U0001f600", 4)):
        assert size(letter * length) == pytest.approx(each * length, rel=0.01)


async def spent_on(tmp_path: Path, model: str, *allowed: str) -> float:
    """With 10 tokens of input and 20 of output, at a client that takes any name."""
    top = {"extra_socket": {"models": [*allowed]}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "vendor", lambda _: "openrouter")  # it goes by the address
        async with setting(tmp_path, top=top, name="openrouter", models=None) as here:
            await ask(here, "x", model)
            return spent(here)


@pytest.mark.parametrize(
    "odd",
    [
        "openai/gpt-4o:online",
        "openai/gpt-4o:a:b:c:d:e:f:g:h:i",
        "models/openai/gpt-4o",
        "ft:openai/gpt-4o:me::1",
    ],
)
async def test_a_model_that_only_a_star_allows_is_not_free_for_an_odd_name(tmp_path: Path, odd: str) -> None:
    whole = await spent_on(tmp_path, "openrouter:openai/gpt-4o", "openrouter:*")
    assert whole > 0
    (tmp_path / ".local/state/lokid/usage.db").unlink()
    assert await spent_on(tmp_path, f"openrouter:{odd}", "openrouter:*") == whole


@pytest.mark.parametrize("model", ["openrouter:openai/gpt-4o:free", "openrouter:mine-9"])
async def test_a_model_that_was_named_or_is_like_none_stays_without_a_price(
    tmp_path: Path, model: str
) -> None:
    assert await spent_on(tmp_path, model, model, "openrouter:mine*") == 0


def test_of_a_long_name_little_is_looked_at() -> None:
    assert [*likes("openai/gpt-4o:x")][:5] == ["openai/gpt-4o", "openai/gpt", "openai", "gpt-4o:x", "gpt-4o"]
    assert len([*likes("a-" * 10_000_000)]) <= PARTS + AHEAD * (BEHIND + 1)
