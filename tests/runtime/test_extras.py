"""No package index has lokid. Nothing tells to fetch that name: whoever takes it would get the keys."""

from __future__ import annotations

import re
import subprocess
import sys

from lokid.runtime import extras
from tests.fakes.daemon import ROOT

FETCHES = re.compile(r"""(pip|pipx|uvx?)( tool)? (install|run|add)( -\S+)* ['"]?lokid\b""")


def test_an_extra_is_installed_from_the_clone() -> None:
    assert extras.hint("keyring") == f"in your clone of lokid: {sys.executable} -m pip install '.[keyring]'"


def test_nothing_tells_to_fetch_lokid_by_name() -> None:
    assert FETCHES.search("pip install 'lokid[keyring]'") and FETCHES.search("pip install -U lokid")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    names = listed.decode().split("\0") if listed else ["README.md", "config.example.yaml"]
    told = [
        name
        for name in names
        if name.endswith((".py", ".md", ".yaml", ".lua", "Makefile", ".1"))
        and not name.startswith(("tests/", "CHANGELOG"))
        if (ROOT / name).is_file() and FETCHES.search((ROOT / name).read_text(errors="replace"))
    ]
    assert told == []
