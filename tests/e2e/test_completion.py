"""TAB against the real daemon, as large as it gets."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes.terminal import completed, lokictl


def test_a_name_among_ten_thousand_is_completed_and_without_a_daemon_not(home: Path) -> None:
    models = [{"name": f"a-model-with-a-long-name-{number}"} for number in range(10_000)]
    entry = {
        "type": "openai-compatible",
        "name": "big",
        "api_base": "http://127.0.0.1:9/v1",
        "models": models,
    }
    config = home / ".config" / "lokid" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"clients": [entry]}))
    assert lokictl("daemon", "start").returncode == 0
    try:
        answer = completed("ask", "big:a-model-with-a-long-name-99")
        assert len(answer.stdout.splitlines()) == 111
        assert len(completed("ask", "big:").stdout.splitlines()) == 10_000
        assert completed("ask", "b").stdout.startswith(b"big:\t")
    finally:
        assert lokictl("daemon", "stop").returncode == 0
    assert completed("ask", "big:").stdout == b""
