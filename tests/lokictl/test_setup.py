"""``lokictl setup``: what it finds, writes and asks, with and without a terminal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lokictl import found_here
from lokictl.found_here import KEYS, TYPES, Found
from lokid.config import Config, parse
from lokid.providers.registry import PROVIDERS
from lokid.providers.vendors import VENDORS
from tests.fakes.rpc_daemon import Refused, RPCDaemon, result
from tests.fakes.terminal import lokictl

VALUE = "sk-of-this-shell-0123456789"
NOBODY = {"OLLAMA_HOST": "elsewhere.example:1"}  # so that a real one on this machine is not asked


@pytest.fixture
def ollama() -> Iterator[ThreadingHTTPServer]:
    """A server that answers what its ``models`` are."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data: bytes = self.server.answer  # type: ignore[attr-defined]
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.answer = 200, listing("llama3.2", "nomic-embed-text")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def listing(*names: Any) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


def answers(daemon: Any, **kept: str) -> RPCDaemon:
    def chat(_call: Any, params: dict[str, Any]) -> dict[str, Any]:
        if params["model"].startswith("claude:"):
            raise Refused("authentication_failed", "the provider does not accept the key")
        return result("yes\n", model=params["model"])

    def models(_call: Any, params: dict[str, Any]) -> list[Any]:
        if params["client"] == "groq" and not params["refresh"]:
            return []
        return [] if params["client"] == "xai" else [{"id": f"{params['client']}:m"}]

    def keep(_call: Any, params: dict[str, Any]) -> dict[str, Any]:
        kept[params["name"]] = params["value"]
        return {"name": params["name"], "replaced": False, "clients": []}

    running: RPCDaemon = daemon(
        secrets__list=lambda *_: [{"name": name, "clients": []} for name in kept],
        secrets__set=keep,
        config__reload=lambda *_: {"generation": 2},
        config__show=lambda *_: {"clients": []},
        clients__list=lambda *_: [{"name": "mine"}],
        models__list=models,
        chat=chat,
    )
    running.kept = kept  # type: ignore[attr-defined]
    return running


def written(home: Path) -> Path:
    return home / ".config/lokid/config.yaml"


def config(text: str) -> Config:
    found = parse(text, "x", lookup={}, environ={})
    assert isinstance(found, Config), found
    return found


def test_every_key_leads_to_a_client_that_lokid_knows() -> None:
    for variable, name in KEYS:
        client = config(found_here.configuration([Found(name, variable)])).clients[0]
        assert client.name == name
        assert name in PROVIDERS if name in TYPES else VENDORS[name].api_base


def test_keys_go_into_the_vault_and_each_client_is_asked(daemon: Any, home: Path) -> None:
    running = answers(daemon, GROQ_API_KEY="another")
    environ = {
        "OPENAI_API_KEY": VALUE,
        "ANTHROPIC_API_KEY": VALUE,
        "GROQ_API_KEY": VALUE,
        "XAI_API_KEY": VALUE,
    }
    done = lokictl("setup", env={**NOBODY, **environ, "CLAUDE_API_KEY": VALUE, "CO_API_KEY": ""})
    assert done.returncode == 1
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert rows[0] == ["openai", "key in OPENAI_API_KEY"]
    assert [row[:2] for row in rows[4:]] == [
        ["openai", "yes"], ["claude", "no"], ["groq", "yes"], ["xai", "no"]
    ]  # fmt: skip
    assert rows[4][2].startswith("openai:m: 'yes' in ") and rows[4][2].endswith(", 0.000120 USD")
    assert "does not accept the key" in rows[5][2] and "no chat model" in rows[7][2]
    kept = running.kept  # type: ignore[attr-defined]
    assert kept == {
        "OPENAI_API_KEY": VALUE,
        "ANTHROPIC_API_KEY": VALUE,
        "XAI_API_KEY": VALUE,
        "GROQ_API_KEY": "another",
    }
    assert VALUE.encode() not in done.stdout + done.stderr + written(home).read_bytes()
    assert [one.name for one in config(written(home).read_text()).clients] == [
        "openai",
        "claude",
        "groq",
        "xai",
    ]
    assert written(home).stat().st_mode & 0o777 == 0o600


def test_a_key_that_another_one_comes_before_is_told_once_the_configuration_is_in_force(
    daemon: Any, home: Path
) -> None:
    """Of a client that is there only then, for instance."""
    running = answers(daemon)
    row = {"name": "GROQ_API_KEY", "clients": [], "overridden_by": "environment", "variable": "GROQ_API_KEY"}
    loaded = [False]
    running.answers["config.reload"] = lambda *_: loaded.append(True)
    running.answers["secrets.list"] = lambda *_: [row] if loaded[-1] else []
    done = lokictl("setup", "--no-call", env={**NOBODY, "GROQ_API_KEY": VALUE})
    assert done.returncode == 0
    assert b"lokictl: another GROQ_API_KEY comes first, with which lokid was started: " in done.stderr


