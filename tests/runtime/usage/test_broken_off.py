"""An answer that broke off is paid for as far as it came."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio
import pytest

from lokid.chat import Counted, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from lokid.config import Config
from lokid.dialects.errors import in_band
from lokid.errors import (
    BadRequest,
    ContentFiltered,
    IncompleteResponse,
    LokidError,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from lokid.providers.settings import ClientSettings
from lokid.runtime.usage import charges
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.bill import Bill
from lokid.runtime.usage.charges import Charge
from lokid.runtime.usage.rows import Row

pytestmark = pytest.mark.anyio

EVENTS = [TextDelta("x" * 40), ReasoningDelta("y" * 41), ToolCallDelta(0, "i", "n", "{}")]


async def row_of(
    act: Callable[[Charge], None], most_output: float = 0, answered: tuple[Usage, float] | None = None
) -> Row:
    bill = Bill({}, now=lambda: 1000.0)
    client = ClientSettings(type="tiny", name="acme")
    entering = bill.entry(
        client,
        "acme:m",
        "chat",
        Asker(1, "test"),
        partial(Config, ""),
        interactive=True,
        estimate=lambda: 7,
        most_output=most_output,
        price=lambda usage: usage.input_tokens + usage.output_tokens / 100,
    )
    with anyio.CancelScope() as scope:
        try:
            with entering as entry:
                await entry.come()
                charge = entry.charge()
                charge.sent()
                try:
                    act(charge)
                except LokidError as error:
                    charge.failed(error)
                    raise
                if answered:
                    entry.answered(*answered)
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        except LokidError:
            pass
    [row] = bill.ledger._unsaved
    assert isinstance(row, Row)
    return row


async def test_what_was_heard_before_a_client_left_is_booked() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.heard(EVENTS)

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("cancelled", 7, 21)
    assert row.cost_pusd == 7_210_000_000_000


async def test_so_is_an_answer_that_its_provider_broke_off() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.heard(EVENTS[:1])
        raise IncompleteResponse("the stream ended early")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("incomplete_response", 7, 10)


async def test_so_is_a_whole_answer_that_came_and_could_not_be_read() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.came(4_000)
        raise IncompleteResponse("not what was asked for")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("incomplete_response", 7, 1_000)


async def test_what_the_provider_refused_costs_nothing() -> None:
    def act(_charge: Charge) -> None:
        raise Overloaded("come back later")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.cost_pusd) == ("overloaded", None, None)


@pytest.mark.parametrize(
    ("status", "slow_s", "counts"), [(504, 0.0, (7, 0)), (504, 10.0, (None, None)), (302, 0.0, (None, None))]
)
async def test_what_a_gateway_waited_for_may_be_paid_for(
    monkeypatch: pytest.MonkeyPatch, status: int, slow_s: float, counts: tuple[int | None, int | None]
) -> None:
    monkeypatch.setattr(charges, "WORKED_S", slow_s)
    error = ProviderUnavailable("Gateway Time-out", status=status)

    def act(charge: Charge) -> None:
        charge.went(whole=True)
        charge.over(abandoned=charge.gave_up(error) or status == 302)
        raise error

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("provider_unavailable", *counts)


@pytest.mark.parametrize("error", [Overloaded, RateLimited, BadRequest, QuotaExceeded, ProviderFailed])
async def test_nor_does_a_refusal_with_status_200_or_as_the_first_event(error: type[LokidError]) -> None:
    def act(charge: Charge) -> None:
        charge.went(whole=True)
        charge.admitted = True
        charge.came(100)
        raise error("not now", refused=True)

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.cost_pusd) == (error.code, None, None)


async def test_nor_does_one_that_has_no_known_code() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.came(100)
        raise in_band({"detail": "Not Found"})

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.cost_pusd) == ("provider_error", None, None)


async def test_what_the_provider_counted_for_a_failure_is_booked_as_it_says() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.came(400)
        charge.counted = Counted(Usage(9, 0))
        raise ContentFiltered("no")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("content_filtered", 9, 0)


async def test_what_it_counted_is_at_least_what_was_heard() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.heard(EVENTS[:1])
        charge.counted = Counted(Usage(9, 1), final=False)
        raise Overloaded("half")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("overloaded", 9, 10)


async def test_an_input_that_was_counted_is_booked_and_what_was_heard() -> None:
    """Claude tells its input at the beginning: a document behind a URL is more than its letters."""

    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.heard(EVENTS[:1])
        charge.counted = Counted(Usage(9000, 1), final=False)
        raise Overloaded("half")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("overloaded", 9000, 10)


async def test_what_it_counted_before_the_answer_broke_off_is_the_least() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.heard(EVENTS[:1])
        charge.counted = Counted(Usage(9000, 1), final=False)
        raise IncompleteResponse("half")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("incomplete_response", 9000, 10)


async def test_one_behind_words_does() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.heard(EVENTS[:1])
        raise Overloaded("not any more", refused=True)

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("overloaded", 7, 10)


async def test_so_does_a_whole_answer_that_makes_no_sense() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.came(400)
        raise ProviderFailed("the provider's answer is not JSON")

    row = await row_of(act)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("provider_error", 7, 100)


@pytest.mark.parametrize(("abandoned", "tokens"), [(False, (None, None)), (True, (7, 100))])
async def test_a_pause_before_another_attempt_writes_nothing(monkeypatch, abandoned, tokens) -> None:
    """A question that was cut an hour after a refusal was booked with 180,000 tokens."""
    now = 1000.0
    monkeypatch.setattr("lokid.runtime.usage.charges.time.monotonic", lambda: now)

    def act(charge: Charge) -> None:
        nonlocal now
        charge.went(whole=True)
        now += 2
        charge.over(abandoned=abandoned)
        now += 3600

    row = await row_of(act, 100_000)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("cancelled", *tokens)


async def test_what_the_provider_counted_is_never_replaced_by_an_estimate() -> None:
    def act(charge: Charge) -> None:
        charge.admitted = True
        charge.heard(EVENTS)

    row = await row_of(act, answered=(Usage(100, 200), 0.5))
    assert (row.input_tokens, row.output_tokens, row.cost_pusd) == (100, 200, 500_000_000_000)
