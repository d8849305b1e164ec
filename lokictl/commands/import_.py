"""``lokictl import loki|aichat``: what these programs have, as configuration, secrets and sign-ins."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from lokictl import comes_first, left_by_aichat, left_by_loki, link, own_config
from lokictl.command import Group
from lokictl.commands.config import CONFIG_INVALID, is_another_in_use, problem_line
from lokictl.failure import usage
from lokictl.left_by_loki import Left
from lokictl.render import colour, note
from lokictl.secret_input import ask
from lokictl.tables import show, table

EXAMPLES = (
    ("lokictl import loki --dry-run", "what would be taken over; changes nothing"),
    ("lokictl import loki", "do it; asks before it replaces a configuration"),
    ("lokictl import aichat", "from aichat: its configuration, and the keys in its .env and this shell"),
)

_SECRETS = {
    "new": "kept in the vault",
    "same": "is in the vault already",
    "other": "left: the vault has another value of that name",
    "unreadable": "left",
}
ROTATE = "; REPLACE IT: Loki 0.1 kept it so that whoever had the file could read it"

Row = tuple[str, str, str]


_PATH = click.Path(readable=False)  # that says no word of why
_CONFIG = click.option("--config", type=_PATH, help="The configuration, if it lies elsewhere.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
_YES = click.option(
    "-y", "--yes", is_flag=True, help="Replace a configuration of lokid; the old one is kept as .bak."
)


@click.group(cls=Group, name="import", examples=EXAMPLES)
def command() -> None:
    """Take over what another program has."""


@command.command("loki", examples=EXAMPLES)
@_CONFIG
@click.option("--vault", type=_PATH, help="Loki's vault.")
@click.option(
    "--password-file",
    type=_PATH,
    help="The password of Loki's vault; else it is asked for.",
)
@_DRY_RUN
@_YES
def loki(config: str | None, vault: str | None, password_file: str | None, dry_run: bool, yes: bool) -> int:
    """Take over the configuration, the vault and the sign-ins of Loki, or aichat's configuration."""
    left = left_by_loki.find(os.environ, config, vault)
    if not (left.config or left.vault or left.tokens):
        raise usage("nothing of Loki or aichat is here", "--config FILE and --vault FILE name its files")
    return take_over(left, password_file, dry_run=dry_run, yes=yes)


@command.command("aichat", examples=(EXAMPLES[-1],))
@_CONFIG
@_DRY_RUN
@_YES
def aichat(config: str | None, dry_run: bool, yes: bool) -> int:
    """Take over the configuration of aichat, and put into the vault the keys that its clients have in the
    environment of this shell or in aichat's .env."""
    left = left_by_loki.find_aichat(os.environ, config)
    if left.config is None:
        raise usage("nothing of aichat is here", "--config FILE names its configuration")
    return take_over(left, None, dry_run=dry_run, yes=yes, variables=True)


def take_over(
    left: Left, password_file: str | None, *, dry_run: bool, yes: bool, variables: bool = False
) -> int:
    """Shows what became of everything. The exit status. ``variables``: keys in the environment too."""
    plan = _Import(left, dry_run)
    own_config.exists(own_config.path(os.environ))  # one that is away: before anything is changed
    if left.config is not None and (problems := plan.convert(left.config)):
        on = colour(1, os.environ)
        show("".join(problem_line(one, paint_on=on) + "\n" for one in problems))
        note("nothing was changed; mend this first")
        return CONFIG_INVALID
    plan.take_vault(password_file)
    if variables:
        plan.take_variables()
    plan.write_config(yes)
    plan.move_tokens()
    show(table(("what", "name", "outcome"), plan.rows, fits=True))
    if dry_run:
        note("nothing was changed")
    else:
        comes_first.tell_of([name for what, name, _ in plan.rows if what == "secret"])
    return 0


@dataclass(frozen=True, slots=True)
class _Converted:
    source: str
    text: str
    password_file: str | None
    original: str
    clients: Sequence[str]


