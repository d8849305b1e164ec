"""A provider may call a model what it likes. TAB must not make a command of it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.terminal import ROOT, environment

NAMES = (
    "evil:$(touch PWN)",
    "evil:`touch PWN`",
    'evil:"; touch PWN; "',
    "evil:'; touch PWN; '",
    "evil:fine-1",
)

COMPLETE = """
source lokictl/shell/lokictl.bash 2>/dev/null
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$2
COMP_WORDS=("${@:3}") COMP_CWORD=$(($# - 3))
_lokictl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(tmp_path: Path, last: str, *words: str) -> list[str]:
    """What bash would put in the place of the last of ``words``, into which readline has cut ``last``."""
    stub = tmp_path / "lokictl"
    stub.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(NAMES) + "\nEND\n")
    stub.chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    arguments = [f"lokictl ask {last}", " \t\n\"'><=;|&(:", "lokictl", "ask", *words]
    done = subprocess.run(
        [bash, "--norc", "-c", COMPLETE, "bash", *arguments],
        cwd=ROOT,
        env=environment(PATH=f"{tmp_path}:/usr/bin:/bin"),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ('"evil:', ('"evil:',)),
        ("'evil:", ("'evil:",)),
        ('evil:"', ("evil", ":", '"')),
        ("evil:'", ("evil", ":", "'")),
        ("'evil:f'", ("'evil:f'",)),
    ],
)
def test_between_quotes_only_what_means_nothing_to_a_shell_is_offered(
    tmp_path: Path, last: str, words: tuple[str, ...]
) -> None:
    offered = completed(tmp_path, last, *words)
    assert [word.removeprefix("evil:") for word in offered] == ["fine-1"]


def test_outside_of_quotes_a_name_is_one_word_whatever_is_in_it(tmp_path: Path) -> None:
    offered = completed(tmp_path, "evil:", "evil", ":")
    assert [shlex.split(word) for word in offered] == [[name.removeprefix("evil:")] for name in NAMES]
