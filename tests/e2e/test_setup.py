"""``lokictl setup`` with the real daemon, and a server of models that says it is Ollama."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.fakes.daemon import connect, process
from tests.fakes.http_threads import Handler, serving
from tests.fakes.terminal import lokictl

VALUE = "sk-of-this-shell-0123456789"


class Ollama(Handler):
    def do_GET(self) -> None:
        self.answer({"data": [{"id": "llama3.2"}]})

    def do_POST(self) -> None:
        asked = self.asked()
        message = {"role": "assistant", "content": "yes"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        self.answer({"id": "x", "model": asked["model"], "choices": [choice], "usage": usage})


def test_from_nothing_to_an_answer_in_one_command(home: Path) -> None:
    with serving(Ollama) as url, process({}, [sys.executable, "-m", "lokid"]):
        connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock").close()
        environ = {"OLLAMA_HOST": url.removeprefix("http://")}
        done = lokictl("setup", env=environ)
        assert done.returncode == 0, done.stderr
        assert b"ollama\tyes\tollama:llama3.2: 'yes' in " in done.stdout
        assert lokictl("ask", "-S", "again").stdout == b"yes\n"
        added = lokictl("setup", "--no-call", "--yes", env={**environ, "OPENAI_API_KEY": VALUE})
        assert added.returncode == 0, added.stderr
        rows = json.loads(lokictl("clients", "--json").stdout)
        # "local" is there too, where its parts are installed.
        states = {row["name"]: row["state"] for row in rows if row["name"] != "local"}
        assert states == {"openai": "ready", "ollama": "ready"}
        # The key is in the vault now, and no more in the environment.
        assert lokictl("setup", "--no-call", "--yes", env=environ).returncode == 0
        again = json.loads(lokictl("clients", "--json").stdout)
        assert {row["name"]: row["state"] for row in again if row["name"] != "local"} == states
        assert lokictl("config", "check").returncode == 0
    paths = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in paths if VALUE.encode() in path.read_bytes()]
