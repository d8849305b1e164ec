"""A name server that does not answer: a healthy host must never wait for it, and neither must the end."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import anyio
import psutil
import pytest

from tests.fakes.provider import FakeProvider
from tests.faults.asking import ask, asker, daemon, said

pytestmark = pytest.mark.anyio

HANGING = [sys.executable, "-m", "tests.fakes.hanging_names"]
HANG = 40
"""More than asyncio or trio have threads for look-ups."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # of the test; the daemon has its own


async def test_a_healthy_host_and_the_end_never_wait_for_names_that_hang(tmp_path: Path) -> None:
    async with FakeProvider(default=said("well")) as provider:
        dead = [
            {"name": f"dead{number}", "api_base": f"https://api{number}.hangs.test"} for number in range(HANG)
        ]
        healthy = {"name": "healthy", "api_base": f"http://localhost:{provider.port}"}
        with daemon(tmp_path, *dead, healthy, command=HANGING) as (path, running):
            async with asker(path) as crowded, asker(path) as client:
                before = psutil.Process(running.pid).num_threads()
                for number in range(HANG):
                    await crowded.send("chat", model=f"dead{number}", prompt="hi")
                with anyio.fail_after(10):
                    while psutil.Process(running.pid).num_threads() < before + HANG:
                        await anyio.sleep(0.01)
                with anyio.fail_after(5):  # 9.7 s were measured once
                    assert (await ask(client, "healthy")).result["text"] == "well"
            # They are gone, and their look-ups go on for ever.
            ended_at = time.monotonic()
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=20)
            assert running.returncode == 0
            assert time.monotonic() - ended_at < 10


async def test_a_name_that_hangs_is_a_connect_timeout_and_says_so(tmp_path: Path) -> None:
    extra = {"connect_timeout": 0.2, "max_retries": 0}
    dead = {"name": "a", "api_base": "https://api.hangs.test", "extra": extra}
    with daemon(tmp_path, dead, command=HANGING) as (path, _):
        async with asker(path) as client:
            error = (await ask(client)).error
    assert error["code"] == "timeout"
    assert error["message"].startswith("connect timeout: no connection to api.hangs.test")
