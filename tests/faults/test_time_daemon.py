"""The clock on the wall is set while lokid runs: nothing that it has is older or younger for that."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from tests.fakes.daemon import connect, poll, process
from tests.fakes.http_threads import Handler, serving

DAY = 86_400

DAEMON = """
import os, sys, time
real = time.time

def wall():
    with open(sys.argv[1]) as file:
        return real() + int(file.read())

time.time = wall
time.time_ns = lambda: int(wall() * 1e9)
from lokid import daemon
sys.exit(daemon.main([]))
"""
"""The kernel's clock is everybody's, so this process sees another one; what it waits for is not on it."""


class Provider(Handler):
    tokens: int

    def do_POST(self) -> None:
        if self.path == "/token":
            assert dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
            type(self).tokens += 1
            self.answer({"access_token": f"a{self.tokens}", "token_type": "Bearer", "expires_in": 3600})
            return
        self.asked()
        message = {"role": "assistant", "content": self.headers["authorization"]}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        self.answer({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage})


def text(url: str, name: str) -> str:
    """``limits`` and ``budget`` look at a clock too."""
    oauth = {"client_id": "me", "client_secret": "of-mine", "token_url": f"{url}/token"}
    client = {"type": "openai-compatible", "name": "mine", "auth": "oauth", "api_base": f"{url}/v1"}
    client |= {"oauth": oauth | {"grant": "client_credentials"}, "limits": {"requests_per_minute": 1000}}
    client |= {"budget": {"usd_per_day": 1}}
    client["models"] = [{"name": "m", "no_stream": True, "input_price": 1, "output_price": 1}]
    edited = {"type": "openai-compatible", "name": "edited", "api_base": f"{url}/v1", "models": [name]}
    return json.dumps({"clients": [client, edited]})


@pytest.mark.timeout(120)
def test_a_clock_that_is_set_by_days_never_costs_a_question_a_token_or_a_row(
    home: Path, tmp_path: Path
) -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    config = home / ".config/lokid/config.yaml"
    config.parent.mkdir(parents=True)
    offset = tmp_path / "offset"

    def set_by(seconds: int) -> None:
        new = offset.with_suffix(".new")
        new.write_text(str(seconds))
        os.replace(new, offset)

    set_by(0)
    Provider.tokens = 0
    with serving(Provider) as url:
        config.write_text(text(url, "m0"))
        with process(command=[sys.executable, "-c", DAEMON, str(offset)]) as running:
            client = connect(path)
            assert client.ask("chat", model="mine:m", prompt="hi")["text"] == "Bearer a1"
            for number, jump in enumerate((DAY, -DAY, 0, -400 * DAY, 400 * DAY), 1):
                set_by(jump)
                for _ in range(3):
                    answer = client.ask("chat", model="mine:m", prompt="hi")
                    assert answer["text"] == "Bearer a1", "a token for each jump is a storm"
                config.write_text(text(url, f"m{number}"))  # an edit is seen, whatever its time
                poll(lambda name=f"edited:m{number}": name in client.ask("models.names", prefix="edited:"))
            set_by(0)
            [row] = client.ask("usage.query", since=None)
            assert (row["requests"], row["failed"]) == (16, 0)
            assert client.ask("status")["usage"]["ledger"]["state"] == "ok"
            client.close()
            running.terminate()
            _, log = running.communicate(timeout=20)
            assert running.returncode == 0
            assert "bug" not in log
    assert Provider.tokens == 1
