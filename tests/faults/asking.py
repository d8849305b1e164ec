"""The real daemon with one provider, asked over its socket by many at once. Shared by the tests of providers
and networks here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from lokid.rpc.messages import Response
from tests.fakes.daemon import connect, process
from tests.fakes.provider import Step, answer
from tests.fakes.server import Client, connected

LOKID = [sys.executable, "-m", "lokid"]


@contextmanager
def daemon(
    directory: Path, *clients: dict[str, Any], command: list[str] = LOKID
) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """Its socket and itself. ``clients``: those of the configuration, of OpenAI's kind without more said."""
    config = directory / "config.yaml"
    rows = [{"type": "openai-compatible", "models": ["m"], "api_key": "sk-1", **client} for client in clients]
    config.write_text(json.dumps({"clients": rows}))
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    with process({"LOKID_CONFIG": str(config)}, command) as running:
        connect(path).close()
        yield path, running
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
        running.communicate(timeout=20)


@asynccontextmanager
async def asker(path: Path) -> AsyncIterator[Client]:
    async with connected(str(path)) as client:
        await client.ask("hello", errors="map")
        yield client


async def ask(client: Client, model: str = "a", **more: Any) -> Response:
    return await client.ask("chat", model=model, prompt="hi", **more)


def said(text: str) -> Step:
    """A whole answer of Chat Completions."""
    message = {"role": "assistant", "content": text}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return answer(body=json.dumps(body).encode())