def test_a_daemon_with_another_configuration_is_told_and_not_asked(daemon: Any, home: Path) -> None:
    running = answers(daemon)
    mine = home / "work.yaml"
    done = lokictl("setup", env={**NOBODY, "OPENAI_API_KEY": VALUE, "LOKID_CONFIG": str(mine)})
    assert done.returncode == 1
    its = f"{home}/.config/lokid/config.yaml"
    told = f"lokid uses another configuration, {its}; for {mine}: lokictl daemon restart"
    assert told in done.stderr.decode()
    assert mine.exists()
    assert "chat" not in [name for name, _ in running.calls]


def test_no_call_asks_nobody(daemon: Any, home: Path) -> None:
    running = answers(daemon)
    assert lokictl("setup", "--no-call", env={**NOBODY, "OPENAI_API_KEY": VALUE}).returncode == 0
    assert "chat" not in [name for name, _ in running.calls]


def test_a_server_on_this_machine_becomes_a_client_with_its_models(
    daemon: Any, home: Path, ollama: ThreadingHTTPServer
) -> None:
    answers(daemon)
    port = ollama.server_address[1]
    done = lokictl("setup", env={"OLLAMA_HOST": f"0.0.0.0:{port}"})
    assert done.returncode == 0
    client = config(written(home).read_text()).clients[0]
    assert (client.name, client.api_base) == ("ollama", f"http://127.0.0.1:{port}/v1")
    assert [(one.name, one.type) for one in client.models or ()] == [
        ("llama3.2", "chat"),
        ("nomic-embed-text", "embedding"),
    ]


def test_the_model_that_is_installed_with_lokid_stays_a_client(daemon: Any, home: Path) -> None:
    running = answers(daemon)
    entry = {
        "type": "openai-compatible",
        "name": "local",
        "api_base": "http://127.0.0.1:{port}/v1",
        "models": [{"name": "tiny", "type": "chat", "max_output_tokens": 9}],
        "launch": {"command": ["/opt/a b/llama", "--port", "{port}"], "ready_timeout": 60.0},
    }
    other = {"type": "openai", "name": "o", "models": []}
    running.answers["config.show"] = lambda *_: {"clients": [other, entry]}
    done = lokictl("setup", "--no-call", env={**NOBODY, "OPENAI_API_KEY": VALUE})
    assert done.returncode == 0, done.stderr
    [first, local] = config(written(home).read_text()).clients
    assert (first.name, local.name) == ("openai", "local")
    assert local.model_dump(exclude_unset=True)["launch"] == {
        "command": ("/opt/a b/llama", "--port", "{port}"),
        "ready_timeout": 60.0,
    }
    assert [(one.name, one.max_output_tokens) for one in local.models or ()] == [("tiny", 9)]


@pytest.mark.parametrize(
    ("status", "answer"),
    [(404, listing("a")), (200, b"<html>"), (200, b"[]"), (200, b'{"data": 3}'), (200, b"[" * 100_000),
     (200, b'{"data": [3, {}, {"id": 4}, {"id": "a\\nb"}, {"id": ""}]}')],
)  # fmt: skip
def test_what_else_listens_there_is_no_server_of_models(
    ollama: ThreadingHTTPServer, status: int, answer: bytes
) -> None:
    ollama.status, ollama.answer = status, answer  # type: ignore[attr-defined]
    assert found_here.ask(ollama.server_address[1]) == ()


def test_names_of_models_are_bounded_and_quoted(ollama: ThreadingHTTPServer) -> None:
    hostile = ["no", "a: b # c", '"', "x}, {name: y", "é", "\U0001f600"]
    wants_a_key = ["{{OPENAI_API_KEY}}", "llama-{{OPENAI_API_KEY}}", "{{"]
    ollama.answer = listing(*wants_a_key, *hostile, *map(str, range(500)))  # type: ignore[attr-defined]
    names = found_here.ask(ollama.server_address[1])
    assert names[: len(hostile)] == tuple(hostile)
    assert len(names) == found_here.MAX_MODELS
    client = config(
        found_here.configuration([Found("ollama", api_base="http://127.0.0.1:1/v1", models=names)])
    ).clients[0]
    assert tuple(one.name for one in client.models or ()) == names


