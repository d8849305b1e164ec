"""The provider has rotated a refresh token, and lokid is killed before it could save the new one: the old one
is tried once more, since many providers forgive that, and never again, since they end the sign-in for it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from lokid.protocols.oauth2_answers import Token
from lokid.runtime.oauth import token_file
from lokid.runtime.oauth.token_file import Record
from tests.fakes.daemon import connect, process
from tests.fakes.http_threads import Handler, serving

DAEMON = [sys.executable, "-m", "lokid"]


class Provider(Handler):
    """``victim``: who is killed when it asks for a token; 0 for nobody. ``used``: the refresh tokens."""

    victim = 0
    used: list[str]

    def do_POST(self) -> None:
        if self.path != "/token":
            self.asked()
            message = {"role": "assistant", "content": self.headers["authorization"]}
            self.answer({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
            return
        form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        type(self).used.append(form["refresh_token"])
        if self.victim:
            os.kill(self.victim, signal.SIGKILL)
            self.close_connection = True
            return
        answer = {"access_token": "a1", "refresh_token": "r1", "token_type": "Bearer", "expires_in": 3600}
        self.answer(answer)


@pytest.fixture
def tokens(home: Path) -> Path:
    return home / ".local/state/lokid/tokens/mine.json"


def configure(home: Path, url: str, tokens: Path) -> None:
    """Somebody has signed in, an hour and a bit ago."""
    config = home / ".config/lokid/config.yaml"
    config.parent.mkdir(parents=True)
    oauth = {"client_id": "me", "token_url": f"{url}/token", "authorize_url": f"{url}/authorize"}
    client = {"type": "openai-compatible", "name": "mine", "auth": "oauth", "api_base": f"{url}/v1"}
    client |= {"oauth": oauth, "models": [{"name": "m", "no_stream": True}]}
    config.write_text(json.dumps({"clients": [client]}))
    tokens.parent.mkdir(mode=0o700, parents=True)
    now = time.time()
    token = Token(SecretStr("a0"), SecretStr("r0"), None, now - 4000, now - 400)
    token_file.write(str(tokens), Record(1, token, f"{url}/token", "me"))


def killed(path: Path) -> None:
    """A daemon that is, by the first request for a token."""
    with process(command=DAEMON) as running:
        Provider.victim = running.pid
        client = connect(path)
        client.send("chat", model="mine:m", prompt="hi")
        assert client.message() is None
        client.close()
        running.communicate(timeout=20)
        assert running.returncode == -signal.SIGKILL
        Provider.victim = 0


def asked(path: Path) -> list[Any]:
    """[error, result] of a question to a daemon that lives."""
    with process(command=DAEMON) as running:
        client = connect(path)
        client.ask("hello", errors="map")
        client.send("chat", model="mine:m", prompt="hi")
        while (message := client.message()) is not None and message[0] != 1:
            pass
        client.close()
        running.terminate()
        running.communicate(timeout=20)
    assert message is not None
    return message[2:]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kills", [1, 2])
def test_a_rotated_token_that_was_never_saved_is_tried_once_more_and_never_a_third_time(
    kills: int, home: Path, tokens: Path
) -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    Provider.used = []
    with serving(Provider) as url:
        configure(home, url, tokens)
        for _ in range(kills):
            killed(path)
            assert json.loads(tokens.read_text())["refreshing"]["gen"] == 1, "said before the request"
        error, result = asked(path)
        if kills == 1:
            assert error is None
            assert result["text"] == "Bearer a1"
            assert json.loads(tokens.read_text())["refresh_token"] == "r1"
        else:
            assert "the sign-in was lost at" in error["message"]
            assert "lokictl auth login mine" in error["hint"]
        assert Provider.used == ["r0", "r0"]
        assert [each for each in os.listdir(tokens.parent) if each.endswith(".tmp")] == []
