"""A report that can be pasted: what is wrong and what mends it, and nothing that is private."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lokictl import starting
from lokictl.commands import doctor
from lokictl.failure import Ending, Failure
from tests.fakes.daemon import poll, process
from tests.fakes.terminal import ROOT, lokictl


def status(**changes):
    return {
        "daemon": {"version": changes.get("version", "0.0.9"), "pid": os.getpid(), "started_at": time.time()},
        "config": {"generation": 3, "problems": changes.get("problems", [])},
        "clients": changes.get("clients", []),
        "requests": [],
    }


def test_without_a_daemon_nothing_is_wrong_and_none_is_started(home):
    done = lokictl("doctor", env={"OPENAI_API_KEY": "sk-secret", "HTTPS_PROXY": "http://u:pw@proxy"})
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert "not running" in text
    assert text.endswith("\nnothing is wrong\n")
    assert "OPENAI_API_KEY" in text
    assert "sk-secret" not in text
    assert "proxy\n" not in text
    assert str(home) not in text
    assert list(home.iterdir()) == []


def test_everything_that_is_wrong_is_told_with_what_mends_it(daemon, home):
    vault = home / ".local" / "share" / "lokid"
    vault.mkdir(parents=True)
    (vault / "vault.age").write_text("x")
    os.chmod(vault / "vault.age", 0o644)
    problem = {"path": f"{home}/c.yaml", "line": 3, "column": 5, "key": "clients", "message": "is no list"}
    gone = {"path": f"{home}/.env", "line": 0, "column": 0, "key": "", "message": "is gone"}
    clients = [
        {"name": "private-name", "type": "openai", "state": "needs_secret"},
        {"name": "b", "type": "claude", "state": "ready"},
    ]
    ledger = {"state": "degraded", "reason": f"{home}/u.db cannot be read: away", "unsaved": 0, "lost": 0}
    ledger |= {"unread": ledger["reason"], "counts_from": time.time()}
    daemon(
        status=lambda *_: status(problems=[problem, gone], clients=clients) | {"usage": {"ledger": ledger}},
    )
    done = lokictl("doctor")
    assert done.returncode == 1
    told = [line for line in done.stdout.decode().splitlines() if line.startswith("problem: ")]
    assert any("others may read ~/.local/share/lokid/vault" in line and "chmod" in line for line in told)
    assert any("lokid 0.0.9 is running" in line and "lokictl daemon restart" in line for line in told)
    assert "problem: ~/c.yaml:3:5: clients: is no list" in told and "problem: ~/.env: is gone" in told
    assert "generation 3, 2 problems" in done.stdout.decode()
    assert any("a client of type openai: needs_secret" in line for line in told)
    assert any("usage: ~/u.db cannot be read: away" in line for line in told)
    assert any("the budgets count from" in line for line in told)
    assert "private-name" not in done.stdout.decode()


def test_without_a_home_that_is_told_once(monkeypatch):
    for name in ("HOME", "XDG_RUNTIME_DIR", "LOKID_SOCK"):
        monkeypatch.delenv(name, raising=False)
    done = lokictl("doctor")
    assert done.returncode == 1
    assert done.stdout.count(b"problem: HOME is not set") == 1
    assert b"\nlokid  does not answer\n" in done.stdout


def test_one_problem_is_not_several(daemon):
    problem = {"path": "/c", "line": 1, "column": 1, "key": "", "message": "is no list"}
    daemon(status=lambda *_: status(problems=[problem]))
    assert b"generation 3, 1 problem\n" in lokictl("doctor").stdout


def test_a_daemon_with_another_configuration_than_the_shell_is_told(daemon, home):
    its = {"generation": 3, "problems": [], "path": f"{home}/other.yaml"}
    daemon(status=lambda *_: status() | {"config": its})
    assert b"problem: lokid uses another configuration, ~/other.yaml; for yours:" in lokictl("doctor").stdout


def test_the_report_is_there_as_json(daemon):
    daemon(status=lambda *_: status())
    report = json.loads(lokictl("doctor", "--json").stdout)
    assert set(report) == {"facts", "problems"}
    assert {"lokictl", "python", "system", "packages", "lokid", "sandbox", "certificates", "clock"} <= set(
        report["facts"]
    )


def test_the_vault_that_the_configuration_names_is_looked_at(home):
    folder = home / ".config" / "lokid"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("vault: {file: v.age, identity: {keyring: [lokid, key]}}\n")
    (folder / "v.age").write_text("x")
    os.chmod(folder / "v.age", 0o644)
    done = lokictl("doctor")
    assert b"problem: others may read ~/.config/lokid/v.age: chmod go= ~/.config/lokid/v.age\n" in done.stdout
    facts = dict(line.split("  ", 1) for line in done.stdout.decode().splitlines() if "  " in line)
    assert facts["identity_file"].strip() == "keyring:lokid/key"


def test_a_home_behind_a_link_is_private_too(daemon, home, monkeypatch):
    """lokid tells where files really are."""
    link = home.parent / "link"
    link.symlink_to(home)
    monkeypatch.setenv("HOME", str(link))
    problem = {"path": f"{home}/c.yaml", "line": 1, "column": 1, "key": "", "message": "is no list"}
    daemon(status=lambda *_: status(problems=[problem]))
    told = lokictl("doctor").stdout.decode()
    assert "problem: ~/c.yaml:1:1: is no list" in told
    assert str(home) not in told and str(link) not in told


def test_a_configuration_of_root_is_as_good_as_ones_own(home, monkeypatch):
    """NixOS links to one. What lokid writes is another thing: ``sudo lokictl`` leaves such."""
    for path in (home / ".config/lokid/config.yaml", home / ".local/state/lokid/lokid.log"):
        path.parent.mkdir(parents=True)
        path.write_text("")
        path.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    problems: list[str] = []
    doctor._paths(problems, Failure("daemon_unavailable", "none"))
    told = " ".join(problems)
    assert ("config.yaml belongs" in told, "lokid.log belongs" in told) == (os.getuid() != 0, True)


def test_a_second_daemon_is_told(home, monkeypatch):
    """Jobs of cron have no XDG_RUNTIME_DIR, and so a lokid of their own."""
    run = home / ".local" / "state" / "lokid" / "run"
    run.mkdir(parents=True)
    run.parent.chmod(0o700)
    run.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(run / "rpc.sock"))
        assert lokictl("doctor").stdout.endswith(b"\nnothing is wrong\n")  # nobody listens
        listener.listen()
        done = lokictl("doctor")
    assert done.returncode == 1
    told = b"problem: another lokid of yours listens at ~/.local/state/lokid/run/rpc.sock"
    assert told in done.stdout
    assert (
        f"cron jobs and the like want XDG_RUNTIME_DIR={os.environ['XDG_RUNTIME_DIR']}\n".encode()
        in done.stdout
    )
    (run / "rpc.sock").unlink()
    config = home / "config.yaml"
    config.write_text("clients: [{type: openai-compatible, name: a, api_base: 'http://127.0.0.1:9'}]\n")
    environ = {"XDG_RUNTIME_DIR": "", "LOKID_CONFIG": str(config)}
    with process(environ, [sys.executable, "-m", "lokid"]) as running:
        poll(lambda: (run / "rpc.sock").exists())
        assert told in lokictl("doctor").stdout
        running.terminate()
        running.communicate(timeout=20)
    monkeypatch.setenv("LOKID_SOCK", str(home / "own.sock"))
    assert b"another lokid" not in lokictl("doctor").stdout  # whoever sets that knows


MAY_START = {"LOKICTL_AUTOSTART": ""}


def test_what_keeps_lokid_from_starting_is_told(home):
    run = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid"
    run.mkdir(mode=0o755)
    run.chmod(0o755)
    done = lokictl("doctor", env=MAY_START)
    assert done.returncode == 1
    assert b"problem: lokid cannot start: " in done.stdout and b"chmod" in done.stdout
    run.chmod(0o700)
    (run / "rpc.sock").mkdir()
    assert b"problem: lokid cannot start: " in lokictl("doctor", env=MAY_START).stdout
    (run / "rpc.sock").rmdir()
    broken = home.parent / "broken"
    broken.mkdir()
    (broken / "anyio.py").write_text("raise ImportError('no module', name='anyio')")
    # Of a checkout: whose path comes first.
    told = lokictl("doctor", env={**MAY_START, "PYTHONPATH": f"{ROOT}:{broken}"}).stdout
    assert b"problem: lokid cannot start: the package anyio is missing or broken" in told
    assert lokictl("doctor", env=MAY_START).stdout.endswith(b"\nnothing is wrong\n")


def test_two_that_look_at_once_keep_nobody_from_starting(home):
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda _: lokictl("doctor", env=MAY_START), range(2)):
            assert done.stdout.endswith(b"\nnothing is wrong\n")


def test_a_directory_in_which_none_could_start_again_is_told(daemon):
    daemon(status=lambda *_: status())
    run = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid"
    run.chmod(0o755)
    assert b"others may enter" in lokictl("doctor").stdout
    run.chmod(0o700)
    assert b"others may enter" not in lokictl("doctor").stdout


def test_where_no_lokid_may_be_started_none_is_tried(home):
    """In a container, whose socket is another lokid's."""
    run = Path(os.environ["XDG_RUNTIME_DIR"])
    told = lokictl("doctor", env={"LOKICTL_AUTOSTART": "0"}).stdout
    assert b"LOKICTL_AUTOSTART=0 keeps lokictl from starting it" in told
    assert told.endswith(b"\nnothing is wrong\n")
    assert list(run.iterdir()) == []


