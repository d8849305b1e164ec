from __future__ import annotations

import pytest

from lokid.config.problem import Path, Problem, dotted


def test_a_problem_reads_like_a_compilers() -> None:
    assert str(Problem("c.yaml", 3, 5, "clients", "is empty")) == "c.yaml:3:5: clients: is empty"
    assert str(Problem("c.yaml", 1, 1, "", "is empty")) == "c.yaml:1:1: is empty"


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
        (("http2",), "http2"),
    ],
)
def test_a_path_is_shown_without_what_may_be_a_value(path: Path, text: str) -> None:
    assert dotted(path) == text
