"""A provider that answers every question with the same words, for programs outside of this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.http_threads import Handler, Server

ROOT = Path(__file__).parents[2]


def _of(schema: dict[str, Any]) -> dict[str, Any]:
    """An object with the fields of this flat schema."""
    return {name: 3 if one["type"] == "integer" else "x" for name, one in schema["properties"].items()}


class _Handler(Handler):
    words: str

    def do_GET(self) -> None:
        self.answer({"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        asked = self.asked()
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
        if self.path.endswith("/embeddings"):
            rows = [{"index": at, "embedding": [0.5, 0.25]} for at, _ in enumerate(asked["input"])]
            self.answer({"data": rows, "usage": {"prompt_tokens": 9}})
            return
        words = self.words
        if wanted := asked.get("response_format"):
            words = json.dumps(_of(wanted["json_schema"]["schema"]))
        text = {"role": "assistant", "content": words}
        key = "delta" if asked.get("stream") else "message"
        answer = {
            "id": "1",
            "model": asked["model"],
            "choices": [{"index": 0, key: text, "finish_reason": "stop"}],
            "usage": usage,
        }
        if not asked.get("stream"):
            self.answer(answer)
            return
        self.answer(f"data: {json.dumps(answer)}\n\ndata: [DONE]\n\n".encode(), "text/event-stream")


def main() -> None:
    handler = type("Handler", (_Handler,), {"words": sys.argv[1]})
    with Server(("127.0.0.1", 0), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
        server.serve_forever()


@contextmanager
def conversing(words: str) -> Iterator[str]:
    """Its base URL, as long as it runs, in a process of its own. It speaks as OpenAI does: chat completions
    and embeddings."""
    command = [sys.executable, "-m", "tests.fakes.conversing", words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip()
        finally:
            running.kill()


if __name__ == "__main__":
    main()