def test_in_somebody_elses_directory_nothing_is_made(home, monkeypatch):
    """As root, with the user's environment: root's directory would keep the user's lokid from starting."""
    run = Path(os.environ["XDG_RUNTIME_DIR"])
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert "no lokid starts there" in starting.tried().problems[0]
    assert list(run.iterdir()) == []


def test_what_the_next_lokid_will_find_wrong_is_told(home):
    config = home / ".config/lokid"
    config.mkdir(parents=True, mode=0o700)
    (config / "config.yaml").write_text("cleints: []\n")
    (config / "config.yaml").chmod(0o600)
    done = lokictl("doctor", env=MAY_START)
    assert done.returncode == 1
    assert b"config.yaml:1:1: cleints: unknown key; did you mean" in done.stdout
    assert b"not running (the first question starts it)" in done.stdout
    (config / "config.yaml").write_text("clients: []\n")
    vault = home / ".local/share/lokid/vault.age"
    vault.parent.mkdir(parents=True, mode=0o700)
    vault.write_text("no vault\n")
    vault.chmod(0o600)
    assert b"identity.txt, which opens it, is not: restore it" in lokictl("doctor", env=MAY_START).stdout


def test_a_forwarded_socket_that_nobody_serves_any_more_is_told(home, monkeypatch):
    monkeypatch.setenv("LOKID_SOCK", str(home / "afar.sock"))
    told = lokictl("doctor").stdout
    assert b"connect again, if that is forwarded" in told


