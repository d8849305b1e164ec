"""systemd's user units as ``lokictl daemon install`` writes them: those of the folder systemd/ (linked here,
so that they are in the wheel), with the paths of the user who installs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from lokid.rpc import address

NAMES = ("lokid.socket", "lokid.service")

_PATHS = ("LOKID_CONFIG", "LOKID_ENV_FILE", "LOKID_STATE_DIR")
_HOMES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")

_OF_ITS_OWN = ("/tmp/", "/var/tmp/")  # noqa: S108 - PrivateTmp= of the service gives it empty ones

IN_NO_PROGRAM = "\"'$\\\t\n"
"""systemd takes them in no way to write them: "Executable name contains special characters"."""

_OF_OTHERS = (".config", ".local/share", ".local/state", ".local/bin")
"""Of the home directory: what more than one program keeps there, or any starts from."""


def folder(environ: Mapping[str, str]) -> str:
    """Where systemd looks for the units of a user."""
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ["HOME"], ".config")
    return os.path.join(home, "systemd", "user")


def directories(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What lokid writes into. They must exist before it starts, or its sandbox leaves them read-only."""
    return address.state_dir(environ), os.path.dirname(address.vault_file(environ))


def of_vault(vault: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where the configuration or links have the vault and its identity (the paths in ``vault``), beside
    ``directories``. Not to be made: what a link leads to may be a disk that is not mounted."""
    own = {os.path.realpath(path) for path in directories(environ)}
    found = (os.path.dirname(os.path.realpath(path)) for path in vault if os.path.isabs(path))
    return tuple(dict.fromkeys(path for path in found if path not in own))


def holds_others(directory: str, environ: Mapping[str, str]) -> bool:
    """Whether it is the home directory, one that all programs share in it, or above one. Were that open to
    lokid, so were start-up files."""
    home = environ.get("HOME") or "/"
    shared = [home, *(os.path.join(home, name) for name in _OF_OTHERS), *map(environ.get, _HOMES)]
    return any(
        os.path.commonpath((os.path.realpath(path), directory)) == directory for path in shared if path
    )


class Unseen(Exception):
    """A path that the sandbox of the unit hides, and ``why``."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path)
        self.why = why


def texts(program: str, environ: Mapping[str, str], vault: Sequence[str] = ()) -> dict[str, str]:
    """Name of each unit -> its text. ``program``: the absolute path of lokid. ``vault``: the paths of the
    vault and its identity. Raises ``Unseen``."""
    of_lokid, more = directories(environ), of_vault(vault, environ)
    ssh = os.path.join(environ.get("HOME") or "/", ".ssh")
    for path in (program, address.config_file(environ), *of_lokid, *filter(os.path.isabs, vault)):
        for place in (os.path.abspath(path), os.path.realpath(path)):  # also behind a link
            if place.startswith(_OF_ITS_OWN):
                raise Unseen(place, "it has a /tmp of its own")
            if any(place.startswith(f"{of_ssh}/") for of_ssh in (ssh, os.path.realpath(ssh))):
                raise Unseen(place, "its sandbox hides ~/.ssh")
    here = os.path.dirname(__file__)
    found = {}
    for name in NAMES:
        with open(os.path.join(here, name), encoding="utf-8") as file:
            found[name] = file.read()
    opened = (*of_lokid, *(path for path in more if not holds_others(path, environ)))
    writable = " ".join(f"-{_quoted(path)}" for path in opened)
    variables = "".join(
        f"Environment={_quoted(f'{name}={os.path.abspath(environ[name])}')}\n"
        for name in (*_PATHS, *_HOMES)
        if environ.get(name)
    )
    found["lokid.service"] = _with(
        found["lokid.service"],
        ("ExecStart=%h/.local/bin/lokid\n", f"ExecStart={_quoted(program).replace('$', '$$')}\n{variables}"),
        ("-%h/.local/state/lokid -%h/.local/share/lokid", writable),
    )
    socket = address.socket_path(environ)
    if socket != os.path.join(environ.get("XDG_RUNTIME_DIR", ""), "lokid", "rpc.sock"):
        found["lokid.socket"] = _with(
            found["lokid.socket"],
            ("ListenStream=%t/lokid/rpc.sock", f"ListenStream={os.path.abspath(socket).replace('%', '%%')}"),
        )
    return found


def _with(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _quoted(text: str) -> str:
    """As one word of a unit file: https://www.freedesktop.org/software/systemd/man/systemd.syntax.html."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if escaped != text or not escaped.replace("/", "").isalnum() else escaped