class _Import:
    """One import. ``rows``: what became of everything, for the report."""

    def __init__(self, left: Left, dry_run: bool) -> None:
        self.rows: list[Row] = []
        self._left = left
        self._dry_run = dry_run
        self._converted: _Converted | None = None

    def convert(self, path: str) -> Sequence[Mapping[str, Any]]:
        """The problems of the configuration, with its path; without any, it can be written."""
        text = left_by_loki.read(path, left_by_loki.MAX_CONFIG)
        found = link.call("import.loki", {"config": text, "dry_run": True})["config"]
        if found["problems"]:
            return [{**one, "path": path} for one in found["problems"]]
        self._converted = _Converted(path, found["text"], found["password_file"], text, found["clients"])
        self.rows += [("client", name, "taken over") for name in found["clients"]]
        self.rows += [
            ("key", one["key"], f"left: lokid has no use for it (line {one['line']})")
            for one in found["dropped"]
        ]
        return ()

    def take_vault(self, password_file: str | None) -> None:
        if self._left.vault is None:
            return
        text = left_by_loki.read(self._left.vault, left_by_loki.MAX_VAULT)
        params: dict[str, Any] = {"vault": text, "dry_run": self._dry_run}
        if text.strip():
            params["password"] = self._password(password_file)
        for row in link.call("import.loki", params)["secrets"]:
            said = _SECRETS[row["outcome"]] + (f": {row['reason']}" if row.get("reason") else "")
            self.rows.append(("secret", row["name"], said + (ROTATE if row["rotate"] else "")))

    def take_variables(self) -> None:
        """Under their own names: a client looks for its key in the vault under the name of its variable."""
        assert self._converted is not None
        found = left_by_aichat.variables(os.environ, self._converted.source, self._converted.clients)
        there = {row["name"] for row in link.call("secrets.list")} if found else set()
        for name, value in found.items():
            if name not in there and not self._dry_run:
                link.call("secrets.set", {"name": name, "value": value})
            said = "left: the vault has one of that name" if name in there else _SECRETS["new"]
            self.rows.append(("secret", name, said))

    def _password(self, named: str | None) -> str:
        if named is not None:
            return left_by_loki.password_in(named)
        said = self._converted.password_file if self._converted else None
        for path in (said, "~/.loki_password"):
            if path and os.path.isfile(os.path.expanduser(path)):
                return left_by_loki.password_in(path)
        return ask("password of Loki's vault: ").strip()

    def write_config(self, yes: bool) -> None:
        """After the vault: a client that is there finds its key."""
        if self._converted is None:
            return
        path, text = own_config.path(os.environ), self._converted.text
        if own_config.exists(path):
            if left_by_loki.read(path, left_by_loki.MAX_CONFIG) == text:
                self.rows.append(("configuration", path, "is the same already"))
                return
            if not (yes or self._dry_run or own_config.may_replace(path)):
                self.rows.append(("configuration", path, "left: it is there already (--yes replaces it)"))
                return
        if self._dry_run:
            said = "asks first: there is one already" if own_config.exists(path) and not yes else "written"
            self.rows.append(("configuration", path, said))
            return
        backup = own_config.write(path, text)
        self.rows.append(
            ("configuration", path, f"written; the old one is {backup}" if backup else "written")
        )
        link.call("config.reload")
        is_another_in_use()

    def move_tokens(self) -> None:
        """After the configuration: only a client that is there can have them. A file is removed when its
        tokens are safe: of two programs that refresh, one would sign the other out."""
        for name, path in self._left.tokens.items():
            params: dict[str, Any] = {
                "tokens": {name: left_by_loki.read(path, left_by_loki.MAX_TOKEN)},
                "dry_run": self._dry_run,
            }
            if self._dry_run and self._converted is not None:
                params["config"] = self._converted.original
            row = link.call("import.loki", params)["tokens"][0]
            if row["outcome"] != "moved":
                said = f"left: {row['reason']}"
            else:
                said = "moved" if self._dry_run else _removed(path)
            self.rows.append(("sign-in", name, said))


def _removed(path: str) -> str:
    try:
        os.unlink(path)
    except OSError as error:
        return f"copied, but Loki's file stays ({error.strerror}): rm {path}"
    return "moved"
