"""What may follow on a command line: the words that the scripts in ``shell`` ask for on TAB.

``lokictl __complete WORD... CURRENT`` (the words before the one under the cursor, and what is typed of that
one) prints a candidate a line, with a tab and a description where there is one. Instead of candidates,
``:files`` means: any file, which a shell completes better itself.

Nobody waits for a TAB, so this never starts a daemon, gives up after ``PATIENCE_S``, and says nothing of what
goes wrong. What is typed most (commands, the options of ``ask``, clients and models) is known without
click; for the rest the one command in question is imported and asked.
"""

from __future__ import annotations

import _socket
import time

from lokictl import link, packing, wire
from lokictl.commands import COMMANDS
from lokictl.options import ASK
from lokictl.question import looks_like_model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Candidates = list[tuple[str, str]]

PATIENCE_S = 0.25
"""For the daemon's answer, a few milliseconds with 10,000 models: TAB never hangs on a stopped one."""

MANY = 200
"""More models than this are offered by client first: a screen has no room for them."""

FILES: Candidates = [(":files", "")]

SHELLS: Candidates = [("bash", ""), ("zsh", ""), ("fish", "")]
EFFORTS: Candidates = [("off", ""), ("low", ""), ("medium", ""), ("high", "")]
_HELP = ("--help", "Show this message and exit.")


def complete(arguments: list[str]) -> int:
    """Prints the candidates for the last of ``arguments``. Always 0: a TAB is no place for errors."""
    from lokictl.failure import ClosedPipe, Failure
    from lokictl.render import clean, one_line, write

    try:
        found = candidates(arguments[:-1], arguments[-1] if arguments else "")
        lines = (
            f"{clean(word)}\t{one_line(text)}" if text else clean(word)
            for word, text in found
            if "\t" not in word  # its beginning would look like a name
        )
        write(1, "".join(f"{line}\n" for line in lines if line == line.strip() and "\n" not in line))
    except (Failure, OSError, ClosedPipe, wire.Malformed):
        pass
    return 0


def candidates(before: list[str], current: str) -> Candidates:
    """What ``current`` may become, each with its description."""
    if not before:
        if current.startswith("-"):
            return _beginning(current, [_HELP, ("--version", "Show the version and exit.")])
        return _beginning(current, COMMANDS.items())
    command, *rest = before
    if "--" in rest:
        return []
    match command:
        case "ask":
            return _ask(rest, current)
        case "init" if not current.startswith("-"):
            return _beginning(current, SHELLS) if not rest else []
        case "help" if not current.startswith("-") and not rest:
            return _beginning(current, COMMANDS.items())
        case "models" if not current.startswith("-") and not rest:
            return _beginning(current, clients())
    from lokictl import grammar

    return grammar.candidates(before, current)


def _ask(rest: list[str], current: str) -> Candidates:
    kinds = {name: (key, kind) for key, names, kind, _, _ in ASK for name in names}
    if rest and rest[-1] in kinds and kinds[rest[-1]][1] != "flag":
        return _value(kinds[rest[-1]][0], current)
    name, equals, typed = current.partition("=")
    if equals and name in kinds:
        return [
            (word if word == ":files" else f"{name}={word}", text)
            for word, text in _value(kinds[name][0], typed)
        ]
    if current.startswith("-"):
        names = ((name, text) for _, names, _, _, text in ASK for name in names if name.startswith("--"))
        return _beginning(current, [*names, _HELP])
    skip = False
    for word in rest:  # a model is the first word that is no option and no value of one
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
            skip = kinds.get(word, ("", "flag"))[1] != "flag"
        else:
            return []
    return models(current, "chat")


def _value(key: str, typed: str) -> Candidates:
    """Values of the option ``key`` of ``ask``."""
    match key:
        case "model":
            return models(typed, "chat")
        case "files" | "schema":
            return FILES
        case "reasoning":
            return _beginning(typed, EFFORTS)
    return []


def models(typed: str, kind: str) -> Candidates:
    """``client:model``; of many, and while no client is named, ``client:`` first."""
    if typed and ":" not in typed and not looks_like_model(f"{typed}:m"):
        return []
    params = {"type": kind, "prefix": typed}
    names, known = _ask_daemon(("models.names", params), ("clients.list", {}))
    if ":" in typed or len(names) <= MANY:
        return [(name, "") for name in names]
    return [(f"{name}:", text) for name, text in _beginning(typed, _clients(known))]


def clients() -> Candidates:
    return _clients(_ask_daemon(("clients.list", {}))[0])


def secrets() -> Candidates:
    """Names in the vault, with the clients that use them; no value comes near."""
    return [(one["name"], ", ".join(one["clients"])) for one in _ask_daemon(("secrets.list", {}))[0]]


def _clients(known: list[dict[str, Any]]) -> Candidates:
    return [
        (one["name"], one["type"] if one.get("state") == "ready" else f"{one['type']}, {one.get('state')}")
        for one in known
    ]


def _beginning(typed: str, all_of_them: Iterable[tuple[str, str]]) -> Candidates:
    return [(word, text) for word, text in all_of_them if word.startswith(typed)]


def _ask_daemon(*requests: tuple[str, dict[str, Any]]) -> list[Any]:
    """The results, in order; an empty list for each that did not come in time or without error. Raises
    OSError and Failure when there is no daemon of ours."""
    give_up_at = time.monotonic() + PATIENCE_S
    answers: dict[int, Any] = {}
    path = link.path_of_socket()
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.settimeout(PATIENCE_S)
        sock.connect(path)
        link.check_peer(sock, path)
        frames = [packing.encode([0, at, method, [params]]) for at, (method, params) in enumerate(requests)]
        reader = wire.Reader()
        sock.sendall(b"".join(frames))
        while len(answers) < len(requests) and (left := give_up_at - time.monotonic()) > 0:
            sock.settimeout(left)
            if not (data := sock.recv(1 << 20)):
                break
            for message in reader.feed(data):
                match message:
                    case [1, int(at), error, result]:
                        answers[at] = result if error is None else []
    finally:
        sock.close()
    return [answers.get(at) or [] for at in range(len(requests))]
