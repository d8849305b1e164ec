"""``lokictl rerank``"""

from __future__ import annotations

from typing import Any

import click

from lokictl import spinner
from lokictl.command import Command, json_option
from lokictl.commands.embed import BLANK, first_model, lines_of_standard_input
from lokictl.tables import show, show_json, table


@click.command(
    cls=Command,
    name="rerank",
    examples=(
        ('lokictl rerank "tls error" < log.txt', "lines of a file, the best first"),
        ('lokictl rerank -n 3 "fruit" apple car pear hammer', "the best three"),
    ),
)
@click.argument("query")
@click.argument("documents", nargs=-1, metavar="[DOCUMENT]...")
@click.option("-m", "--model", metavar="CLIENT:MODEL", help="Default: the first reranker.")
@click.option("-n", "--top-n", type=int, metavar="N", help="Only the best N.")
@json_option
def command(
    query: str, documents: tuple[str, ...], model: str | None, top_n: int | None, as_json: bool
) -> int:
    """Order DOCUMENTs, or the lines of standard input, by how well they fit QUERY: index, score, text. An
    index counts from 0; lines that are empty count too, and are not asked about."""
    texts = list(documents) or lines_of_standard_input(
        "nothing to rerank: give documents, or lines on standard input"
    )
    asked = [index for index, text in enumerate(texts) if documents or text.strip(BLANK)]
    params: dict[str, Any] = {
        "model": model or first_model("reranker"),
        "query": query,
        "documents": [texts[index] for index in asked],
    }
    if top_n is not None:
        params["top_n"] = top_n
    result = spinner.call("rerank", params)
    for row in result["results"]:
        row["index"] = asked[row["index"]]
    if as_json:
        show_json(result)
    else:
        rows = [(r["index"], f"{r['score']:.4f}", texts[r["index"]]) for r in result["results"]]
        show(table(("index", "score", "text"), rows))
    return 0
