"""``lokictl models``"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from lokictl import link, spinner
from lokictl.command import Command, json_option
from lokictl.render import is_terminal, note, one_line
from lokictl.tables import show, show_json, table
from lokictl.wrapping import INDENT, columns, width, wrap

HEADERS = ("model", "type", "input", "output", "price in", "price out", "can")


@click.command(
    cls=Command,
    name="models",
    examples=(
        ("lokictl models", "all of them"),
        ("lokictl models openai", "those of one client"),
        ("lokictl models --type embedding", "those for embed"),
        ("lokictl models | cut -f1 | fzf", "pick one"),
    ),
)
@click.argument("client_name", metavar="[CLIENT]", required=False)
@click.option("--type", "kind", type=click.Choice(["chat", "embedding", "reranker"]), help="Only this type.")
@click.option("--refresh", is_flag=True, help="Ask the providers anew.")
@json_option
def command(client_name: str | None, kind: str | None, refresh: bool, as_json: bool) -> int:
    """The models that can be asked. Sizes in tokens, prices in USD per million tokens: the configuration's,
    else those of lokid's own list; empty means not known, not free."""
    params: dict[str, Any] = {"refresh": True} if refresh else {}
    if client_name:
        params["client"] = client_name
    if kind:
        params["type"] = kind
    models = spinner.call("models.list", params)
    if as_json:
        show_json(models)
    else:
        show(_screen([_row(model) for model in models]))
    if refresh and not client_name:  # with a name the call itself fails
        for one in link.call("clients.list"):
            if one.get("models_error"):
                note(f"{one['name']} was not asked anew: {one['models_error']}")
    return 0


def full_name(model: dict[str, Any]) -> str:
    """``client:model``, the name to ask with."""
    return f"{model['client']}:{model['name']}" if model.get("client") else str(model["name"])


def _screen(rows: Sequence[tuple[object, ...]]) -> str:
    """A table, or on a terminal that is too narrow for it each model above its facts: seven columns
    that the terminal breaks are none."""
    text = table(HEADERS, rows)
    most = columns() if is_terminal(1) else 0
    if not most or max(map(width, text.split("\n"))) <= most:
        return text
    lines: list[str] = []
    for name, *facts in rows:
        told = [
            f"{title} {one_line(str(fact))}" for title, fact in zip(HEADERS[1:], facts, strict=True) if fact
        ]
        lines += [one_line(str(name)), *wrap(f"{INDENT}{', '.join(told)}", most)]
    return "".join(f"{line}\n" for line in lines)


def _row(model: dict[str, Any]) -> tuple[object, ...]:
    abilities = {"supports_vision": "images", "supports_function_calling": "tools"}
    return (
        full_name(model),
        model.get("type"),
        _size(model.get("max_input_tokens") or model.get("max_tokens_per_chunk")),
        _size(model.get("max_output_tokens")),
        _price(model.get("input_price")),
        _price(model.get("output_price")),
        " ".join(word for key, word in abilities.items() if model.get(key)),
    )


def _size(tokens: int | None) -> str | None:
    """``128k``, ``1.05M`` for eyes; the whole number for programs."""
    if tokens is None or tokens < 1000 or not is_terminal(1):
        return None if tokens is None else str(tokens)
    return f"{tokens / 1e3:.3g}k" if tokens < 999_500 else f"{tokens / 1e6:.3g}M"


def _price(usd: float | None) -> str | None:
    return None if usd is None else f"{usd:.6f}".rstrip("0").rstrip(".")
