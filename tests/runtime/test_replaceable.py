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
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", "/nowhere")
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
    wanted = (
        f"may be replaced by every user of this machine, so it is not used: chmod o-w {tmp_path.resolve()}"
    )
    assert said(link) == [wanted], "and where it is"
    assert said(config) == [wanted], "and where its directory is: that may get another one's name"


@pytest.mark.parametrize("relative", [True, False])
def test_every_link_on_the_way_counts(config: Path, tmp_path: Path, relative: bool) -> None:
    """The second of three, say, of which neither the first nor the file says anything."""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    (open_to_all / "second").symlink_to("../lokid" if relative else config.parent)
    (tmp_path / "first").symlink_to("open/../open/second" if relative else open_to_all / "second")
    path = tmp_path / "first" / "config.yaml"
    assert said(path) == []
    open_to_all.chmod(0o777)
    assert said(path)[0].endswith(f"chmod o-w {open_to_all.resolve()}")
    open_to_all.chmod(0o1777)
    assert said(path) == [], "where only the owner of a link replaces it"


def test_what_is_above_the_home_does_not(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can replace that can do anything; on some systems it belongs to nobody one knows."""
    tmp_path.chmod(0o777)
    assert said(config) != []
    monkeypatch.setenv("HOME", str(config.parent))
    assert said(config) == []


def test_what_leads_to_the_home_does_not_either(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home may be a link. What leads from it to the configuration counts."""
    links = tmp_path / "links"
    links.mkdir()
    (links / "me").symlink_to(tmp_path)
    (tmp_path / "way").mkdir()
    (tmp_path / "way" / "there").symlink_to(config.parent)
    links.chmod(0o777)
    path = links / "me" / "way" / "there" / "config.yaml"
    assert said(path) != []
    monkeypatch.setenv("HOME", str(links / "me"))
    assert said(path) == []
    (tmp_path / "way").chmod(0o777)
    assert said(path)[0].endswith(f"chmod o-w {tmp_path.resolve() / 'way'}")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert replaceable.why(str(tmp_path / "a"), ME) is None  # it cannot be opened either


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


def test_where_lokid_was_started_may_be_gone(config: Path, tmp_path: Path) -> None:
    before, gone = Path.cwd(), tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    try:
        gone.rmdir()
        assert replaceable.why(str(config), ME) is None
    finally:
        os.chdir(before)
