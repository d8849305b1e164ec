"""``lokictl info``"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

import lokid
from lokictl import link, own_config
from lokictl.command import Command, json_option
from lokictl.failure import Failure
from lokictl.greeting import greet
from lokictl.tables import duration, pairs, show, show_json
from lokictl.vault_paths import vault_paths
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
    daemon, status = _daemon()
    try:
        rows = [
            ("version", lokid.__version__),
            ("config_file", address.config_file(os.environ)),
            ("env_file", address.env_file(os.environ)),
            *zip(("vault_file", "identity_file"), vault_paths(status), strict=True),
            ("state_dir", address.state_dir(os.environ)),
            ("socket", address.socket_path(os.environ)),
            ("log", address.log_file(os.environ)),
            ("python", sys.executable),
            *daemon,
        ]
    except address.NoHome as error:
        raise Failure("config_invalid", str(error)) from None
    if as_json:
        show_json(dict(rows))
    else:
        show(pairs(rows))
    return 0


def _daemon() -> tuple[list[tuple[str, str]], Mapping[str, Any] | None]:
    """What there is to say of it, and its own ``status``."""
    try:
        hello = greet()
        if hello is None:
            return [("daemon", "not running")], None
        rows = [
            ("daemon", "running"),
            ("daemon_version", str(hello["version"])),
            ("daemon_pid", str(hello["pid"])),
            ("daemon_uptime", duration(time.time() - hello["started_at"])),
        ]
        status: Mapping[str, Any] = link.call("status", start=False)
    except Failure as failure:
        return [("daemon", failure.message)], None
    extra = status["daemon"].get("extra_socket")
    locked = (status.get("vault") or {}).get("locked")
    if (its := own_config.of_daemon(status, os.environ)) is not None:
        rows.append(("daemon_config_file", its))
    rows += [
        ("extra_socket", str(extra["path"] or extra.get("reason", "closed")) if extra else "off"),
        ("daemon_locked", "yes: lokictl unlock" if locked else "no"),
    ]
    return rows, status
