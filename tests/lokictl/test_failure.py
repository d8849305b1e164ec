"""Errors of the daemon, as a person reads them."""

from __future__ import annotations

import re
from importlib import import_module

import click
import pytest

from lokictl.commands import COMMANDS
from lokictl.failure import Failure
from tests.fakes.terminal import ROOT


@pytest.mark.parametrize(
    ("client", "message", "shown"),
    [
        ("openai", "not accepted: see https://platform.openai.com", "openai: not accepted: see https://"),
        ("a", "the provider failed", "a: the provider failed"),
        ("a", "client 'a' is switched off", "client 'a' is switched off"),
        ("a", "no model is called 'a:m'", "no model is called 'a:m'"),
        ("a", "a: told already", "a: told already"),
    ],
)
def test_an_error_names_the_client_once(client: str, message: str, shown: str) -> None:
    error = {"code": "provider_error", "message": message, "client": client}
    assert Failure.from_error(error).message.startswith(shown)


def _options(*names: str) -> set[str]:
    """Of ``lokictl NAME...``; those of ``ask`` are click's for the help too."""
    first, *rest = names
    found = import_module(f"lokictl.commands.{first}{'_' if first == 'import' else ''}").command
    for name in rest:
        if isinstance(found, click.Group):
            found = found.commands.get(name, found)
    return {option for parameter in found.params for option in parameter.opts} | {"--help"}


def test_commands_that_are_named_to_a_person_have_the_options_that_are_named() -> None:
    told = re.compile(r"lokictl ((?:[a-z]+ ){1,2})(--[a-z0-9-]+)")
    folders = (ROOT / name for name in ("lokid", "lokictl", "docs", "tools", "examples"))
    files = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".md", ".sh", "")
    ]
    files = [path for path in (*files, ROOT / "README.md") if path.is_file()]
    named = {found for path in files for found in told.findall(path.read_text(errors="replace"))}
    wrong = [
        f"lokictl {words}{option}"
        for words, option in named
        if words.split()[0] in COMMANDS and option not in _options(*words.split())
    ]
    assert len(named) > 15
    assert wrong == []
