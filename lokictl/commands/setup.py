"""``lokictl setup``: from nothing to a configuration that answers."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import click

from lokictl import comes_first, found_here, left_by_loki, link, own_config, spinner
from lokictl.command import Command
from lokictl.commands.config import is_another_in_use
from lokictl.commands.import_ import take_over
from lokictl.failure import Failure, usage
from lokictl.found_here import KEYS, Found
from lokictl.prompts import choose, confirm
from lokictl.render import clean, is_terminal, note, one_line, write
from lokictl.secret_input import ask
from lokictl.tables import show, table

QUESTION = "Answer with the one word: yes"
MAX_TOKENS = 200
"""Of an answer to it: some models reason before they say a word. A fraction of a cent."""

CALL_S = 60.0


@click.command(
    cls=Command,
    examples=(
        ("lokictl setup", "look for keys, Ollama, LM Studio; write the configuration; try it"),
        ("lokictl setup --no-call", "ask no provider anything"),
        ("lokictl setup --yes < /dev/null", "without questions, for scripts; replaces what is there"),
    ),
)
@click.option("--no-call", is_flag=True, help="Do not ask each client a question of a few tokens.")
@click.option("-y", "--yes", is_flag=True, help="Replace a configuration that is there; it is kept as .bak.")
def command(no_call: bool, yes: bool) -> int:
    """Find keys and local models, write a configuration, put the keys into the vault, try every client.
    One that is there already stays: nothing is merged into it, and what it lacks is shown as lines to add."""
    path = own_config.path(os.environ)
    if not own_config.exists(path) and (status := _imported()) is not None:
        return status or _report([row["name"] for row in link.call("clients.list")], no_call)
    found = [
        *found_here.keys({**_in_vault(), **os.environ}),
        *found_here.servers(os.environ),
        *found_here.built_in(link.call("config.show")),
    ]
    typed: dict[str, str] = {}
    replaces = not own_config.exists(path) or yes
    if not found and replaces:
        found, typed = _asked()
    if found:
        show(table(("client", "found"), [(one.name, one.where) for one in found], fits=True))
    names = [one.name for one in found]
    if replaces or (found and own_config.may_replace(path)):
        _keep_keys(found, typed)
        backup = own_config.write(path, found_here.configuration(found))
        note(f"{path} is written" + (f"; the old one is {backup}" if backup else ""))
        link.call("config.reload")
        comes_first.tell_of([one.variable for one in found if one.variable])
        if is_another_in_use():
            return 1  # whose clients are not what was found here
    else:
        names = [row["name"] for row in link.call("clients.list")]
        _stays(path, [one for one in found if one.name not in names])
    return _report(names, no_call)


def _stays(path: str, missing: Sequence[Found]) -> None:
    """Says how one goes on with the configuration that there is. ``missing``: found, and not in it."""
    note(f"{path} is there already and stays as it is: setup merges nothing into it, and kept no key")
    if missing:
        note("not in it; lokictl config edit, and under clients:")
        write(2, clean("".join(one.lines() for one in missing)))
    else:
        note("to add a client: lokictl config edit, and lokictl secret set NAME for its key")
    note("to begin anew instead: lokictl setup --yes (what is there stays beside it as .bak)")


def _in_vault() -> dict[str, str]:
    """Names of secrets, as variables that are set: who kept a key before goes on having its client."""
    try:
        return {row["name"]: "kept" for row in link.call("secrets.list")}
    except Failure:  # no vault that could be read; keeping a key says why
        return {}


def _imported() -> int | None:
    """Of who used Loki or aichat: the exit status of the import, None if they do not want it."""
    left = left_by_loki.find(os.environ, None, None)
    if left.config is None:
        return None
    aichat = left.config == left_by_loki.find_aichat(os.environ, None).config
    note(f"{left.config} is here; `lokictl import {'aichat' if aichat else 'loki'}` takes it over")
    if not (_is_person() and confirm("do that, instead of a new configuration?", default=True)):
        return None
    return take_over(left, None, dry_run=False, yes=False, variables=aichat)


def _is_person() -> bool:
    return is_terminal(0) and is_terminal(2)


def _report(names: Sequence[str], no_call: bool) -> int:
    """Asks each client; 1 if one does not work."""
    if no_call:
        return 0
    rows = [_tried(name) for name in names]
    show(table(("client", "works", "answer"), rows, fits=True))
    return 0 if all(works == "yes" for _, works, _ in rows) else 1


def _asked() -> tuple[list[Found], dict[str, str]]:
    """A client and its key from a person."""
    if not _is_person():
        raise usage(
            "no key in the environment, and neither Ollama nor LM Studio has a model here",
            "OPENAI_API_KEY=... lokictl setup, or start Ollama and pull a model",
        )
    known: dict[str, str] = {}
    for variable, name in KEYS:
        known.setdefault(name, variable)
    note("no key in the environment, and neither Ollama nor LM Studio has a model here")
    another = "what is not there: lokictl config edit, with docs/providers.md"
    name = choose("provider", list(known), default="openai", otherwise=another)
    return [Found(name, known[name])], {known[name]: ask(f"key of {name}: ")}


def _keep_keys(found: Sequence[Found], typed: dict[str, str]) -> None:
    """Before the configuration names them. One that is in the vault already stays, unless it was typed."""
    wanted = [one.variable for one in found if one.variable]
    there = {row["name"] for row in link.call("secrets.list")} if wanted else set()
    for variable in wanted:
        if variable in typed or variable not in there:
            value = typed.get(variable) or os.environ[variable]
            link.call("secrets.set", {"name": variable, "value": value})
            note(f"{variable} is in the vault")
        else:
            note(f"{variable} is in the vault already, and stays: lokictl secret set {variable} replaces it")


def _tried(name: str) -> tuple[str, str, str]:
    """One question to the client: its name, whether that worked, and what came."""
    begun = time.monotonic()
    try:
        model = _model_of(name)
        if model is None:
            return name, "no", "it offers no chat model"
        params = {"model": model, "prompt": QUESTION, "max_tokens": MAX_TOKENS, "timeout_s": CALL_S}
        answer: dict[str, Any] = spinner.call("chat", params)
    except Failure as failure:
        return name, "no", f"{failure.code}: {failure.message}"
    cost = "" if answer["cost_usd"] is None else f", {answer['cost_usd']:.6f} USD"
    said = one_line(answer["text"])[:40]
    return name, "yes", f"{answer['model']}: {said!r} in {time.monotonic() - begun:.1f} s{cost}"


def _model_of(name: str) -> str | None:
    """The first chat model, of the configuration or else of the provider's list."""
    for refresh in (False, True):
        params = {"client": name, "type": "chat", "refresh": refresh}
        rows: Sequence[dict[str, Any]] = spinner.call("models.list", params)
        if rows:
            return str(rows[0]["id"])
    return None
