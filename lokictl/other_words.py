"""What people type who know another program: the command that does it here. Loaded after the mistake."""

from __future__ import annotations

MEANT = {
    "chat": "ask",
    "complete": "ask",
    "prompt": "ask",
    "check": "config check",
    "edit": "config edit",
    "reload": "config reload",
    "install": "daemon install",
    "restart": "daemon restart",
    "run": "daemon run",
    "serve": "daemon run",
    "start": "daemon start",
    "stop": "daemon stop",
    "uninstall": "daemon uninstall",
    "key": "secret set",
    "keys": "secret list",
    "passphrase": "secret passphrase",
    "secrets": "secret list",
    "vault": "secret list",
    "login": "auth login",
    "logout": "auth logout",
    "cost": "usage",
    "list": "models",
    "log": "info",
    "logs": "info",
    "where": "info",
    "kill": "cancel",
    "queue": "ps",
    "watch": "events",
}
"""Nearness of letters would lead elsewhere: from "start" to "status"."""
