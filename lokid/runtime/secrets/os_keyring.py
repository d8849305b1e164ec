"""The keyring of the operating system, through the package ``keyring`` (an extra).

It may ask the user in a window that nobody sees, and on a machine without a desktop it may never answer:
every look is a thread of its own that is given up after ``WITHIN_S``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from lokid.config.vault import MAX_VALUE
from lokid.runtime import extras, lingering

WITHIN_S = 5.0
"""One that is open answers within milliseconds; one that asks somebody in a window is not waited for."""

THREADS = 4
"""A keyring that never answers keeps its thread: so many, and the others are told that it hangs."""

HINT = f"{extras.hint('keyring')}; then keyring get SERVICE NAME shows what it answers"


R = TypeVar("R")


class KeyringFailed(Exception):
    """``str()`` is the end of a sentence that begins with "the keyring"; nothing that it said itself."""


async def ask(service: str, name: str) -> str:
    """``get`` where nothing may block; an entry that is not there raises KeyringFailed too."""
    value = await lingering.look(("keyring", service, name), partial(get, service, name))
    if value is None:
        raise KeyringFailed("has no such entry")
    return value


def get(service: str, name: str) -> str | None:
    """The entry, None if there is none. Raises KeyringFailed. Blocks, for ``WITHIN_S`` at most, and as long
    again where ``THREADS`` hang already."""

    def look() -> str | None:
        import keyring

        value: object = keyring.get_password(service, name) or None  # of whatever backend there is
        if value is not None and not isinstance(value, str):
            raise KeyringFailed("gave no text")
        if value is not None and len(value) > MAX_VALUE:
            raise KeyringFailed("gave more than 64 Ki characters, which is no secret")
        return value

    return _within(look)


def set(service: str, name: str, value: str) -> None:  # noqa: A001 - as the package calls it
    """Raises and blocks as ``get``."""

    def write() -> None:
        import keyring

        keyring.set_password(service, name, value)

    _within(write)


_free = threading.BoundedSemaphore(THREADS)


def _within(work: Callable[[], R]) -> R:
    late = KeyringFailed(f"did not answer within {WITHIN_S:g} s")
    if not _free.acquire(timeout=WITHIN_S):
        raise late
    outcome: SimpleQueue[R | Exception] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put(work())
        except Exception as error:  # of whatever backend there is; told below
            outcome.put(error)
        finally:
            _free.release()

    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        answer = outcome.get(timeout=WITHIN_S)
    except Empty:
        raise late from None
    if isinstance(answer, KeyringFailed):
        raise answer
    if isinstance(answer, ImportError):
        raise KeyringFailed("cannot be asked: the package keyring is not installed")
    if isinstance(answer, Exception):
        raise KeyringFailed(f"failed ({type(answer).__name__})")
    return answer
