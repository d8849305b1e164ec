"""The bill of a real daemon: many programs at once, and a daemon that is killed in the middle."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.daemon import ROOT, Client, connect, poll, process
from tests.fakes.http_threads import Handler, serving
from tests.fakes.terminal import lokictl

DAEMON = [sys.executable, "-m", "lokid"]
ASKS = int(os.environ.get("LOKID_TEST_ASKS", "60"))
"""Programs of the test with xargs; a start of Python each."""


class Provider(Handler):
    def do_POST(self) -> None:
        body = self.asked()
        number = len(body["messages"][-1]["content"])
        message = {"role": "assistant", "content": "hi"}
        answer = json.dumps(
            {
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": number, "completion_tokens": 3},
            }
        ).encode()
        if body.get("stream"):
            chunk = json.loads(answer)
            chunk["choices"][0]["delta"] = chunk["choices"][0].pop("message")
            answer = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        self.answer(answer, "text/event-stream" if body.get("stream") else "application/json")


@pytest.fixture
def config(home: Path) -> Iterator[Path]:
    with serving(Provider) as url:
        path = home / ".config/lokid/config.yaml"
        path.parent.mkdir(parents=True)
        model = {"name": "m", "input_price": 0.0375, "output_price": 123.45}
        client = {"type": "openai-compatible", "name": "c", "api_base": f"{url}/v1", "models": [model]}
        path.write_text(json.dumps({"clients": [client]}))
        yield path


def socket_path() -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"


def total(client: Client) -> tuple[int, float]:
    [row] = client.ask("usage.query", since=None)
    return row["requests"], row["cost_usd"]


def answers(
    client: Client, first: int, count: int, *, kill: subprocess.Popen[str] | None = None
) -> dict[int, float]:
    """``count`` questions at once: number -> cost of those that were answered before the connection ended.
    ``kill``: the daemon, killed in the middle."""
    numbers = {client.send("chat", model="c:m", prompt="x" * (first + i)): first + i for i in range(count)}
    costs: dict[int, float] = {}
    while len(costs) < count and (message := client.message()) is not None:
        if message[0] == 1 and message[1] in numbers:
            assert message[2] is None, message[2]
            costs[numbers[message[1]]] = message[3]["cost_usd"]
            if kill is not None and len(costs) == count // 10:
                kill.send_signal(signal.SIGKILL)
    return costs


def test_a_thousand_answers_add_up_after_a_kill_too(config: Path) -> None:
    costs: list[float] = []
    with process(command=DAEMON) as running:
        client = connect(socket_path())
        for first in (1, 301):
            costs += answers(client, first, 300).values()
        client.close()
        running.send_signal(signal.SIGKILL)
        running.wait()
    with process(command=DAEMON) as running:
        client = poll(lambda: _connected())
        assert total(client) == (600, pytest.approx(sum(costs), abs=1e-9))
        costs += answers(client, 601, 400).values()
        assert total(client) == (1000, pytest.approx(sum(costs), abs=1e-9))
        client.close()
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=20)


def _connected() -> Client | None:
    try:
        return Client(socket_path())
    except (FileNotFoundError, ConnectionRefusedError):  # the socket of the one that was killed
        return None


def test_a_kill_in_the_middle_of_the_answers_loses_none_of_them(config: Path) -> None:
    with process(command=DAEMON) as running:
        client = connect(socket_path())
        costs = answers(client, 1, 900, kill=running)
        client.close()
        running.wait()
    with process(command=DAEMON):
        client = poll(lambda: _connected())
        requests, cost = total(client)
        client.close()
    # Some rows may be of answers that were on their way.
    assert 900 > requests >= len(costs) >= 90
    assert cost >= sum(costs.values()) - 1e-9


def test_a_full_disk_holds_up_no_answer_and_loses_no_row(config: Path) -> None:
    with process(command=DAEMON) as running:
        client = connect(socket_path())
        costs = list(answers(client, 1, 5).values())
        soft, hard = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1, hard))
        costs += answers(client, 6, 5).values()
        ledger = client.ask("status")["usage"]["ledger"]
        assert ledger["state"] == "degraded"
        said = lokictl("status")
        assert said.returncode == 0
        assert b"to be written" in said.stdout
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (soft, hard))
        costs += answers(client, 11, 5).values()
        poll(lambda: client.ask("status")["usage"]["ledger"]["state"] == "ok")
        assert total(client) == (15, pytest.approx(sum(costs), abs=1e-9))
        client.close()


def test_many_programs_at_once_lose_no_row(config: Path) -> None:
    ask = [sys.executable, "-m", "lokictl", "ask", "-m", "c:m", "--json", "hello"]
    script = f"seq {ASKS} | xargs -P 12 -n 1 {' '.join(ask)}"
    with process(command=DAEMON):
        connect(socket_path()).close()
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "LOKICTL_AUTOSTART": "0"},
            capture_output=True,
            text=True,
            timeout=55,
            check=True,
        )
        decoder, text, found = json.JSONDecoder(), done.stdout.strip(), []
        while text:
            value, end = decoder.raw_decode(text)
            found.append(value["cost_usd"])
            text = text[end:].lstrip()
        client = connect(socket_path())
        assert total(client) == (ASKS, pytest.approx(sum(found), abs=1e-9))
        [row] = client.ask("usage.query", group_by="program")
        assert row["program"].startswith("python")
        client.close()
