"""``lokictl config edit``: the configuration in an editor, and a commented one where there is none."""

from __future__ import annotations

import os
import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

from lokictl.own_config import STARTER
from lokid.config import Config, parse
from tests.fakes.terminal import Terminal, lokictl

PROBLEM = {"path": "config.yaml", "line": 3, "column": 1, "key": "clients", "message": "is wrong"}


def edit(home: Path, script: str, **env: str):
    """``config edit`` with a shell script as the editor; ``$1`` is the file."""
    editor = home / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    return lokictl("config", "edit", env={"EDITOR": str(editor), "VISUAL": "", **env})


def written(home: Path) -> Path:
    return home / ".config/lokid/config.yaml"


def test_where_there_is_none_the_editor_starts_with_a_commented_one(daemon, home):
    daemon(config__check=lambda *_: [PROBLEM])
    done = edit(home, f'cp "$1" {home}/seen; ls {written(home)} 2>/dev/null; echo "model: a:b" >> "$1"')
    assert done.returncode == 78
    assert done.stdout == b"config.yaml:3:1: clients: is wrong\n", "and no file was there for lokid meanwhile"
    assert (home / "seen").read_text() == STARTER
    assert written(home).read_text() == f"{STARTER}model: a:b\n"
    assert written(home).stat().st_mode & 0o777 == 0o600
    assert os.listdir(written(home).parent) == ["config.yaml"]


def test_a_start_that_nobody_changed_is_no_configuration(daemon, home):
    daemon()
    done = edit(home, "exit 0")
    assert done.returncode == 0
    assert done.stderr.decode().splitlines() == [
        "nothing was changed, so no configuration was written",
        "an editor that returns at once has to be told to wait: EDITOR='code --wait'",
    ]
    assert os.listdir(written(home).parent) == []


def test_where_it_is_may_be_said_from_here(daemon, home, monkeypatch):
    daemon(config__check=lambda *_: [])
    monkeypatch.chdir(home)
    done = edit(home, 'echo "model: a:b" > "$1"', LOKID_CONFIG="mine.yaml")
    assert done.returncode == 0, done.stderr
    assert (home / "mine.yaml").read_text() == "model: a:b\n"


def test_a_configuration_that_is_there_is_edited_in_its_place(daemon, home):
    daemon(config__check=lambda *_: [])
    written(home).parent.mkdir(parents=True)
    written(home).write_text("clients: []\n")
    assert edit(home, f'[ "$1" = {written(home)} ] && echo "# mine" >> "$1"').returncode == 0
    assert written(home).read_text() == "clients: []\n# mine\n"


def test_what_a_link_leads_to_and_is_away_is_not_begun_anew(daemon, home):
    """Of dotfiles whose disk is not mounted: what is written there now is hidden once it is."""
    daemon()
    written(home).parent.mkdir(parents=True)
    written(home).symlink_to(home / "mnt/dotfiles/config.yaml")
    for done in (edit(home, "exit 0"), lokictl("setup", "--no-call", "--yes", env={"OPENAI_API_KEY": "x"})):
        assert done.returncode == 78
        assert f"remove it: rm {written(home)}" in done.stderr.decode()
    assert not (home / "mnt").exists()


def test_what_an_editor_saves_after_it_returned_is_taken_up_the_next_time(daemon, home):
    daemon(config__check=lambda *_: [])
    late = home / "late"
    assert (
        edit(home, f'cp "$1" {late}; echo "model: a:b" >> {late}; echo "$1" > {home}/draft').returncode == 0
    )
    draft = Path((home / "draft").read_text().strip())
    late.rename(draft)  # as an editor of windows does it, minutes later
    assert edit(home, "exit 0").returncode == 0
    assert written(home).read_text() == f"{STARTER}model: a:b\n"
    assert os.listdir(written(home).parent) == ["config.yaml"]


def test_an_editor_that_fails_or_is_killed_changes_nothing_and_loses_nothing(daemon, home):
    daemon(config__check=lambda *_: [])
    failed = edit(home, 'echo "model: a:b" >> "$1"; kill -9 $$')
    (kept,) = written(home).parent.iterdir()
    assert failed.returncode == 1
    assert f"what was written stays in {kept}".encode() in b" ".join(failed.stderr.split())
    assert kept.stat().st_mode & 0o777 == 0o600
    assert edit(home, 'echo "# more" >> "$1"').returncode == 0
    assert written(home).read_text() == f"{STARTER}model: a:b\n# more\n"
    assert os.listdir(written(home).parent) == ["config.yaml"]


