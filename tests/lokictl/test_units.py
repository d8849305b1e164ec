"""The systemd units as `lokictl daemon install` writes them."""

from __future__ import annotations

import os
import sys

import pytest

from lokictl import units
from lokictl.commands import daemon as daemon_command
from lokictl.failure import Failure
from tests.fakes.terminal import ROOT, lokictl

ENVIRON = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/7"}


def test_paths_are_those_of_the_user_and_all_else_stays():
    texts = units.texts("/opt/lokid/bin/lokid", ENVIRON)
    original = (ROOT / "systemd" / "lokid.service").read_text().splitlines()
    changed = [line for line in texts["lokid.service"].splitlines() if line not in original]
    assert changed == [
        "ExecStart=/opt/lokid/bin/lokid",
        'ReadWritePaths=-"/home/ann/.local/state/lokid" -"/home/ann/.local/share/lokid" -%t/lokid',
    ] or changed == [
        "ExecStart=/opt/lokid/bin/lokid",
        "ReadWritePaths=-/home/ann/.local/state/lokid -/home/ann/.local/share/lokid -%t/lokid",
    ]
    assert texts["lokid.socket"] == (ROOT / "systemd" / "lokid.socket").read_text()


def test_other_places_are_carried_over_and_quoted():
    environ = {**ENVIRON, "LOKID_CONFIG": "/etc/my %h/c.yaml", "LOKID_SOCK": "/run/user/7/x.sock"}
    texts = units.texts("/opt/my $x/lokid", {**environ, "XDG_STATE_HOME": "/var/ann"})
    assert 'ExecStart="/opt/my $$x/lokid"' in texts["lokid.service"]
    assert 'Environment="LOKID_CONFIG=/etc/my %%h/c.yaml"\n' in texts["lokid.service"]
    assert "/var/ann/lokid" in texts["lokid.service"]
    assert "ListenStream=/run/user/7/x.sock" in texts["lokid.socket"]


def test_where_the_vault_is_elsewhere_the_service_may_write_there():
    def opened(*vault: str) -> str:
        text = units.texts("/opt/lokid", ENVIRON, vault)["lokid.service"]
        (line,) = (line for line in text.splitlines() if line.startswith("ReadWritePaths="))
        return line.replace('"', "").partition("/share/lokid ")[2]

    usual = "/home/ann/.local/share/lokid/identity.txt"
    assert opened("/home/ann/.local/share/lokid/vault.age", usual) == "-%t/lokid"
    assert opened("/home/ann/Sync/v.age", usual) == "-/home/ann/Sync -%t/lokid"
    assert opened("/home/ann/Sync/v.age", "/home/ann/Sync/i.txt") == "-/home/ann/Sync -%t/lokid"
    assert opened("/home/ann/a b/v.age", "/mnt/i.txt") == "-/home/ann/a b -/mnt -%t/lokid"
    assert opened("/home/ann/Sync/v.age", "keyring:lokid/identity") == "-/home/ann/Sync -%t/lokid"
    # A whole home is never opened, nor what others keep there too.
    assert opened("/home/ann/v.age", "/home/i.txt") == "-%t/lokid"
    assert opened("/home/ann/.config/v.age", "/home/ann/.local/share/i.txt") == "-%t/lokid"
    for hidden in ("/home/ann/.ssh/id_ed25519", "/home/ann/.ssh/vault/i.txt"):
        with pytest.raises(units.Unseen, match=hidden):
            opened(usual, hidden)
    with pytest.raises(units.Unseen, match="/tmp/vault"):
        opened("/tmp/vault/v.age", usual)


def test_a_link_of_the_vault_is_followed(tmp_path):
    share, sync = tmp_path / "share" / "lokid", tmp_path / "Sync"
    share.mkdir(parents=True)
    sync.mkdir()
    for name in ("vault.age", "identity.txt"):
        (share / name).symlink_to(sync / name)  # where nothing is yet
    environ = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "share")}
    paths = [str(share / name) for name in ("vault.age", "identity.txt")]
    assert units.of_vault(paths, environ) == (str(sync),)
    share.rename(sync / "lokid")
    share.symlink_to(sync / "lokid")  # systemd itself follows this one
    (share / "vault.age").unlink()
    assert units.of_vault(paths[:1], environ) == ()


@pytest.mark.parametrize(
    ("program", "more"),
    [
        ("/tmp/clone/.venv-demo/bin/lokid", {}),
        ("/opt/lokid", {"LOKID_CONFIG": "/var/tmp/c.yaml"}),
        ("/opt/lokid", {"LOKID_STATE_DIR": "/tmp/state"}),
    ],
)
def test_what_the_service_would_not_see_is_told_before_it_is_installed(program, more):
    with pytest.raises(units.Unseen, match="/tmp/"):
        units.texts(program, {**ENVIRON, **more})
    service = (ROOT / "systemd" / "lokid.service").read_text()
    assert "\nPrivateTmp=yes\n" in service  # the reason


def test_nor_would_it_see_what_a_link_leads_to(tmp_path):
    (tmp_path / "lokid").symlink_to("/var/tmp/clone/.venv-demo/bin/lokid")
    with pytest.raises(units.Unseen, match="/var/tmp/clone"):
        # The directory of a test is in /tmp itself; said like this, only the link leads there.
        units.texts(f"/proc/self/root{tmp_path}/lokid", ENVIRON)


def test_units_lie_where_systemd_looks_for_them():
    assert units.folder(ENVIRON) == "/home/ann/.config/systemd/user"
    assert units.folder({**ENVIRON, "XDG_CONFIG_HOME": "/c"}) == "/c/systemd/user"


def test_without_systemd_it_says_so_and_writes_nothing(tmp_path):
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    for verb in ("install", "uninstall"):
        done = lokictl("daemon", verb, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert done.returncode == 69
        assert b"no service manager of systemd" in done.stderr
    assert not os.path.exists(os.path.join(os.environ["HOME"], ".config"))


@pytest.mark.parametrize("sign", units.IN_NO_PROGRAM)
def test_what_systemd_would_not_start_is_refused_before_anything_is_written(tmp_path, monkeypatch, sign):
    program = tmp_path / f"Ann{sign}s" / "lokid"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    with pytest.raises(Failure, match="systemd starts no program with quotes") as caught:
        daemon_command._units()
    assert caught.value.hint.startswith("move the clone")


def test_what_cannot_be_made_is_told_and_why(home):
    state = home / ".local/state/lokid"
    state.parent.mkdir(parents=True)
    state.symlink_to(home / "mnt/state")
    with pytest.raises(Failure, match=f"{state} cannot be made: it is a link to where there is nothing"):
        daemon_command._make_directories()
