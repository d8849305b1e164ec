"""Editors that send a selection through a command: what docs/editors.md says to type, typed into each."""

from __future__ import annotations

import os
import re
import shutil
import sys

import pytest

from tests.fakes.rpc_daemon import say
from tests.fakes.terminal import ROOT, environment
from tests.fakes.tmux import Screen

pytestmark = pytest.mark.external

QUESTION = "Mend the spelling; answer with the text only"
COMMAND = f"lokictl ask '{QUESTION}'"
RECIPES = {
    # program: (how it starts, the keys of the recipe, how it saves)
    "vim": (
        ("vim", "--clean", "-n", "text"),
        ["ggVj", ("text", f"!{COMMAND}"), "Enter"],
        [("text", ":wq"), "Enter"],
    ),
    "kak": (
        ("kak", "-n", "text"),
        [("text", "ggxJx"), ("text", f"|{COMMAND}"), "Enter"],
        [("text", ":wq"), "Enter"],
    ),
    "emacs": (
        ("emacs", "-Q", "-nw", "text"),
        ["C-Space", "C-n", "C-n", "C-u", "M-|", ("text", COMMAND), "Enter"],
        ["C-x", "C-s"],
    ),
}


@pytest.mark.parametrize("program", RECIPES)
def test_a_selection_is_replaced_by_the_answer(program, daemon, tmp_path, home):
    for needed in (program, "tmux"):
        if not shutil.which(needed):
            pytest.skip(f"no {needed} here")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "lokictl").write_text(f'#!/bin/sh\nexec {sys.executable} -m lokictl "$@"\n')
    (programs / "lokictl").chmod(0o755)
    text = home / "text"
    text.write_text("frist\nsecnod\nthird\n")
    fake = daemon(chat=say("first\n", "second\n"))
    start, keys, save = RECIPES[program]
    env = environment(PATH=f"{programs}:{os.environ['PATH']}", SHELL="/bin/sh", LANG="C.UTF-8")
    screen = Screen(tmp_path, ("sh", "-c", f"cd; exec {' '.join(start)}"), env)
    try:
        screen.wait_for("secnod")
        press(screen, keys)
        fake.wait_for_call()
        screen.wait(lambda lines: any(line.startswith("second") for line in lines), "the answer")
        press(screen, save)
        screen.wait(lambda _: text.read_text() == "first\nsecond\nthird\n", "the saved file")
    finally:
        screen.close()
    assert fake.params()["prompt"] == f"{QUESTION}\n\nfrist\nsecnod\n"


def press(screen, keys):
    for key in keys:
        if isinstance(key, tuple):
            screen.text(key[1])
        elif re.fullmatch(r"(C-|M-)?(\w+|\W)", key) and (len(key) == 3 or key in ("Enter", "C-Space")):
            screen.keys(key)
        else:
            screen.text(key)


def test_the_documentation_has_the_command_that_is_typed_here():
    page = (ROOT / "docs" / "editors.md").read_text()
    assert page.count(COMMAND) >= len(RECIPES)
