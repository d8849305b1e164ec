"""A configuration that another user can replace is not used: with ``{command: ...}`` it would run as you."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lokid.runtime import replaceable
from lokid.runtime.loading import Paths, load

ME = os.geteuid()
OTHER = 12345


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "lokid").mkdir(mode=0o755)
    (tmp_path / "lokid" / "config.yaml").write_text("clients: []")
    return tmp_path / "lokid" / "config.yaml"


def said(config: Path) -> list[str]:
    loaded = load(Paths.of({"LOKID_CONFIG": str(config)}), {}, tuple)
    assert (loaded.config is None) is bool(loaded.problems)
    return [problem.message for problem in loaded.problems]


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o1777])
def test_a_directory_in_which_only_the_owner_replaces_is_good(config: Path, mode: int) -> None:
    config.parent.chmod(mode)
    assert said(config) == []


def test_a_directory_in_which_everybody_replaces_is_not(config: Path, tmp_path: Path) -> None:
    config.parent.chmod(0o777)
    mend = f"chmod o-w {config.parent.resolve()}"
    wanted = f"may be replaced by every user of this machine, so it is not used: {mend}"
    assert said(config) == [wanted]
    link = tmp_path / "link.yaml"
    link.symlink_to(config)
    assert said(link) == [wanted], "what counts is where the link ends"
    config.parent.chmod(0o755)
    tmp_path.chmod(0o777)
    assert said(config) == []
    assert "chmod o-w" in said(link)[0], "and where it is"


def test_a_file_or_a_directory_of_another_user_is_not(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = replaceable.why(str(config), OTHER)
    assert why is not None
    assert "belongs to another user" in why
    assert replaceable.why(str(config), 0) is None, "root's is: a system may put it there"
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    monkeypatch.setattr(os, "stat", _of_a_third_user(os.stat))
    why = replaceable.why(str(config), OTHER)
    assert why is not None
    assert "is in a directory of another user" in why


def _of_a_third_user(stat: object) -> object:
    def third(path: object) -> os.stat_result:
        facts = list(stat(path))  # type: ignore[operator]
        facts[4] = OTHER + 1
        return os.stat_result(facts)

    return third


def test_in_a_sandbox_roots_files_look_like_nobodys(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert replaceable.why(str(config), 65534) is not None
    monkeypatch.setattr(replaceable, "_sees_not_all_users", lambda: True)
    assert replaceable.why(str(config), 65534) is None
    assert replaceable.why(str(config), OTHER) is not None


def test_a_directory_that_is_gone_by_now_is_for_the_next_look(config: Path) -> None:
    config.unlink()
    config.parent.rmdir()
    assert replaceable.why(str(config), ME) is None
