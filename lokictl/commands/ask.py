"""``lokictl ask`` as click reads it: with help, and with words about what is wrong."""

from __future__ import annotations

from typing import Any

import click

from lokictl.asking import ask
from lokictl.command import Command
from lokictl.options import ASK

_TYPES: dict[str, dict[str, Any]] = {
    "text": {},
    "whole": {"type": int},
    "number": {"type": float},
    "flag": {"is_flag": True},
    "many": {"multiple": True},
}


@click.command(
    cls=Command,
    name="ask",
    examples=(
        ('lokictl ask "What is a monad?"', "the default model"),
        ('lokictl ask openai:gpt-5 "hello"', "this model"),
        ('git diff | lokictl ask "summarise"', "words, then standard input"),
        ('lokictl ask -f plan.md -f photo.jpg "what is missing?"', "files"),
        ('lokictl ask -c "a shell loop over *.png" > loop.sh', "only the code"),
        ('lokictl ask --json "hello" | jq .usage', "all that is known about the answer"),
        ("lokictl ask --schema 'name, age int' \"invent a person\"", "JSON with these fields"),
    ),
)
@click.argument("words", nargs=-1, metavar="[CLIENT:MODEL] [PROMPT]...")
def command(words: tuple[str, ...], **values: Any) -> int:
    """Ask a model. The first word is the model if it looks like CLIENT:MODEL and that client exists.

    Standard input, if it is not a terminal, follows the prompt; - alone means standard input.

    --schema takes a JSON Schema, its file, or FIELDS: 'name, age int, bio: one sentence' (text, unless a type
    is named: str, int, float, bool). An answer that does not fit is printed all the same.
    """
    return ask(values, words)


for _key, _names, _kind, _metavar, _help in ASK:
    click.option(*_names, _key, metavar=_metavar or None, help=_help, **_TYPES[_kind])(command)
