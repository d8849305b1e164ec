"""``lokictl secret set|get|list|delete|import-env|passphrase|path``

No value ever stands on a command line: every program of this machine can read that (``ps``), and the shell
keeps it in its history.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import click

from lokictl import comes_first, link, spinner
from lokictl.command import Group, json_option
from lokictl.default_model import tell_change
from lokictl.failure import Failure, NotRunning, usage
from lokictl.render import note, one_line, write
from lokictl.secret_input import ask
from lokictl.tables import show, show_json, table
from lokictl.vault_paths import vault_paths
from lokid.rpc import address

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")

_KEY = re.compile(r"(sk|pk|rk)[-_]|AIza|AKIA|ya29\.|eyJ|gsk_|hf_|xai-|r8_|ghp_|github_pat_|AGE-SECRET-KEY-")
"""What the keys of providers begin with."""

_RANDOM = 24
"""Characters from which on capitals, small letters and digits in one word are a key and no name."""

WHY = (
    "every program of this machine can read a command line, and the shell keeps it in its history: take the"
    " value out of the history, and if others use this machine, have the provider replace it"
)


@click.group(
    cls=Group,
    name="secret",
    examples=(
        ("lokictl secret set OPENAI_API_KEY", "asks for the value, without showing it"),
        ("pass show openai | lokictl secret set OPENAI_API_KEY", "the value from another program"),
        ("lokictl secret import-env", "moves the *_API_KEY of this shell into the vault"),
        ("lokictl secret list", "the names, and which clients use them"),
    ),
)
def command() -> None:
    """The vault: keys that {{NAME}} in the configuration stands for."""


@command.command("set")
@click.argument("name", metavar="NAME")
@click.argument("more", nargs=-1, metavar="", type=click.UNPROCESSED)
def set_(name: str, more: tuple[str, ...]) -> int:
    """Keep a value under NAME. It is asked for, or read from standard input; never an argument."""
    _check_name(name)
    if more:
        raise usage(f"a value is not given on the command line: {WHY}", f"lokictl secret set {name}")
    value = ask(f"value of {name}: ")
    with tell_change():
        answer = link.call("secrets.set", {"name": name, "value": value})
        users = ", ".join(map(one_line, answer["clients"])) or "no client yet"
        note(f"{name} {'replaced' if answer['replaced'] else 'kept'}; used by {users}")
        comes_first.tell(answer)
    return 0


@command.command("get")
@click.argument("name", metavar="NAME")
def get(name: str) -> int:
    """Print the value of NAME."""
    _check_name(name)
    write(1, link.call("secrets.get", {"name": name})["value"] + "\n")
    return 0


@command.command("list")
@json_option
def list_(as_json: bool) -> int:
    """The names in the vault, and the clients that use them. No values."""
    rows: Sequence[dict[str, Any]] = link.call("secrets.list")
    if as_json:
        show_json(rows)
    else:
        show(
            table(("name", "clients"), [(row["name"], ", ".join(row["clients"])) for row in rows], fits=True)
        )
    return 0


@command.command("delete")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def delete(names: tuple[str, ...]) -> int:
    """Remove secrets. (The vault's .bak has them until the next change.)"""
    for name in names:
        _check_name(name)
    with tell_change():
        for name in names:
            answer = link.call("secrets.delete", {"name": name})
            if answer["clients"]:
                note(f"{name} deleted; missed by {', '.join(map(one_line, answer['clients']))}")
            else:
                note(f"{name} deleted")
    return 0


@command.command("import-env")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def import_env(names: tuple[str, ...]) -> int:
    """Put variables of this shell into the vault: every *_API_KEY that is not there yet, or the NAMEs."""
    for name in names:
        _check_name(name)
    chosen = list(names) or sorted(name for name in os.environ if name.endswith("_API_KEY"))
    if absent := [name for name in names if not os.environ.get(name)]:
        raise usage(f"not set in this environment: {', '.join(absent)}")
    kept = set() if names else {row["name"] for row in link.call("secrets.list")}
    moved = [name for name in chosen if os.environ[name] and name not in kept and _NAME.fullmatch(name)]
    with tell_change():
        for name in moved:
            link.call("secrets.set", {"name": name, "value": os.environ[name]})
            write(1, f"{name}\n")
    for name in chosen:
        if name in kept:
            note(f"{one_line(name)} is in the vault already; name it to replace it")
    if moved:
        note(f"take them out of your shell's start-up files, and here: unset {' '.join(moved)}")
        comes_first.tell_of(moved)
    elif not kept:
        note("no variable *_API_KEY is set here")
    return 0


@command.command("passphrase")
@click.option("--remove", is_flag=True, help="Take the passphrase off again.")
def passphrase(remove: bool) -> int:
    """Protect the key of the vault with a passphrase; from then on each start needs `lokictl unlock`."""
    new = None if remove else ask("new passphrase: ", again="the same again: ")
    answer = spinner.call("secrets.passphrase", {"passphrase": new})
    note(f"the key of the vault is now {answer['identity']}")
    return 0


@command.command("path")
def path() -> int:
    """Where the vault is (whether or not it exists). Starts no daemon."""
    try:
        file = link.call("secrets.status", start=False)["file"]
    except NotRunning:
        file = ""
    try:
        show((file or vault_paths(None)[0]) + "\n")
    except address.NoHome as error:
        raise Failure("config_invalid", str(error)) from None
    return 0


def _check_name(name: str) -> None:
    """Never quotes what may be a value."""
    if "=" in name or _KEY.match(name) or _is_random(name):
        raise usage(f"that looks like a value, and a name is wanted: {WHY}", "lokictl secret set NAME")
    if not _NAME.fullmatch(name):
        raise usage(
            "a name begins with a letter or _ and goes on with letters, digits, _, . and -",
            "lokictl secret set OPENAI_API_KEY",
        )


def _is_random(word: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    return len(word) >= _RANDOM and all(any(map(kind, word)) for kind in kinds)
