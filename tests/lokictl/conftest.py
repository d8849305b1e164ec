"""A fake daemon where lokictl looks for one, and terminals that are closed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

import lokid
from tests.fakes.rpc_daemon import Answer, RPCDaemon
from tests.fakes.terminal import Terminal


@pytest.fixture
def daemon() -> Iterator[Callable[..., RPCDaemon]]:
    """``daemon(chat=..., models__list=...)`` starts one on the usual socket."""
    running: list[RPCDaemon] = []

    def start(*, version: str = lokid.__version__, **answers: Answer) -> RPCDaemon:
        path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "lokid", "rpc.sock")
        named = {name.replace("__", "."): answer for name, answer in answers.items()}
        ours = os.path.join(os.environ["HOME"], ".config/lokid/config.yaml")
        named.setdefault("status", lambda *_: {"config": {"path": ours}})
        running.append(RPCDaemon(path, named, version))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_(*arguments: str, **settings: object) -> Terminal:
        opened.append(Terminal(*arguments, **settings))  # type: ignore[arg-type]
        return opened[-1]

    yield open_
    for each in opened:
        each.close()
