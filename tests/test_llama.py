"""The program ``python -m lokid.llama`` by itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.fakes import llama


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama.make_model(tmp_path_factory.mktemp("models") / "tiny.gguf")


def ask(base: str, path: str, body: object, key: str = "") -> dict[str, object]:
    request = urllib.request.Request(
        base + path,
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        found = json.load(response)
    assert isinstance(found, dict)
    return found


QUESTION = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}


def test_it_answers_under_its_alias(model: Path) -> None:
    with llama.serving(model, "--alias", "tiny", "--parallel", "2", "--context", "256") as base:
        assert ask(base, "/chat/completions", QUESTION)["model"] == "tiny"


def test_it_wants_the_key_of_its_environment(model: Path) -> None:
    with llama.serving(model, key="the-key") as base:
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(base, "/chat/completions", QUESTION)
        caught.value.close()
        assert caught.value.code == 401
        assert ask(base, "/chat/completions", QUESTION, key="the-key")["choices"]


def test_it_reranks(model: Path) -> None:
    with llama.serving(model, "--rerank") as base:
        answer = ask(base, "/rerank", {"query": "a", "documents": ["b", "c"]})
    assert isinstance(answer["results"], list)
    assert len(answer["results"]) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal_with_status_0(model: Path, number: int) -> None:
    command = [part.replace("{port}", "0") for part in llama.command(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("lokid.llama: listening on http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(10) == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lokid.llama", *arguments], capture_output=True, text=True, timeout=30
    )


def test_it_says_why_a_model_cannot_be_served(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_text("not a model")
    done = run("--model", str(bad), "--port", "0")
    assert done.returncode == 1
    # Not always the last line, nor at the beginning of one: llama.cpp logs from a thread of its own.
    assert f"lokid.llama: cannot serve {bad}: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "/no/such.gguf", "--port", "1"], "no such model file"),
        (["--port", "1"], "--model"),
        (["--model", __file__, "--port", "70000"], "--port must be between"),
        (["--model", __file__, "--port", "1", "--parallel", "0"], "must be positive"),
        (["--model", __file__, "--port", "1", "--rerank", "--embeddings"], "not allowed with"),
    ],
)
def test_a_wrong_command_line_is_explained_with_status_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
