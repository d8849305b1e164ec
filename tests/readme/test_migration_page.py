"""docs/migration.md: each block of commands is run, as it stands, by a user of the program in question."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.daemon import ROOT, connect, process
from tests.fakes.loki import envelope

PAGE = (ROOT / "docs" / "migration.md").read_text()
SECTIONS = dict(re.findall(r"^## From (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
KEY = "sk-of-another-program-0123456789"
CONFIG = "clients:\n  - type: openai\n    api_key: '{{OPENAI_API_KEY}}'\n"


def test_every_program_has_its_section_and_every_section_its_commands() -> None:
    assert list(SECTIONS) == ["Loki", "aichat", "llm", "mods"]
    assert all("```sh\n" in section for section in SECTIONS.values())


@pytest.mark.parametrize("program", SECTIONS)
def test_the_commands_work(program: str, home: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {
        "lokictl": f'PYTHONPATH={ROOT} exec {sys.executable} -m lokictl "$@"',
        "llm": f'[ "$1 $2" = "keys get" ] && echo {KEY}',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    left = {
        "Loki": {
            ".config/loki/config.yaml": CONFIG,
            ".config/loki/vault.yml": f"OPENAI_API_KEY: {envelope(KEY, 'password')}\n",
            ".loki_password": "password\n",
        },
        "aichat": {
            ".config/aichat/config.yaml": "clients:\n  - type: openai\n",
            ".config/aichat/.env": f"OPENAI_API_KEY={KEY}\n",
        },
    }.get(program, {})
    for name, text in left.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    environ = {"OPENAI_API_KEY": KEY} if program == "mods" else {}
    blocks = re.findall(r"^```sh\n(.*?)^```$", SECTIONS[program], re.MULTILINE | re.DOTALL)
    with process({}, [sys.executable, "-m", "lokid"]):
        connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock").close()
        for block in [*blocks, "lokictl clients --json"]:
            done = subprocess.run(
                ["bash", "-eo", "pipefail", "-c", block],
                input=f"{KEY}\n",
                capture_output=True,
                text=True,
                env={**os.environ, **environ, "PATH": f"{programs}:{os.environ['PATH']}"},
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)}
    assert states["openai"] == "ready"
