"""``python -m tests.fakes.clumsy``: the real daemon, some of whose methods crash with a secret in their
exceptions, in all the ways that Python has to print one."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

SECRETS = "LOKID_TEST_CRASHES"
"""A file with JSON: the ways to crash -> what the exception says. Nothing of lokid has ever seen these."""


def main() -> int:
    from lokid import daemon
    from lokid.runtime.core import Runtime

    words: dict[str, str] = json.loads(Path(os.environ.pop(SECRETS)).read_text())

    def fail(way: str) -> None:
        try:
            raise KeyError(words[way])
        except KeyError as error:
            raise ValueError(f"cannot use {words[way]}") from error

    class Dropped:
        def __init__(self, way: str) -> None:
            self._way = way

        def __del__(self) -> None:
            fail(self._way)

    def crash(self: Runtime, path: str | None = None, data: bytes | None = None) -> list[Any]:
        match path:
            case "thread":
                thread = threading.Thread(target=fail, args=("thread",))
                thread.start()
                thread.join()
            case "unraisable":
                Dropped("unraisable")
                gc.collect()
            case "logged":
                try:
                    fail("logged")
                except ValueError:
                    logging.getLogger("lokid").exception("it failed")
                    logging.getLogger("elsewhere").error("it failed", exc_info=True, stack_info=True)
            case "group":
                try:
                    fail("group")
                except ValueError as error:
                    raise ExceptionGroup(words["group"], [error, KeyError(words["group"])]) from error
            case "plain":
                fail("plain")
        return []

    Runtime.check = crash  # type: ignore[method-assign]
    return daemon.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
