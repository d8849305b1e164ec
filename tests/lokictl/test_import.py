"""``lokictl import loki``: what it reads, asks, writes and removes, and in which order."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lokictl import left_by_loki, own_config
from lokictl.commands import import_
from lokictl.failure import Failure
from tests.fakes.rpc_daemon import Refused, RPCDaemon
from tests.fakes.terminal import lokictl

PASSWORD = "open sesame, plaintext"
CONFIG = "editor: vim\nclients: []\n"
TEXT = "clients: []\n"


@pytest.fixture
def loki(home: Path) -> Path:
    """A home in which somebody used Loki."""
    for name, text in {
        ".config/loki/config.yaml": CONFIG,
        ".config/loki/vault.yml": "A: $VAULT;v1;...\n",
        ".loki_password": f"{PASSWORD}\n",
        ".cache/loki/oauth/claude_oauth_tokens.json": '{"a": 1}',
        ".cache/loki/oauth/gone_oauth_tokens.json": '{"b": 1}',
        ".cache/loki/oauth/other.json": "{}",
    }.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return home


def answers(daemon: Any, **facts: Any) -> RPCDaemon:
    """A daemon that takes over everything but the tokens of ``gone``."""

    def convert(_call: Any, params: dict[str, Any]) -> dict[str, Any]:
        secrets: list[Any] = []
        if "vault" in params:
            if params["password"] != PASSWORD:
                raise Refused("authentication_failed", "this password opens nothing in Loki's vault")
            secrets = [
                {"name": "A", "outcome": "new", "rotate": True},
                {"name": "B", "outcome": "other", "rotate": False},
                {"name": "(entry 3)", "outcome": "unreadable", "rotate": False, "reason": "it is damaged"},
            ]
        tokens = [
            {"client": name, "outcome": "left", "reason": "no client of that name is configured"}
            if name == "gone"
            else {"client": name, "outcome": "moved"}
            for name in params.get("tokens", {})
        ]
        config = {
            "text": TEXT,
            "clients": ["claude"],
            "dropped": [{"line": 1, "key": "editor"}],
            "secrets": [],
            "password_file": None,
            "problems": [],
            **facts,
        }
        return {"config": config if "config" in params else None, "secrets": secrets, "tokens": tokens}

    first = {"overridden_by": "environment", "variable": "CLAUDE_API_KEY"}
    running: RPCDaemon = daemon(
        import__loki=convert,
        config__reload=lambda *_: {"generation": 2},
        secrets__list=lambda *_: [{"name": name, "clients": [], **first} for name in ("A", "Z")],
    )
    return running


def written(home: Path) -> Path:
    return home / ".config/lokid/config.yaml"


def files(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_everything_is_taken_over_in_the_order_that_is_safe(daemon: Any, loki: Path) -> None:
    running = answers(daemon)
    done = lokictl("import", "loki")
    assert (done.returncode, done.stderr.count(b"\n")) == (0, 1)
    assert done.stderr.startswith(b"lokictl: CLAUDE_API_KEY, with which lokid was started, comes before A: ")
    assert [line.split("\t") for line in done.stdout.decode().splitlines()] == [
        ["client", "claude", "taken over"],
        ["key", "editor", "left: lokid has no use for it (line 1)"],
        ["secret", "A", f"kept in the vault{import_.ROTATE}"],
        ["secret", "B", "left: the vault has another value of that name"],
        ["secret", "(entry 3)", "left: it is damaged"],
        ["configuration", str(written(loki)), "written"],
        ["sign-in", "claude", "moved"],
        ["sign-in", "gone", "left: no client of that name is configured"],
    ]
    assert [(name, sorted(params)) for name, params in running.calls if name != "hello"] == [
        ("import.loki", ["config", "dry_run"]),
        ("import.loki", ["dry_run", "password", "vault"]),
        ("config.reload", []),
        ("status", []),
        ("import.loki", ["dry_run", "tokens"]),
        ("import.loki", ["dry_run", "tokens"]),
        ("secrets.list", []),
    ]
    assert written(loki).read_text() == TEXT
    assert written(loki).stat().st_mode & 0o777 == 0o600
    assert not (loki / ".cache/loki/oauth/claude_oauth_tokens.json").exists()
    assert (loki / ".cache/loki/oauth/gone_oauth_tokens.json").exists()
    assert (loki / ".config/loki/config.yaml").read_text() == CONFIG


def test_a_dry_run_changes_nothing(daemon: Any, loki: Path) -> None:
    running = answers(daemon)
    before = files(loki)
    done = lokictl("import", "loki", "--dry-run")
    assert (done.returncode, done.stderr) == (0, b"nothing was changed\n")
    assert b"sign-in\tclaude\tmoved" in done.stdout
    assert files(loki) == before
    assert all(params["dry_run"] for name, params in running.calls if name == "import.loki")
    written(loki).parent.mkdir()
    written(loki).write_text("clients: [] # mine\n")
    assert b"asks first" in lokictl("import", "loki", "--dry-run").stdout


def test_a_configuration_that_is_there_is_replaced_only_when_somebody_says_so(
    daemon: Any, loki: Path, terminal: Any
) -> None:
    answers(daemon)
    written(loki).parent.mkdir()
    written(loki).write_text("clients: [] # mine\n")
    done = lokictl("import", "loki", stdin=b"y\n")
    assert b"it is there already (--yes replaces it)" in done.stdout
    typed = terminal("import", "loki")
    typed.read_until(b"[y/N]")
    typed.type(b"n\n")
    assert typed.wait() == 0
    assert written(loki).read_text() == "clients: [] # mine\n"
    typed = terminal("import", "loki")
    typed.read_until(b"[y/N]")
    typed.type(b"y\n")
    assert typed.wait() == 0
    backup = written(loki).with_name("config.yaml.bak")
    assert (written(loki).read_text(), backup.read_text()) == (TEXT, "clients: [] # mine\n")
    assert b"is the same already" in lokictl("import", "loki").stdout
    written(loki).write_text("another\n")
    assert lokictl("import", "loki", "--yes").returncode == 0
    assert (written(loki).read_text(), backup.read_text()) == (TEXT, "another\n")
    assert sorted(os.listdir(written(loki).parent)) == ["config.yaml", "config.yaml.bak"]


def test_a_link_to_a_configuration_stays_a_link(daemon: Any, loki: Path) -> None:
    answers(daemon)
    written(loki).parent.mkdir()
    (loki / "dotfiles.yaml").write_text("mine")
    written(loki).symlink_to(loki / "dotfiles.yaml")
    assert lokictl("import", "loki", "--yes").returncode == 0
    assert written(loki).is_symlink()
    assert (loki / "dotfiles.yaml").read_text() == TEXT


def test_a_configuration_that_is_away_stops_it_before_anything_is_changed(daemon: Any, loki: Path) -> None:
    fake = answers(daemon)
    written(loki).parent.mkdir()
    written(loki).symlink_to(loki / "mnt/config.yaml")
    before = files(loki)
    done = lokictl("import", "loki", "--yes")
    assert (done.returncode, done.stdout) == (78, b"")
    assert b"remove it: rm " in done.stderr
    assert files(loki) == before
    assert not fake.calls


def test_problems_stop_it_before_anything_is_changed(daemon: Any, loki: Path) -> None:
    problem = {"path": "config.yaml", "line": 3, "column": 1, "key": "clients", "message": "is wrong"}
    answers(daemon, problems=[problem])
    before = files(loki)
    done = lokictl("import", "loki")
    assert done.returncode == 78
    assert done.stdout.decode() == f"{loki}/.config/loki/config.yaml:3:1: clients: is wrong\n"
    assert files(loki) == before


def test_a_vault_that_does_not_open_stops_it_before_anything_is_changed(daemon: Any, loki: Path) -> None:
    answers(daemon)
    (loki / ".loki_password").write_text("wrong-password")
    before = files(loki)
    done = lokictl("import", "loki")
    assert done.returncode == 77
    assert b"wrong-password" not in done.stdout + done.stderr
    assert files(loki) == before


def test_the_password_comes_from_where_it_was_said_and_else_from_a_person(
    daemon: Any, loki: Path, terminal: Any
) -> None:
    running = answers(daemon, password_file="~/secret")
    (loki / ".loki_password").write_text("wrong")
    (loki / "secret").write_text(f"  {PASSWORD}\n\n")
    assert lokictl("import", "loki", "--dry-run").returncode == 0
    (loki / "secret").write_text("wrong")
    (loki / "named").write_text(PASSWORD)
    assert lokictl("import", "loki", "--dry-run", "--password-file", "~/named").returncode == 0
    reading, writing = os.pipe()
    os.write(writing, f"{PASSWORD}\n".encode())
    os.close(writing)
    pipe = loki / "pipe"
    pipe.symlink_to(f"/proc/{os.getpid()}/fd/{reading}")
    assert lokictl("import", "loki", "--dry-run", "--password-file", str(pipe)).returncode == 0
    os.close(reading)
    for name in ("secret", ".loki_password"):
        (loki / name).unlink()
    assert lokictl("import", "loki", "--dry-run", stdin=f"{PASSWORD}\n".encode()).returncode == 0
    typed = terminal("import", "loki", "--dry-run")
    typed.read_until(b"password of Loki's vault: ")
    typed.type(f"{PASSWORD}\n".encode())
    assert typed.wait() == 0
    assert b"sesame" not in typed.output
    said = {params["password"] for _, params in running.calls if "password" in params}
    assert said == {PASSWORD}


def test_an_empty_vault_needs_no_password(daemon: Any, home: Path) -> None:
    running = daemon(import__loki=lambda *_: {"config": None, "secrets": [], "tokens": []})
    (home / "v.yml").write_text("\n")
    assert lokictl("import", "loki", "--vault", str(home / "v.yml")).returncode == 0
    assert running.params("import.loki") == {"vault": "\n", "dry_run": False}


def test_where_there_is_nothing_it_says_so_and_asks_no_daemon(home: Path) -> None:
    done = lokictl("import", "loki")
    assert done.returncode == 2
    assert b"nothing of Loki or aichat is here" in done.stderr


def test_bad_files_are_named_and_not_quoted(daemon: Any, loki: Path) -> None:
    answers(daemon)
    (loki / "latin").write_bytes(b"hunter2 \xff")
    (loki / "empty").write_text(" \n")
    (loki / "big").write_bytes(b"x" * 70_000)
    os.mkfifo(loki / "fifo")
    for option, name, said in (
        ("--config", "absent", b"No such file"),
        ("--config", "latin", b"UTF-8"),
        ("--config", "fifo", b"regular file"),
        ("--vault", "fifo", b"regular file"),
        ("--password-file", "empty", b"is empty"),
        ("--password-file", "big", b"too large"),
    ):
        done = lokictl("import", "loki", option, str(loki / name))
        assert done.returncode == 2
        assert said in done.stderr and name.encode() in done.stderr and b"hunter2" not in done.stderr


def test_what_is_found_and_where(home: Path) -> None:
    def place(name: str) -> str:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("clients: []")
        return str(path)

    def config(**environ: str) -> str | None:
        return left_by_loki.find({"HOME": str(home), **environ}, None, None).config

    assert left_by_loki.find({"HOME": str(home)}, None, None) == left_by_loki.Left(None, None)
    aichat = place(".config/aichat/config.yaml")
    assert config() == aichat
    loki = place(".config/loki/config.yaml")
    assert config() == loki
    assert config(LOKI_CONFIG_DIR=str(home / ".config/aichat")) == aichat
    assert config(LOKI_CONFIG_FILE=aichat) == aichat
    elsewhere = place("xdg/loki/config.yaml")
    assert config(XDG_CONFIG_HOME=str(home / "xdg")) == elsewhere
    for number in range(left_by_loki.MAX_TOKENS + 1):
        place(f".cache/loki/oauth/c{number}_oauth_tokens.json")
    with pytest.raises(Failure, match="more than 64"):
        config()


def test_a_file_that_cannot_be_removed_is_told_of(home: Path) -> None:
    assert import_._removed(str(home / "absent")).startswith("copied, but")


def test_a_configuration_that_cannot_be_written_leaves_nothing(home: Path) -> None:
    (home / "config.yaml").mkdir()
    (home / "config.yaml" / "x").touch()
    with pytest.raises(Failure, match="cannot write"):
        own_config.write(str(home / "config.yaml"), TEXT)
    with pytest.raises(OSError, match="directory"):
        own_config._put(str(home / "config.yaml"), b"x")
    assert sorted(os.listdir(home)) == ["config.yaml"]


def test_nothing_of_a_file_is_in_the_report(daemon: Any, loki: Path) -> None:
    answers(daemon)
    done = lokictl("import", "loki")
    assert PASSWORD.encode() not in done.stdout + done.stderr
    assert b"$VAULT" not in done.stdout + done.stderr
    assert json.dumps({"a": 1}).encode() not in done.stdout


def test_the_keys_of_aichat_go_into_the_vault_under_their_names(daemon: Any, home: Path) -> None:
    there = {"CO_API_KEY": "old"}

    def keep(_call: Any, params: dict[str, Any]) -> dict[str, Any]:
        there[params["name"]] = params["value"]
        return {"name": params["name"], "replaced": False, "clients": []}

    running = answers(daemon, clients=["openai", "my-co", "co", "bedrock"])
    running.answers["secrets.list"] = lambda *_: [{"name": name, "clients": []} for name in there]
    running.answers["secrets.set"] = keep
    folder = home / ".config/aichat"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / ".env").write_text(
        "# mine\nexport OPENAI_API_KEY='file key' # quoted\nMY_CO_API_KEY = k2 # bare\nCO_API_KEY=new\n"
        "BEDROCK_REGION=eu\nBEDROCK_ACCESS_KEY_ID=\nANTHROPIC_API_KEY=of no client\nno line\n"
    )
    environ = {"MY_CO_API_KEY": "shell key", "GROQ_API_KEY": "of no client"}
    said = lokictl("import", "aichat", "--dry-run", env=environ)
    assert (said.returncode, there) == (0, {"CO_API_KEY": "old"}), said.stderr
    assert not written(home).exists()
    done = lokictl("import", "aichat", env=environ)
    assert done.returncode == 0, done.stderr
    assert there == {"CO_API_KEY": "old", "OPENAI_API_KEY": "file key", "MY_CO_API_KEY": "shell key"}
    rows = [line.split("\t") for line in done.stdout.decode().splitlines() if line.startswith("secret")]
    assert rows == [
        ["secret", "OPENAI_API_KEY", "kept in the vault"],
        ["secret", "MY_CO_API_KEY", "kept in the vault"],
        ["secret", "CO_API_KEY", "left: the vault has one of that name"],
    ]
    assert written(home).read_text() == TEXT
    assert not any(secret in done.stdout + done.stderr for secret in (b"file key", b"shell key"))


def test_of_loki_import_aichat_takes_nothing(daemon: Any, loki: Path) -> None:
    done = lokictl("import", "aichat")
    assert done.returncode == 2
    assert b"nothing of aichat is here" in done.stderr
