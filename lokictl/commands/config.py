"""``lokictl config check|show|path|edit|reload``"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from lokictl import link, own_config
from lokictl.command import Group
from lokictl.failure import Failure
from lokictl.render import colour, note, one_line, paint
from lokictl.tables import show, show_json
from lokid.rpc.codes import EXIT_STATUS

CONFIG_INVALID = EXIT_STATUS["config_invalid"]

LARGEST = 1_000_000
"""Bytes of a file that go along to be checked: any ``max_frame_mib`` lets them pass."""


@click.group(
    cls=Group,
    name="config",
    examples=(
        ("lokictl config edit", "open it in $EDITOR, check it when the editor ends"),
        ("lokictl config check", "FILE:LINE:COLUMN of everything that is wrong"),
        ("lokictl config show", "what is in force, without secrets"),
    ),
)
def command() -> None:
    """Check, show, edit and reload the configuration."""


@command.command("check")
@click.argument("path", required=False, type=click.Path(readable=False))
def check(path: str | None) -> int:
    """Check the configuration, or the file PATH. Exit status 78 if anything is wrong."""
    return _check(path)


@command.command("show")
def show_() -> int:
    """The configuration that is in force, as JSON without any secret."""
    show_json(link.call("config.show"))
    return 0


@command.command("path")
def path_() -> int:
    """Where the configuration is (whether or not it exists)."""
    show(own_config.path(os.environ) + "\n")
    return 0


@command.command("edit")
def edit() -> int:
    """Open the configuration in $VISUAL or $EDITOR, then check it. lokid reloads it by itself.

    Where there is none yet, the editor opens a commented one to start from."""
    path = own_config.path(os.environ)
    if own_config.exists(path):
        _edited(path)
        return _check(None)
    # Beside it: lokid would follow the file itself, and a start is no configuration yet.
    with own_config.draft(path) as draft:
        try:
            _edited(draft)
        except Failure as failure:
            if own_config.read_draft(draft) is None:
                raise
            kept = f"what was written stays in {draft}; lokictl config edit goes on with it"
            raise Failure(failure.code, failure.message, kept) from None
        text = own_config.read_draft(draft)
        if text is None:
            note("nothing was changed, so no configuration was written")
            note("an editor that returns at once has to be told to wait: EDITOR='code --wait'")
            return 0
        own_config.put_draft(draft, path, text)
    return _check(None)


def _edited(path: str) -> None:
    said = (os.environ.get(name, "").strip() for name in ("VISUAL", "EDITOR"))
    editor = next(filter(None, said), "vi")
    try:
        with _keys_are_for_the_editor():
            status = subprocess.call([*shlex.split(editor), path])  # noqa: S603 (the user's own editor)
    except ValueError:
        raise Failure(
            "invalid_params", f"cannot start {editor}: a quote in it is not closed", "set EDITOR"
        ) from None
    except OSError as error:
        raise Failure("invalid_params", f"cannot start {editor}: {error.strerror}", "set EDITOR") from None
    if status != 0:
        raise Failure("provider_error", f"{editor} ended with status {status}")


@contextmanager
def _keys_are_for_the_editor() -> Iterator[None]:
    """Ctrl-C stops a search or a `:!command` in it. ``subprocess`` would kill it for that, with all that is
    not saved yet. The editor has its own: a handler is not inherited, as SIG_IGN is."""
    numbers = [each for each in (signal.SIGINT, signal.SIGQUIT) if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, lambda *_: None) for each in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@command.command("reload")
def reload() -> int:
    """Read the configuration again now. A file with an error changes nothing."""
    plan = link.call("config.reload")
    changes = [f"{what} {', '.join(plan[what])}" for what in ("kept", "opened", "closed") if plan.get(what)]
    show(one_line(f"generation {plan['generation']}: {'; '.join(changes) or 'no clients'}") + "\n")
    return 0


def problem_line(problem: Mapping[str, Any], *, paint_on: bool) -> str:
    """``path:line:column: key: message``, which editors and terminals can jump to. Line 0: the whole file."""
    at = f":{problem['line']}:{problem['column']}" if problem["line"] else ""
    place = f"{problem['path']}{at}:"
    key = f"{problem['key']}: " if problem.get("key") else ""
    return paint(one_line(place), "red", on=paint_on) + " " + one_line(f"{key}{problem['message']}")


def is_another_in_use() -> bool:
    """Whether lokid uses another configuration than this shell, which is told."""
    if (its := own_config.of_daemon(link.call("status"), os.environ)) is None:
        return False
    ours = own_config.path(os.environ)
    note(f"lokictl: lokid uses another configuration, {its}; for {ours}: lokictl daemon restart")
    return True


def _check(path: str | None) -> int:
    if path is None and is_another_in_use():
        path = own_config.path(os.environ)
    params = _file(os.path.abspath(os.path.expanduser(path))) if path else {}
    problems: Sequence[Mapping[str, Any]] = link.call("config.check", params)
    on = colour(1, os.environ)
    show("".join(problem_line(problem, paint_on=on) + "\n" for problem in problems))
    return CONFIG_INVALID if problems else 0


def _file(path: str) -> dict[str, Any]:
    """With what it holds: the sandbox of the service hides /tmp from lokid, and ~/.ssh."""
    try:
        if os.path.isfile(path) and os.path.getsize(path) <= LARGEST:  # reading a pipe may never end
            with open(path, "rb") as file:
                return {"path": path, "data": file.read()}
    except OSError:  # lokid says the same
        pass
    return {"path": path}
