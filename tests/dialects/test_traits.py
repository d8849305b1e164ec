from __future__ import annotations

from typing import Any

import pytest

from lokid.chat import ChatRequest
from lokid.dialects.traits import Traits
from lokid.errors import InvalidParams, Unsupported

OLD = ("low", "medium", "high")


@pytest.mark.parametrize(
    ("efforts", "setting", "effort"),
    [
        (("none", *OLD), None, None),
        (("none", *OLD), "off", "none"),
        (("none", *OLD), 0, "none"),
        (("minimal", *OLD), "off", "minimal"),
        ((), "off", None),
        ((), None, None),
        (OLD, "medium", "medium"),
        (("none", *OLD), 1, "low"),
        (("none", *OLD), 4607, "low"),
        (("none", *OLD), 4609, "medium"),
        (("none", *OLD), 16384, "medium"),
        (("none", *OLD), 16385, "high"),
        (("none", *OLD), 10**9, "high"),
        (("high",), 1, "high"),
        (("minimal", "xhigh"), 1, "xhigh"),
    ],
)
def test_the_setting_becomes_an_effort_that_the_model_has(
    efforts: tuple[str, ...], setting: Any, effort: str | None
) -> None:
    assert Traits("m", efforts=efforts).effort(setting) == effort


@pytest.mark.parametrize(
    ("efforts", "setting", "words"),
    [
        (OLD, "off", "always reasons"),
        (OLD, 0, "always reasons"),
        ((), "low", "does not reason on demand"),
        ((), 100, "does not reason on demand"),
        (("high",), "low", "no reasoning effort 'low'"),
    ],
)
def test_what_the_model_cannot_do_is_said(efforts: tuple[str, ...], setting: Any, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        Traits("m", efforts=efforts).effort(setting)


def test_a_negative_budget_is_the_callers_mistake() -> None:
    with pytest.raises(InvalidParams):
        Traits("m").effort(-1)


def test_a_model_that_takes_only_one_of_the_two_refuses_both() -> None:
    picky = Traits("m", one_sampling=True)
    picky.check(ChatRequest("c:m", (), temperature=0.5))
    with pytest.raises(Unsupported, match="together"):
        picky.check(ChatRequest("c:m", (), temperature=0.5, top_p=0.5))
