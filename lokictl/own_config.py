"""lokid's configuration as lokictl writes it: never over one that is there without somebody's word."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from lokictl import folders
from lokictl.failure import Failure
from lokictl.render import is_terminal, note
from lokid.rpc import address

STARTER = """\
# lokid's configuration. Take the "# " away from what you have; a saved change takes effect at once.
# `lokictl config check` checks it. docs/configuration.md explains every key, config.example.yaml shows them.

# What `lokictl ask` asks when no model is named. Without it: the first client that is ready.
# model: openai:gpt-5-mini

clients:
  # A key from the vault: lokictl secret set OPENAI_API_KEY
  # - type: openai
  #   api_key: "{{OPENAI_API_KEY}}"

  # - type: claude
  #   api_key: "{{ANTHROPIC_API_KEY}}"

  # A vendor whose address lokid knows by its name.
  # - type: openai-compatible
  #   name: groq
  #   api_key: "{{GROQ_API_KEY}}"

  # A server on this machine.
  # - type: openai-compatible
  #   name: ollama
  #   api_base: http://127.0.0.1:11434/v1
  #   models: [{name: llama3.2}]
"""
"""What an editor shows where there is no configuration yet."""


def path(environ: Mapping[str, str]) -> str:
    """Where it is, whether or not it exists."""
    try:
        return os.path.abspath(address.config_file(environ))
    except address.NoHome as error:
        raise Failure("config_invalid", str(error)) from None


def exists(path: str) -> bool:
    """Raises Failure for a link to nowhere: a configuration that is away is not one that nobody has yet."""
    if os.path.exists(path):
        return True
    there = path
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if os.path.exists(there):
        return False
    said = f"{path} is away: there is a link to where there is nothing"
    remove = f"rm {shlex.quote(there)}"
    raise Failure("config_invalid", said, f"mount the disk that it leads to, or remove it: {remove}")


def of_daemon(status: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    """The configuration that the daemon uses, by its `status`; None if it is ours. It has its `LOKID_CONFIG`
    and `XDG_CONFIG_HOME` from when it was started, and ours may be others."""
    its: str | None = (status.get("config") or {}).get("path")
    ours = path(environ)
    if its is None or its == ours.encode("utf-8", "replace").decode():  # as it travels, where it is no UTF-8
        return None
    return None if os.path.realpath(its) == os.path.realpath(ours) else its


@contextmanager
def draft(path: str) -> Iterator[str]:
    """Where an editor writes the first configuration: beside `path`, mode 0600, with `STARTER` in it.

    One that is there, which a killed editor or one that did not wait has left, is gone on with. Of two at
    once the second is refused: each editor would write over what the other has saved."""
    beside = os.path.join(os.path.dirname(path), f".draft-{os.path.basename(path)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        folders.make(os.path.dirname(path))
        directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Failure("config_invalid", f"cannot write {beside}: {error.strerror}") from None
    try:
        _alone(directory, beside)
        try:
            with suppress(FileExistsError), open(os.open(beside, flags, 0o600), "wb") as file:
                file.write(STARTER.encode())
        except OSError as error:
            with suppress(OSError):
                os.unlink(beside)
            raise Failure("config_invalid", f"cannot write {beside}: {error.strerror}") from None
        os.close(_own(beside))
        yield beside
    finally:
        os.close(directory)


def _alone(directory: int, beside: str) -> None:
    """Until it is closed. Where a directory cannot be locked (NFS), nobody is refused."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        said = f"another lokictl config edit has {beside} open"
        raise Failure("config_invalid", said, "end its editor first") from None
    except OSError:
        pass


def _own(beside: str) -> int:
    """A descriptor of it. In a directory where everybody may put files, another user can leave one of this
    name: its words are not ours, and ours are not for them."""
    try:
        fd = os.open(beside, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Failure("config_invalid", f"cannot read {beside}: {error.strerror}", _AWAY) from None
    facts = os.fstat(fd)
    if facts.st_uid != os.geteuid() or not stat.S_ISREG(facts.st_mode):
        os.close(fd)
        raise Failure("config_invalid", f"{beside} is not a file of yours, so it is not used", _AWAY)
    with suppress(OSError):  # not every file system can
        os.fchmod(fd, 0o600)  # an editor may have made it anew, for everybody to read
    return fd


_AWAY = "move it away"


def read_draft(beside: str) -> str | None:
    """What stands in it; surrogates for what is no UTF-8. None if nobody wrote anything, and it is gone."""
    try:
        with open(_own(beside), encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failure("config_invalid", f"cannot read {beside}: {error.strerror}") from None
    if text.strip() not in ("", STARTER.strip()):
        return text
    os.unlink(beside)
    return None


def put_draft(beside: str, path: str, text: str) -> None:
    """``text``, which was taken from ``beside``, becomes the configuration."""
    if exists(path):
        said = f"{path} was made while the editor was open, so what was written stays in {beside}"
        raise Failure("config_invalid", said, f"diff {path} {beside}")
    write(path, text)
    if read_draft(beside) == text:  # else an editor that did not wait has saved more
        os.unlink(beside)


def may_replace(path: str) -> bool:
    """Asks. Only a person at a terminal can say so."""
    if not (is_terminal(0) and is_terminal(2)):
        return False
    from lokictl.prompts import confirm

    note(f"{path} is there already; setup writes a whole new one and merges nothing")
    return confirm("replace it (it is kept as .bak)?")


def write(path: str, text: str) -> str | None:
    """Whole or not at all, mode 0600; what was there is kept beside it, and its path is returned."""
    path = os.path.realpath(path)  # what is renamed into place must not replace a link
    backup = f"{path}.bak" if os.path.exists(path) else None
    try:
        folders.make(os.path.dirname(path))
        _sweep(path)
        if backup is not None:
            with open(path, "rb") as old:
                _put(backup, old.read())
        _put(path, text.encode(errors="surrogateescape"))
    except OSError as error:
        raise Failure("config_invalid", f"cannot write {path}: {error.strerror}") from None
    return backup


def _put(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # somebody is at it: _sweep
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _sweep(path: str) -> None:
    """Removes what killed writers left: a configuration may hold keys."""
    directory, name = os.path.split(path)
    stale = re.compile(rf"{re.escape(name)}(\.bak)?\.[0-9a-f]{{16}}\.tmp")
    for each in filter(stale.fullmatch, os.listdir(directory)):
        with suppress(OSError), open(os.path.join(directory, each), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(file.name)
