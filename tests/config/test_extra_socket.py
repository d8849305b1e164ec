"""``extra_socket:``, what is let through and what is told."""

from __future__ import annotations

import pytest

from lokid.config import Config
from lokid.config.parse import parse

CLIENTS = "clients:\n  - {type: openai, models: [{name: m}]}\n"


def read(models: str) -> Config | list[str]:
    text = f"{CLIENTS}extra_socket: {{models: {models}}}\n"
    found = parse(text, "f", lookup={"OPENAI_API_KEY": "sk"}, environ={}, mend="mend it")
    return found if isinstance(found, Config) else [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("pattern", "model", "allowed"),
    [
        ("openai:m", "openai:m", True),
        ("openai:m", "openai:mm", False),
        ("openai:*", "openai:gpt-4.1", True),
        ("*:m", "local:m", True),
        ("openai:g*4*1", "openai:gpt-4.1", True),
        ("openai:g*5*1", "openai:gpt-4.1", False),
        ("openai:gpt*gpt", "openai:gpt", False),  # no character counts twice
        ("openai:*x", "openai:y", False),
    ],
)
def test_a_star_stands_for_any_text(pattern: str, model: str, allowed: bool) -> None:
    found = read(f"['{pattern}']")
    assert isinstance(found, Config) and found.extra_socket is not None
    assert found.extra_socket.allows(model) is allowed


@pytest.mark.parametrize(("models", "said"), [("[gpt]", "must be client:model"), ("[]", "must name a model")])
def test_what_opens_nothing_is_an_error(models: str, said: str) -> None:
    found = read(models)
    assert isinstance(found, list) and said in found[0]


def test_a_client_that_the_file_does_not_have_is_a_warning() -> None:
    found = read("['opnai:m', 'openai:m', '*:m']")
    assert isinstance(found, Config)
    [warning] = found.warnings
    assert "no client of this file has that name; did you mean `openai`" in str(warning)
