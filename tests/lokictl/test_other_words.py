"""A word of another program leads to the command that does it, and every word leads somewhere."""

from __future__ import annotations

import click
import pytest

from lokictl.cli import lokictl as group
from lokictl.other_words import MEANT
from tests.fakes.terminal import lokictl


@pytest.mark.parametrize(("word", "command"), MEANT.items())
def test_a_word_is_no_command_and_what_it_stands_for_is_one(word: str, command: str) -> None:
    assert at(word) is None
    found = at(command)
    assert command == "--version" or (found is not None and not isinstance(found, click.Group))


def at(words: str) -> click.Command | None:
    found: click.Command | None = group
    for name in words.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    return found


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("secret lock", "lock"),
        ("secret rm X", "secret delete"),
        ("version", "--version"),
        ("-V", "--version"),
        ("secret sett X", "set"),
    ],
)
def test_a_word_of_a_group_and_an_option_are_suggested_too(line: str, meant: str) -> None:
    done = lokictl(*line.split())
    assert done.returncode == 2
    assert f"did you mean {meant}?" in done.stderr.decode().replace('"', "")


def test_it_is_suggested_before_what_is_merely_spelled_alike() -> None:
    done = lokictl("start")
    assert done.returncode == 2
    assert done.stderr.startswith(b'lokictl: there is no command "start", did you mean "daemon start"?\n')
