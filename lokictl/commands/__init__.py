"""One file per command: its click command is ``command``, its name a line in ``COMMANDS``."""

from __future__ import annotations

COMMANDS = {
    "ask": "Ask a model.",
    "models": "The models that can be asked.",
    "clients": "The configured clients and whether they are ready.",
    "status": "One screen: daemon, configuration, clients, requests.",
    "ps": "The requests that run now.",
    "cancel": "End a request of ps.",
    "usage": "What was asked, and what it cost.",
    "events": "What happens in lokid, for status bars.",
    "embed": "Vectors of texts.",
    "rerank": "Order documents by how well they fit a query.",
    "secret": "Keep keys in the vault.",
    "lock": "Make lokid forget every key, token and login.",
    "unlock": "Let lokid have them again.",
    "auth": "Sign in and out of clients with `auth: oauth`.",
    "config": "Check, show, edit and reload the configuration.",
    "setup": "From nothing to a configuration that answers.",
    "import": "Take over what Loki or aichat have.",
    "daemon": "Start, stop, restart and install lokid.",
    "init": "Code for your shell: completion, and Alt-e.",
    "cmd": "One shell command from words.",
    "explain": "What a shell command does.",
    "doctor": "What is wrong, and what mends it.",
    "info": "Where everything is: paths, socket, log, versions.",
    "help": "What a command does.",
}
"""Name -> one line for ``--help``. The command itself is ``command`` in ``<name>.py``, in
``<name>_.py`` if Python has the word for itself."""
