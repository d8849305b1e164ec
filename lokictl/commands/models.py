"""``lokictl models``"""

from __future__ import annotations

from typing import Any

import click

from lokictl import client
from lokictl.command import Command, json_option
from lokictl.tables import show, show_json, table

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
    """The models that can be asked. Sizes in tokens, prices in USD per million tokens."""
    params: dict[str, Any] = {"refresh": True} if refresh else {}
    if client_name:
        params["client"] = client_name
    if kind:
        params["type"] = kind
    models = client.call("models.list", params)
    if as_json:
        show_json(models)
    else:
        show(table(HEADERS, [_row(model) for model in models]))
    return 0


def full_name(model: dict[str, Any]) -> str:
    """``client:model``, the name to ask with."""
    return f"{model['client']}:{model['name']}" if model.get("client") else str(model["name"])


def _row(model: dict[str, Any]) -> tuple[object, ...]:
    abilities = {"supports_vision": "images", "supports_function_calling": "tools"}
    return (
        full_name(model),
        model.get("type"),
        model.get("max_input_tokens"),
        model.get("max_output_tokens"),
        model.get("input_price"),
        model.get("output_price"),
        " ".join(word for key, word in abilities.items() if model.get(key)),
    )
