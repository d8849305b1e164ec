"""A word of another program leads to the command that does it, and every word leads somewhere."""

from __future__ import annotations

import click
import pytest

from lokictl.cli import lokictl as group
from lokictl.commands import COMMANDS
from lokictl.other_words import MEANT
from tests.fakes.terminal import lokictl


@pytest.mark.parametrize(("word", "command"), MEANT.items())
def test_a_word_is_no_command_and_what_it_stands_for_is_one(word: str, command: str) -> None:
    assert word not in COMMANDS
    found: click.Command | None = group
    for name in command.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert found is not None and not isinstance(found, click.Group)


def test_it_is_suggested_before_what_is_merely_spelled_alike() -> None:
    done = lokictl("start")
    assert done.returncode == 2
    assert done.stderr.startswith(b'lokictl: there is no command "start", did you mean "daemon start"?\n')
