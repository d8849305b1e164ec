"""``lokictl import loki`` with the real daemon: a home as Loki leaves it, and where its secrets are then."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from tests.fakes.daemon import connect, process
from tests.fakes.loki import VARIANTS, envelope
from tests.fakes.terminal import lokictl

PASSWORD = "password-planted-by-loki"
VALUE = "sk-planted-by-loki-0123456789"
REFRESH = "refresh-planted-by-loki-0123456789"

CONFIG = """\
# Loki's own.
editor: vim
vault_password_file: ~/.secret

model: openai:gpt-4o
clients:
  - type: openai
    api_key: '{{K0}}'
  - type: claude
    auth: oauth
    oauth: {client_id: mine}
"""


def holding(folder: Path, value: str) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in paths if value.encode() in path.read_bytes())


def test_the_world_of_a_user_of_loki_moves(home: Path) -> None:
    vault = "".join(f"K{n}: {envelope(VALUE, PASSWORD, one)}\n" for n, one in enumerate(VARIANTS))
    token = {"access_token": VALUE, "refresh_token": REFRESH, "expires_at": int(time.time()) + 7200}
    for name, text in {
        ".config/loki/config.yaml": CONFIG,
        ".config/loki/vault.yml": vault,
        ".secret": f"{PASSWORD}\n",
        ".cache/loki/oauth/claude_oauth_tokens.json": json.dumps(token),
    }.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with process({"LOKID_LOG": "debug"}, [sys.executable, "-m", "lokid"]) as running:
        connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock").close()
        (home / ".secret").write_text("not-this-one")
        refused = lokictl("import", "loki")
        assert (refused.returncode, refused.stdout) == (77, b"")
        assert not (home / ".config/lokid").exists()
        (home / ".secret").write_text(f"{PASSWORD}\n")
        said = lokictl("import", "loki", "--dry-run")
        assert not (home / ".config/lokid").exists()
        done = lokictl("import", "loki")
        assert (done.returncode, done.stdout) == (0, said.stdout)
        assert done.stdout.count(b"REPLACE IT") == 1
        states = [line.split(b"\t")[:4] for line in lokictl("clients").stdout.splitlines()]
        assert [state[-1] for state in states] == [b"ready", b"ready"]
        assert lokictl("secret", "get", "K3").stdout == f"{VALUE}\n".encode()
        running.send_signal(signal.SIGTERM)
        log = running.communicate(timeout=20)[1]
    for planted in (PASSWORD, VALUE, REFRESH):
        assert planted not in log
        assert planted.encode() not in done.stdout + done.stderr + refused.stderr
    assert holding(home, VALUE) == holding(home, REFRESH) == [".local/state/lokid/tokens/claude.json"]
    assert holding(home, PASSWORD) == [".secret"]
    assert (home / ".config/lokid/config.yaml").read_text() == CONFIG[CONFIG.index("model: openai") :]
