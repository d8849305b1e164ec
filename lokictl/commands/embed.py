"""``lokictl embed``"""

from __future__ import annotations

import json
from typing import Any

import click

from lokictl import link, spinner
from lokictl.command import Command
from lokictl.commands.models import full_name
from lokictl.failure import Failure, usage
from lokictl.question import standard_input
from lokictl.render import is_terminal, write, write_bytes
from lokictl.vectors import floats

BLANK = " \t\r\v\f"
"""What a line holds that is empty: other spaces are somebody's text."""


@click.command(
    cls=Command,
    name="embed",
    examples=(
        ('lokictl embed "a text" "another"', "one JSON list of floats per line"),
        ("lokictl embed -m openai:text-embedding-3-small < lines.txt", "one vector per line of the file"),
        (
            "lokictl embed --f32 < lines.txt > vectors.f32",
            "little-endian float32, one vector after the other",
        ),
    ),
)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("-m", "--model", metavar="CLIENT:MODEL", help="Default: the first embedding model.")
@click.option(
    "--type", "input_type", type=click.Choice(["query", "document"]), help="What the vectors are for."
)
@click.option("--dimensions", type=int, metavar="N", help="Length of the vectors, if the model can choose.")
@click.option("--f32", is_flag=True, help="Raw float32 instead of JSON; not on a terminal.")
def command(
    texts: tuple[str, ...], model: str | None, input_type: str | None, dimensions: int | None, f32: bool
) -> int:
    """Vectors of TEXTs, or of the lines of standard input."""
    if f32 and is_terminal(1):
        raise usage("--f32 prints bytes that are not for a terminal", "lokictl embed --f32 ... > vectors.f32")
    params: dict[str, Any] = {
        "texts": list(texts) or _lines(),
        "model": model or first_model("embedding"),
        "encoding": "f32",  # less than half of what lists of floats take on the way
    }
    if input_type:
        params["input_type"] = input_type
    if dimensions is not None:
        params["dimensions"] = dimensions
    vectors = spinner.call("embed", params)["embeddings"]
    if f32:
        write_bytes(1, b"".join(vectors))
    else:
        write(1, "".join(json.dumps(floats(vector)) + "\n" for vector in vectors))
    return 0


def _lines() -> list[str]:
    lines = lines_of_standard_input("nothing to embed: give texts, or lines on stdin")
    for number, line in enumerate(lines, 1):
        if not line.strip(BLANK):  # without a vector for it, all behind it would belong to other lines
            raise usage(
                f"line {number} of standard input is empty", "leave such lines out: grep '[^[:space:]]'"
            )
    return lines


def lines_of_standard_input(complaint: str) -> list[str]:
    """Up to the last one that holds something. Raises ``Failure`` (exit status 2) when none does."""
    text = "" if is_terminal(0) else standard_input().decode("utf-8", "replace")
    # Not splitlines(): U+2028 and its kin may be part of a text.
    lines = [line.rstrip("\r") for line in text.split("\n")]
    while lines and not lines[-1].strip(BLANK):
        lines.pop()
    if not lines:
        raise usage(complaint)
    return lines


def first_model(kind: str) -> str:
    """The model to use when none was named: the first of this type in the configuration."""
    models = link.call("models.list", {"type": kind})
    if not models:
        raise Failure("unknown_model", f"no {kind} model is configured", "name one: -m client:model")
    return full_name(models[0])