def test_a_directory_that_takes_no_draft_is_named(daemon, home):
    daemon()
    written(home).parent.parent.mkdir(parents=True)
    written(home).parent.write_text("")
    done = edit(home, "exit 0")
    assert done.returncode == 78, done
    assert str(written(home).parent).encode() in b" ".join(done.stderr.split())


KINDS = ["directory", "fifo", "link", *["foreign"] * (os.geteuid() == 0)]  # only root can give a file away


@pytest.mark.parametrize("kind", KINDS)
def test_a_draft_that_is_no_file_of_mine_is_neither_read_nor_written(daemon, home, kind):
    daemon()
    written(home).parent.mkdir(parents=True)
    draft, victim = written(home).parent / ".draft-config.yaml", home / "victim"
    victim.write_text("model: planted:x\n")
    match kind:
        case "directory":
            draft.mkdir()
        case "fifo":
            os.mkfifo(draft)
        case "link":
            draft.symlink_to(victim)
        case "foreign":
            draft.write_text("model: planted:x\n")
            os.chown(draft, 4711, -1)
    done = edit(home, f'touch {home}/ran; echo "api_key: sk-mine" >> "$1"')
    assert done.returncode == 78, done
    assert b"move it away" in done.stderr
    assert not (home / "ran").exists()
    assert victim.read_text() == "model: planted:x\n"
    assert os.listdir(written(home).parent) == [draft.name]


def test_what_was_made_while_the_editor_was_open_is_not_written_over(daemon, home):
    daemon()
    done = edit(home, f'echo "model: a:b" >> "$1"; echo "# by setup" > {written(home)}')
    assert done.returncode == 78
    assert b"config.yaml was made while the editor was open" in b" ".join(done.stderr.split())
    assert written(home).read_text() == "# by setup\n"
    assert (written(home).parent / ".draft-config.yaml").read_text() == f"{STARTER}model: a:b\n"


def test_two_editors_do_not_write_over_each_other(daemon, home):
    daemon(config__check=lambda *_: [])
    inner = f"{sys.executable} -m lokictl config edit"
    done = edit(home, f'echo "model: a:b" >> "$1"; [ $INNER ] || INNER=1 {inner} 2> {home}/said; true')
    assert done.returncode == 0, done
    assert "another lokictl config edit has" in " ".join((home / "said").read_text().split())
    assert written(home).read_text() == f"{STARTER}model: a:b\n"


def test_what_is_no_utf_8_stays_as_it_was_typed(daemon, home):
    daemon(config__check=lambda *_: [PROBLEM])
    assert edit(home, "printf 'model: a:b # \\344\\r\\n' > \"$1\"").returncode == 78
    assert written(home).read_bytes() == b"model: a:b # \xe4\r\n"


def test_a_draft_that_an_editor_made_anew_is_for_nobody_else(daemon, home):
    daemon()
    edit(home, 'rm "$1"; umask 0; echo "model: a:b" > "$1"; exit 1')
    (kept,) = written(home).parent.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_is_for_the_editor(daemon, home):
    daemon(config__check=lambda *_: [])
    script = home / "editor"
    script.write_text(
        '#!/bin/sh\ntrap \'echo "model: a:b" >> "$1"; exit 0\' INT\necho edits; while :; do sleep 1; done\n'
    )
    script.chmod(0o755)
    with closing(Terminal("config", "edit", env={"EDITOR": str(script), "VISUAL": ""})) as terminal:
        terminal.read_until(b"edits")
        terminal.type(b"\x03")
        assert terminal.wait() == 0, terminal.output
    assert written(home).read_text() == f"{STARTER}model: a:b\n"


def test_an_editor_that_fails_or_is_absent_changes_nothing(daemon, home):
    daemon()
    assert edit(home, "exit 1").returncode == 1
    assert lokictl("config", "edit", env={"EDITOR": "/nonexistent", "VISUAL": ""}).returncode == 2
    assert os.listdir(written(home).parent) == []


def test_an_editor_with_an_open_quote_is_told_and_a_blank_one_is_none(daemon, home):
    daemon()
    done = lokictl("config", "edit", env={"EDITOR": 'vi "', "VISUAL": " "})
    assert done.returncode == 2
    assert done.stderr.startswith(b'lokictl: cannot start vi ": a quote in it is not closed')
    assert os.listdir(written(home).parent) == []


def test_what_the_start_has_in_comments_is_good():
    text = re.sub(r"^( *)# (?=- |  |model: )", r"\1", STARTER, flags=re.MULTILINE)
    found = parse(text, "x", lookup={}, environ={})
    assert isinstance(found, Config), found
    assert [one.name for one in found.clients] == ["openai", "claude", "groq", "ollama"]
