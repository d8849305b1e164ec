from __future__ import annotations

import pytest

from lokid.config import parse
from lokid.config.problem import MOST, Path, Problem, at_most, dotted


def test_a_problem_reads_like_a_compilers() -> None:
    assert str(Problem("c.yaml", 3, 5, "clients", "is empty")) == "c.yaml:3:5: clients: is empty"
    assert str(Problem("c.yaml", 1, 1, "", "is empty")) == "c.yaml:1:1: is empty"
    assert str(Problem.of_whole("c.yaml", "is gone")) == "c.yaml: is gone", (
        "no line of a file that is not there"
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", 0, "b", "x-c"), "a[0].b.x-c"),
        ((0, "a"), "[0].a"),
        (("patch", "rerank", "gpt-4.*", "body"), "patch.rerank.'gpt-4.*'.body"),
        (("patch", "rerank", "a\n" * 100), "patch.rerank." + repr("a\n" * 30)),
        (("a", "b c"), "a.(not a word)"),
        (("sk-1a2b3c",), "(not a word)"),
        (("sk-words-without-digits",), "(not a word)"),
        (("http2",), "http2"),
    ],
)
def test_a_path_is_shown_without_what_may_be_a_value(path: Path, text: str) -> None:
    assert dotted(path) == text


def test_of_many_problems_the_first_are_told_and_how_many_more_there_are() -> None:
    problems = [Problem("f", line, 1, "a", "is wrong") for line in range(1, 8)]
    assert at_most(problems, 7) == tuple(problems)
    more = Problem("f", 6, 1, "", "2 more problems from here on are not shown")
    assert at_most(problems, 5) == (*problems[:5], more)


def test_what_is_told_of_many_problems_has_its_hint_and_the_others_only_their_place() -> None:
    models = "".join(f"      - nme: m{i}\n" for i in range(MOST))
    text = f"clients:\n  - type: openai\n    api_key: k\n    models:\n{models}"
    problems = parse(text, "x", lookup={}, environ={})
    assert isinstance(problems, tuple)
    told = [problem.message for problem in problems if problem.key.endswith(".nme")]
    assert told[: MOST // 2] == ["unknown key; did you mean `name`?"] * (MOST // 2)
    assert told[MOST:] == ["unknown key"] * len(told[MOST:])
    assert sorted(problem.line for problem in problems) == sorted([*range(5, MOST + 5)] * 2)
