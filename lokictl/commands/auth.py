"""``lokictl auth login|status|logout``"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lokictl import link, spinner
from lokictl.command import Command, Group, json_option
from lokictl.failure import Failure, usage
from lokictl.render import is_terminal, note, one_line, write
from lokictl.tables import duration, show, show_json, table

MOST_PASTED = 64 * 1024
"""Characters of a line that is pasted: an address with a code of 4 Ki in it, many times over."""

HEADERS = ("client", "state", "expires", "refreshes", "scope", "reason")


@click.group(
    cls=Group,
    name="auth",
    examples=(
        ("lokictl auth login", "sign in to the client that has `auth: oauth`"),
        (
            "lokictl auth login work --no-browser",
            "over ssh: open the address elsewhere, paste what comes of it",
        ),
        ("lokictl auth status", "who is signed in, and until when"),
    ),
)
def command() -> None:
    """Sign in to clients that have `auth: oauth`, and out of them."""


@command.command(
    "login",
    cls=Command,
    examples=(
        ("lokictl auth login", "open the browser and wait"),
        ("lokictl auth login work --no-browser", "show the address, then ask for what the browser ends with"),
        ("lokictl auth login work --device", "show a code to type in on another device"),
    ),
)
@click.argument("name", metavar="[CLIENT]", required=False)
@click.option("--no-browser", is_flag=True, help="Open no browser; paste the address that it ends at.")
@click.option("--device", is_flag=True, help="Sign in on another device, with a short code.")
def login(name: str | None, no_browser: bool, device: bool) -> int:
    """Sign in. Without CLIENT: to the only one that has `auth: oauth`.

    Over ssh nothing here can open your browser: the address is shown, and the address that your browser
    ends at (an error page of 127.0.0.1) is what to paste.
    """
    if no_browser and device:
        raise usage("--no-browser and --device exclude each other")
    name = name or _only_client()
    local = not no_browser and _has_browser()
    method = "device" if device else None if local else "code"
    begun = _begin(name, method)
    if begun["method"] == "device":
        note(f"Open {begun['url']}")
        note(f"and check that it shows this code, or type it in: {begun['user_code']}")
        return _finish(begun["login_id"], None)
    if begun["method"] == "browser" and local:
        note("Opening your browser. If none appears, open this address:")
        _show(begun["url"])
        _open(begun["url"])
        return _finish(begun["login_id"], None)
    note("Open this address in a browser:")
    _show(begun["url"])
    if local:
        _open(begun["url"])
    return _finish(begun["login_id"], _pasted())


@command.command("status")
@json_option
def status(as_json: bool) -> int:
    """Who is signed in, and until when. Never shows a token."""
    rows: Sequence[Mapping[str, Any]] = link.call("auth.status")
    if as_json:
        show_json(rows)
    else:
        show(table(HEADERS, [_row(row) for row in rows], _style, fits=True))
    return 0


@command.command("logout")
@click.argument("name", metavar="CLIENT")
def logout(name: str) -> int:
    """Forget the tokens of CLIENT, and tell the provider where it can be told."""
    result = link.call("auth.logout", {"client": name})
    how = "the provider took the sign-in back" if result["revoked"] else "the provider was not told"
    show(one_line(f"signed out of {name} ({how})") + "\n")
    return 0


def _begin(name: str, method: str | None) -> Mapping[str, Any]:
    params = {"client": name} | ({"method": method} if method else {})
    begun: Mapping[str, Any] = spinner.call("auth.login", params)
    return begun


def _finish(login_id: str, code: str | None) -> int:
    params = {"login_id": login_id} | ({"code": code} if code else {})
    result = spinner.call("auth.finish", params)
    until = f", {_until(result)}" if result.get("expires_at") else ""
    show(one_line(f"signed in to {result['client']}{until}") + "\n")
    return 0


def _only_client() -> str:
    names = [each["name"] for each in link.call("clients.list") if each.get("auth") == "oauth"]
    if len(names) == 1:
        return str(names[0])
    if not names:
        raise usage("no client has `auth: oauth`", "lokictl config edit; docs/oauth.md has the steps")
    raise usage(f"several clients have `auth: oauth`: {', '.join(names)}", f"lokictl auth login {names[0]}")


def _has_browser() -> bool:
    """Whether a browser that is opened here shows up in front of the person, and comes back to this machine.
    A text browser would take the terminal away, and there is nothing to see over ssh."""
    return not os.environ.get("SSH_CONNECTION") and bool(
        os.environ.get("BROWSER") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _open(url: str) -> None:
    """Not in this process: some browsers are waited for, and they talk on the terminal. That none is found
    does not matter, for the address is on the screen."""
    subprocess.Popen(  # noqa: S603 (our own interpreter)
        [sys.executable, "-P", "-m", "webbrowser", url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _show(url: str) -> None:
    """In a line of its own, whole: terminals make it clickable."""
    write(2, f"\n  {one_line(url)}\n\n")


def _pasted() -> str:
    if is_terminal(0):
        note("Sign in there. Then paste the address that the browser ends at, or the code that it shows:")
    text = sys.stdin.readline(MOST_PASTED)
    if not text.strip():
        raise Failure("login_required", "nothing was pasted, so nobody is signed in", "lokictl auth login")
    return text.strip()


def _row(row: Mapping[str, Any]) -> tuple[object, ...]:
    refreshes = "yes" if row["refreshes"] else "no"
    facts = (row["client"], row["state"], _until(row), refreshes)
    return (*facts, row.get("scope"), row.get("reason"))


def _until(row: Mapping[str, Any]) -> str:
    if "obtained_at" not in row:
        return ""
    if row.get("expires_at") is None:
        return "never"
    left = row["expires_at"] - time.time()
    return f"in {duration(left)}" if left > 0 else "over"


def _style(header: str, cell: str) -> str:
    return {"signed_in": "green", "needs_login": "red"}.get(cell, "") if header == "state" else ""