def test_who_has_the_lock_and_never_listens_is_told(home, monkeypatch):
    run = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid"
    run.mkdir(mode=0o700)
    monkeypatch.setattr(starting, "LOCKED_S", 0.0)
    with open(run / "rpc.sock.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another lokid runs already" in starting.tried().problems[0]


@pytest.mark.parametrize("known", [True, False])
def test_a_vault_that_is_away_is_told_once(daemon, home, known):
    why = f"{home}/v.age is not there any more: put it back"
    problem = {"path": "/v.age", "line": 0, "column": 0, "key": "", "message": why}
    vault = {
        "state": "refused",
        "reason": why,
        "file": f"{home}/v.age",
        "identity": "",
        "identity_kind": "file",
    }
    daemon(status=lambda *_: status(problems=[problem] if known else []) | {"vault": vault})
    assert lokictl("doctor").stdout.count(b"~/v.age is not there any more") == 1


def test_a_service_that_is_not_what_answers_is_told(daemon, home, tmp_path, monkeypatch):
    """Whose socket was removed with its directory."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(
        '#!/bin/sh\ncase "$*" in *MainPID*) echo MainPID=$SERVICE;; *) echo UnitFileState=$ENABLED;; esac\n'
    )
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SERVICE", "7")
    mend = b"systemctl --user restart lokid.socket lokid.service\n"
    assert lokictl("doctor").stdout.endswith(b"(pid 7) does not answer here: " + mend)
    daemon(status=lambda *_: status())
    told = f"and the one that does (pid {os.getpid()}) has no sandbox: lokictl daemon stop && ".encode()
    assert lokictl("doctor").stdout.endswith(told + mend)
    assert doctor._service(Ending()) == []
    for own in (str(os.getpid()), "0"):
        monkeypatch.setenv("SERVICE", own)
        assert b"does not answer here" not in lokictl("doctor").stdout
    monkeypatch.setenv("ENABLED", "enabled")  # and both units were stopped
    told = f"of the service does not answer here, and the one that does (pid {os.getpid()})".encode()
    assert told in lokictl("doctor").stdout
    monkeypatch.setenv("SERVICE", str(os.getpid()))
    assert b"does not answer here" not in lokictl("doctor").stdout


def test_who_has_no_runtime_directory_is_told_of_the_daemon_of_the_session(home, monkeypatch):
    seen = []
    monkeypatch.setattr(doctor, "_listens", lambda path: not seen.append(path))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    session = f"/run/user/{os.geteuid()}"
    assert [f"set XDG_RUNTIME_DIR={session}"] == [line.rpartition(": ")[2] for line in doctor._another()]
    assert seen == [f"{session}/lokid/rpc.sock"]