@pytest.mark.parametrize(
    ("said", "port"),
    [("", 11434), (":5", 5), ("127.0.0.1", 11434), ("http://localhost:7", 7), ("[::1]:9", 9),
     ("10.0.0.1:5", None), ("example.org", None), ("a:b", None), ("[", None)],
)  # fmt: skip
def test_only_this_machine_is_asked(said: str, port: int | None) -> None:
    assert found_here._ollama_port(said, 11434) == port


def test_a_configuration_that_is_there_stays_unless_somebody_says_so(
    daemon: Any, home: Path, terminal: Any
) -> None:
    running = answers(daemon)
    written(home).parent.mkdir(parents=True)
    written(home).write_text("clients: [] # mine\n")
    environ = {**NOBODY, "OPENAI_API_KEY": VALUE}
    done = lokictl("setup", env=environ)
    assert b"setup merges nothing into it" in done.stderr and b"mine\tyes" in done.stdout
    lines = done.stderr.decode().split("under clients:\n")[1].splitlines()
    assert [one.name for one in config("clients:\n" + "\n".join(lines[:2])).clients] == ["openai"]
    assert lines[2].startswith("to begin anew instead: lokictl setup --yes")
    nothing = lokictl("setup", env=NOBODY)
    assert (nothing.returncode, nothing.stdout.split(b"\t")[:2]) == (0, [b"mine", b"yes"])
    assert (
        b"to add a client: lokictl config edit" in nothing.stderr
        and b"no key in the env" not in nothing.stderr
    )
    assert (written(home).read_text(), running.kept) == ("clients: [] # mine\n", {})  # type: ignore[attr-defined]
    typed = terminal("setup", "--no-call", env=environ)
    typed.read_until(b"merges nothing")
    typed.read_until(b"[y/N]: ")
    typed.type(b"what?\n")
    typed.read_until(b"please type y for yes or n for no")
    typed.type(b"y\n")
    assert typed.wait() == 0
    assert written(home).with_name("config.yaml.bak").read_text() == "clients: [] # mine\n"
    written(home).write_text("other\n")
    assert lokictl("setup", "--no-call", "--yes", env=environ).returncode == 0
    assert len(config(written(home).read_text()).clients) == 1


def test_with_nothing_found_a_person_is_asked_and_a_script_is_told(
    daemon: Any, home: Path, terminal: Any
) -> None:
    running = answers(daemon)
    done = lokictl("setup", env=NOBODY)
    assert done.returncode == 2
    assert b"no key in the environment" in done.stderr
    typed = terminal("setup", env=NOBODY)
    typed.read_until(b"[openai]: ")
    typed.type(b"grok\n")
    typed.read_until(b"that is none of them, did you mean groq?")
    typed.type(b"groq\n")
    typed.read_until(b"key of groq: ")
    typed.type(f"{VALUE}\n".encode())
    assert typed.wait() == 0
    assert VALUE.encode() not in typed.output
    assert running.kept == {"GROQ_API_KEY": VALUE}  # type: ignore[attr-defined]
    assert VALUE not in written(home).read_text()


def test_a_user_of_loki_is_offered_the_import(daemon: Any, home: Path, terminal: Any) -> None:
    running = answers(daemon)
    taken = {"text": "clients: []\n", "clients": ["a"], "dropped": [], "problems": [], "password_file": None}
    running.answers["import.loki"] = lambda *_: {"config": taken, "secrets": [], "tokens": []}
    loki = home / ".config/loki/config.yaml"
    loki.parent.mkdir(parents=True)
    loki.write_text("clients: []\n")
    done = lokictl("setup", "--no-call", env={**NOBODY, "OPENAI_API_KEY": VALUE})
    assert b"lokictl import loki" in done.stderr
    assert "import.loki" not in [name for name, _ in running.calls]
    written(home).unlink()
    typed = terminal("setup", env={**NOBODY, "OPENAI_API_KEY": VALUE})
    typed.read_until(b"[Y/n]")
    typed.type(b"\n")
    assert typed.wait() == 0
    assert b"taken over" in typed.output and b"mine" in typed.output
    assert written(home).read_text() == "clients: []\n"


def test_a_user_of_aichat_is_offered_that_import(daemon: Any, home: Path) -> None:
    answers(daemon)
    aichat = home / ".config/aichat/config.yaml"
    aichat.parent.mkdir(parents=True)
    aichat.write_text("clients: []\n")
    done = lokictl("setup", "--no-call", env={**NOBODY, "OPENAI_API_KEY": VALUE})
    assert b"lokictl import aichat" in done.stderr
