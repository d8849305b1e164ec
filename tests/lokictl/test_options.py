"""The fast parser and click read every command line alike, or the fast one leaves it to click."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokictl.commands.ask import command
from lokictl.options import ASK, parse


def by_click(arguments):
    """What click makes of ``arguments``, None if it refuses them."""
    try:
        with command.make_context("ask", list(arguments), help_option_names=["-h", "--help"]) as ctx:
            values = dict(ctx.params)
    except (click.UsageError, click.exceptions.Exit):
        return None
    words = list(values.pop("words"))
    return values, words


NAMES = [name for _, names, _, _, _ in ASK for name in names]
arguments = st.lists(
    st.one_of(
        st.sampled_from(
            [*NAMES, "-", "--", "-cu", "-cm", "-ma:b", "-t1", "-uS", "a:b", "hi", "3", "0.5", "-5"]
        ),
        st.sampled_from(NAMES).flatmap(
            lambda name: st.sampled_from([f"{name}=x", f"{name}=1", f"{name}=", name + "1"])
        ),
        st.text("ab-=:1. ", max_size=4),
    ),
    max_size=6,
)


@given(arguments)
def test_what_the_fast_parser_understands_click_understands_alike(arguments):
    parsed = parse(arguments)
    if parsed is not None:
        assert by_click(arguments) == parsed


@pytest.mark.parametrize(
    "arguments",
    [
        ["hello", "world"],
        ["a:b", "-t", "0.5", "hello"],
        ["hello", "-m", "a:b", "-c"],
        ["-cu", "--", "-x", "--help"],
        ["-f", "a", "--file=b", "-fc", "-"],
        ["--max-tokens=5", "-t-1", "x"],
        ["--system", "--json", "x"],
    ],
)
def test_ordinary_lines_take_the_fast_path(arguments):
    parsed = parse(arguments)
    assert parsed is not None
    assert parsed == by_click(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["--bogus"],
        ["-z"],
        ["-t", "warm"],
        ["--max-tokens", "1.5"],
        ["-m"],
        ["--json=1"],
        ["-cx"],
    ],
)
def test_what_it_does_not_understand_it_leaves_to_click(arguments):
    assert parse(arguments) is None
