"""``lokictl status``"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lokictl import ending, last_error, link, sandbox
from lokictl.command import Command, json_option
from lokictl.commands import ps
from lokictl.commands.config import CONFIG_INVALID, problem_line
from lokictl.commands.usage import counts_from, ledger_line, money
from lokictl.failure import Failure
from lokictl.render import colour, complain, one_line, paint
from lokictl.reply import version_skew
from lokictl.tables import duration, prose, show, show_json, state_style, table
from lokid.rpc.codes import EXIT_STATUS

NOT_RUNNING = EXIT_STATUS["daemon_unavailable"]


@click.command(
    cls=Command,
    name="status",
    examples=(
        ("lokictl status", "is everything well?"),
        ("lokictl status > /dev/null && echo fine", "0: fine; 69: no lokid runs; 78: bad configuration"),
    ),
)
@json_option
def command(as_json: bool) -> int:
    """One screen: daemon, configuration, clients, requests. Starts no daemon."""
    return tell(as_json)


def tell(as_json: bool) -> int:
    """Prints it; the exit status."""
    try:
        status = link.call("status", start=False, on_wait=ending.Watch())
    except Failure as failure:
        if failure.code != "daemon_unavailable":
            raise
        if as_json:
            show_json({"daemon": None, "reason": failure.message})
            return NOT_RUNNING
        raise
    if as_json:
        show_json(status)
    else:
        show(screen(status, now=time.time()))
    return CONFIG_INVALID if status["config"].get("problems") else 0


def screen(status: Mapping[str, Any], *, now: float) -> str:
    on = colour(1, os.environ)
    parts = [
        _daemon(status["daemon"], now=now, on=on),
        _config(status["config"], status["clients"], now=now, on=on),
        _vault(status.get("vault") or {}, on=on),
        "" if _nothing_in_force(status["config"]) else _clients(status["clients"]),
        _usage(status.get("usage") or {}, on=on),
    ]
    if status["requests"]:
        parts.append(table(ps.HEADERS, [ps.row(request) for request in status["requests"]], fits=True))
    return "\n".join(part for part in parts if part)


def _daemon(daemon: Mapping[str, Any], *, now: float, on: bool) -> str:
    up = duration(now - daemon["started_at"])
    lines = [f"lokid {daemon['version']}, pid {daemon['pid']}, up {up}", f"socket {daemon.get('socket', '')}"]
    lines += _extra(daemon.get("extra_socket") or {}, on=on)
    if daemon.get("root"):
        lines.append(paint("runs as root", "yellow", on=on))
    lines.append(f"sandbox {sandbox.line(daemon)}")
    lines.append(f"memory {sandbox.memory(daemon)}")
    if lacks := sandbox.problem(daemon):
        lines.append(paint(lacks, "yellow", on=on))
    if skew := version_skew(daemon):
        lines.append(paint(skew.removeprefix("lokictl: "), "yellow", on=on))
    return prose(lines)


def _extra(extra: Mapping[str, Any], *, on: bool) -> list[str]:
    if not extra:
        return []
    if extra["state"] != "open":
        return [paint(f"extra socket closed: {one_line(str(extra.get('reason', '')))}", "red", on=on)]
    models = one_line(", ".join(extra["models"]))
    lines = [f"extra socket {one_line(str(extra['path']))} for {models}"]
    if unknown := extra.get("budget_unknown"):
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(unknown["until"]))
        why = (
            f"nothing is spent until {until}, since nobody knows what was: {one_line(str(unknown['reason']))}"
        )
        lines.append(paint(f"budget of the extra socket: {why}", "red", on=on))
    for budget in extra["budgets"]:
        spent = f"{money(budget['spent_usd'])} of {money(budget['usd'])} USD this {budget['period']}"
        used_up = budget["spent_usd"] >= budget["usd"]
        line = f"budget of the extra socket: {spent}"
        lines.append(paint(line, "red", on=on) if used_up else line)
    return lines


def _config(config: Mapping[str, Any], clients: Sequence[Mapping[str, Any]], *, now: float, on: bool) -> str:
    problems: Sequence[Mapping[str, Any]] = config.get("problems") or ()
    absent = "" if config.get("exists", True) or problems else " (no such file yet)"
    facts = [f"config {one_line(str(config.get('path')))}{absent}"]
    if config.get("loaded_at"):
        facts.append(f"loaded {duration(now - config['loaded_at'])} ago")
    if config.get("generation") is not None:
        facts.append(f"generation {config['generation']}")
    if config.get("model"):
        facts.append(f"default model {one_line(str(config['model']))}")
    lines = [", ".join(facts)]
    if config.get("default_model") and not config.get("model"):  # an older daemon does not tell
        lines.append(f"default model {one_line(config['default_model'])}, of {_default_of(config, clients)}")
    if problems:
        before = "nothing is" if _nothing_in_force(config) else "what was loaded before stays"
        lines.append(paint(f"{before} in force, because of:", "red", on=on))
        lines += [problem_line(problem, paint_on=on) for problem in problems]
        lines.append("mend it: lokictl config edit")
    lines += [problem_line(warning, paint_on=False) for warning in config.get("warnings") or ()]
    return prose(lines)


def _default_of(config: Mapping[str, Any], clients: Sequence[Mapping[str, Any]]) -> str:
    """A key that was refused is no reason for lokid to ask, and to pay, another one instead."""
    name = str(config["default_model"]).partition(":")[0]
    if any(one["name"] == name and one["state"] != "ready" for one in clients):
        return "the first client that lacks nothing; it is not ready all the same, see below"
    return "the first client that is ready"


def complain_of_configuration() -> None:
    """On stderr, what of the configuration is not in force; nothing where all is well, or nobody answers."""
    try:
        config = link.call("status", start=False)["config"]
    except Failure:
        return
    if problems := config.get("problems"):
        what = "nothing is" if _nothing_in_force(config) else "what was loaded before stays"
        lines = [problem_line(problem, paint_on=False) for problem in problems]
        complain("\n".join((f"{what} in force, because of:", *lines)), "lokictl config edit")


def _nothing_in_force(config: Mapping[str, Any]) -> bool:
    """The daemon began with a configuration that it cannot use."""
    return bool(config.get("problems")) and config.get("generation") == 0


_IDENTITIES = {
    "file": "its identity is the file {}",
    "passphrase": "its identity is {}, with a passphrase",
    "credential": "its identity is a systemd credential",
    "keyring": "its identity is in the {}",
}


def _vault(vault: Mapping[str, Any], *, on: bool) -> str:
    """Of a daemon that is older than this: nothing."""
    if not vault.get("file"):  # nor of one that has no configuration which says where
        return ""
    count = vault.get("secrets")
    holds = f"{count} secret{'' if count == 1 else 's'}" if count is not None else vault["state"]
    facts = [f"vault {one_line(vault['file'])}", "no such file yet" if vault["state"] == "absent" else holds]
    if words := _IDENTITIES.get(vault["identity_kind"]):
        facts.append(words.format(one_line(vault["identity"])))
    lines = [", ".join(facts)]
    if vault["locked"]:
        lines.append(paint("lokid is locked: lokictl unlock", "yellow", on=on))
    elif vault.get("reason"):
        mend = ": lokictl unlock" if vault["state"] == "locked" else ""
        lines.append(paint(one_line(vault["reason"]) + mend, "yellow", on=on))
    return prose(lines)


def _clients(clients: Sequence[Mapping[str, Any]]) -> str:
    if not clients:
        return "no clients are configured: lokictl setup\n"
    rows = [(c["name"], c["type"], c["state"], step(c)) for c in clients]
    return table(("client", "type", "state", "what to do"), rows, state_style, fits=True)


def step(client_: Mapping[str, Any]) -> str:
    """Why a client is not ready, without its name, which stands in the row already, and what mends it."""
    if failed := last_error.line(client_):
        return failed
    reason = str(client_.get("reason") or "").removeprefix(f"client {client_['name']!r} ")
    if client_["state"] != "needs_login" or client_.get("auth") != "oauth" or "lokictl " in reason:
        return reason
    return f"{reason}: lokictl auth login {client_['name']}".removeprefix(": ")


def _usage(usage: Mapping[str, Any], *, on: bool) -> str:
    """Today, and what is wrong with the bill. Of a daemon that is older than this: nothing."""
    if not usage:
        return ""
    today = usage["today"]
    noun = "request" if today["requests"] == 1 else "requests"
    facts = [f"today {today['requests']} {noun}"]
    if today.get("failed"):
        facts.append(f"{today['failed']} failed")
    facts.append(f"{money(today['cost_usd'])} USD")
    if today["unpriced"]:
        facts.append(f"{today['unpriced']} without a known cost count as 0")
    lines = [", ".join(facts)]
    for budget in usage["budgets"]:
        used_up = budget["spent_usd"] >= budget["usd"]
        whose = one_line(budget["client"] or "all clients")
        left = f"{money(budget['spent_usd'])} of {money(budget['usd'])} USD this {budget['period']}"
        line = f"budget of {whose}: {left}"
        lines.append(paint(line, "red", on=on) if used_up else line)
    if wrong := ledger_line(usage["ledger"]):
        lines.append(paint(f"usage: {wrong}", "red", on=on))
    if since := counts_from(usage["ledger"]):
        lines.append(paint(since, "yellow", on=on))
    return prose(lines)
