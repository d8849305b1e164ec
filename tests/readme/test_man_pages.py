"""The manual pages: made of what makes ``--help``, current, and without a fault that a formatter sees."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from lokictl.commands import COMMANDS
from lokictl.options import ASK
from tools import man, roff


def test_they_are_current() -> None:
    there = {path.name: path.read_text() for path in man.FOLDER.iterdir()}
    assert there == man.pages(), "run `make fix`"


@pytest.mark.external
def test_no_formatter_finds_a_fault_in_them() -> None:
    if not shutil.which("mandoc"):
        pytest.skip("no mandoc here")
    command = ["mandoc", "-T", "lint", "-W", "warning", *sorted(man.FOLDER.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_command_and_option_is_in_them() -> None:
    pages = man.pages()
    assert set(pages) == {f"lokictl-{name}.1" for name in COMMANDS} | {
        "lokictl.1", "lokid.1", "lokid-config.5"
    }  # fmt: skip
    for _, names, _, _, about in ASK:
        for name in names:
            assert roff.bold(name) in pages["lokictl-ask.1"]
        assert roff.prose(about) in pages["lokictl-ask.1"]
    statuses = re.findall(r"^\.TP\n\\fB(\d+)\\fR$", pages["lokictl.1"], re.MULTILINE)
    assert {"0", "69", "75", "77", "78", "124", "130"} <= set(statuses)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (".not a macro", "\\&.not a macro"),
        ("'nor this", "\\(aqnor this"),
        ("a `--b` \\c", "a \\fB\\-\\-b\\fR \\ec"),
        ("caf\u00e9", "caf\\[u00E9]"),
    ],
)
def test_what_roff_would_read_is_escaped(text: str, wanted: str) -> None:
    assert roff.prose(text) == wanted


def test_a_page_of_the_documentation_becomes_sections_entries_and_code() -> None:
    text = "# x\n\n## Top\n\nSee [a](b.md).\n\n| k | v | |\n| --- | --- | --- |\n| `a` | t | why |\n"
    text += "\n```sh\n.b\n```\n"
    assert roff.markdown(text) == [
        ".SH TOP", "See a.", ".TP", "\\fBa\\fR", "v: t; why", ".PP",
        ".PP", ".RS 4", ".EX", "\\&.b", ".EE", ".RE",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no rule for"):
        roff.markdown("1. numbered\n")
