"""``lokictl info``"""

from __future__ import annotations

import os
import sys
import time

import click

import lokid
from lokictl import client
from lokictl.command import Command, json_option
from lokictl.failure import Failure
from lokictl.tables import duration, pairs, show, show_json
from lokictl.vault_paths import is_locked, vault_paths
from lokid.rpc import address


@click.command(
    cls=Command,
    name="info",
    examples=(
        ("lokictl info", "everything"),
        ("$EDITOR \"$(lokictl info | awk '/^config_file/{print $2}')\"", "one path, for scripts"),
    ),
)
@json_option
def command(as_json: bool) -> int:
    """Where everything is: paths, socket, log, versions. Works without a daemon and starts none."""
    try:
        rows = [
            ("version", lokid.__version__),
            ("config_file", address.config_file(os.environ)),
            ("env_file", address.env_file(os.environ)),
            *zip(("vault_file", "identity_file"), vault_paths(), strict=True),
            ("state_dir", address.state_dir(os.environ)),
            ("socket", address.socket_path(os.environ)),
            ("log", address.log_file(os.environ)),
            ("python", sys.executable),
        ]
    except address.NoHome as error:
        raise Failure("config_invalid", str(error)) from None
    rows += _daemon()
    if as_json:
        show_json(dict(rows))
    else:
        show(pairs(rows))
    return 0


def _daemon() -> list[tuple[str, str]]:
    try:
        hello = client.greet()
    except Failure as failure:
        return [("daemon", failure.message)]
    if hello is None:
        return [("daemon", "not running")]
    return [
        ("daemon", "running"),
        ("daemon_version", str(hello["version"])),
        ("daemon_pid", str(hello["pid"])),
        ("daemon_uptime", duration(time.time() - hello["started_at"])),
        ("extra_socket", _extra_socket()),
        ("daemon_locked", "yes: lokictl unlock" if is_locked() else "no"),
    ]


def _extra_socket() -> str:
    try:
        extra = client.call("status", start=False)["daemon"].get("extra_socket")
    except Failure as failure:
        return failure.message
    if not extra:
        return "off"
    return str(extra["path"] or extra.get("reason", "closed"))
