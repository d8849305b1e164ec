"""What pages of documentation hold, and the people who try it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent

# Seconds for a second's work: llama.cpp crawls while other programs want the same cores.
PATIENCE = 100


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    text = (ROOT / page).read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"no block of {language} in {page}"
    return found


def first_line(block: str) -> str:
    return block.splitlines()[0]


def environment(home: Path) -> dict[str, str]:
    """Of a person whose home is ``home``; ``run`` in it is the runtime directory."""
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "XDG_RUNTIME_DIR": str(home / "run"),
        "EDITOR": "true",
    }


@dataclass(frozen=True)
class User:
    """A person who has nothing but what the fixture says, and sits in ``folder``."""

    folder: Path
    env: dict[str, str]

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert not check or done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def shell(self, block: str) -> subprocess.CompletedProcess[str]:
        """As a script, with the history of commands that only an interactive shell keeps by itself."""
        script = self.folder / "block.sh"
        script.write_text(block)
        return self.run("bash", "-euo", "pipefail", "-o", "history", script)
