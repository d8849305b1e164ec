"""``lokictl secret``, ``lock`` and ``unlock``: no value on a command line, on a screen or in a message."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from lokictl import secret_input
from tests.fakes.rpc_daemon import Refused
from tests.fakes.terminal import lokictl

VALUE = "sk-planted-on-the-command-line-0123456789"


def vault(daemon: Any, **kept: str) -> dict[str, str]:
    """A daemon that keeps secrets; they are what it returns."""

    def set_(_call: Any, params: dict[str, Any]) -> Any:
        replaced = params["name"] in kept
        kept[params["name"]] = params["value"]
        return {"name": params["name"], "replaced": replaced, "clients": ["openai"]}

    def delete(_call: Any, params: dict[str, Any]) -> Any:
        if params["name"] not in kept:
            raise Refused(
                "invalid_params", "the vault has no secret of that name", hint="lokictl secret list"
            )
        del kept[params["name"]]
        return {"name": params["name"], "clients": ["openai"] if params["name"] == "OPENAI_API_KEY" else []}

    daemon(
        secrets__set=set_,
        secrets__delete=delete,
        secrets__get=lambda _, params: {"name": params["name"], "value": kept[params["name"]]},
        secrets__list=lambda *_: [{"name": name, "clients": ["a", "b"]} for name in sorted(kept)],
        secrets__status=lambda *_: {"state": "open", "file": "/data/vault.age", "identity_kind": "file"},
    )
    return kept


def test_a_value_comes_from_standard_input(daemon: Any) -> None:
    kept = vault(daemon)
    for data, value in ((b"one\n", "one"), (b"two\r\n", "two"), (b"a\nb\n\n", "a\nb\n"), (b" c ", " c ")):
        done = lokictl("secret", "set", "OPENAI_API_KEY", stdin=data)
        assert (done.returncode, done.stdout) == (0, b"")
        assert kept == {"OPENAI_API_KEY": value}
    assert done.stderr == b"OPENAI_API_KEY replaced; used by openai\n"


def test_a_value_that_a_terminal_may_have_cut_is_refused(daemon: Any, terminal: Any) -> None:
    """Linux keeps 4,095 bytes of a line."""
    kept = vault(daemon)
    typed = terminal("secret", "set", "A")
    typed.read_until(b"value of A: ")
    typed.type(b"x" * 5000 + b"\n")
    assert typed.wait() == 2
    assert b"the end may be" in typed.output
    assert kept == {}


def test_of_several_lines_that_are_pasted_the_first_is_not_the_value(daemon: Any, terminal: Any) -> None:
    """A service account's file: its beginning was kept, and the rest went where who knows reads it."""
    kept = vault(daemon)
    for pasted, status in ((b'{\n  "type": "service_account",\n}\n', 2), (b"key\n\n", 0)):
        typed = terminal("secret", "set", "A")
        typed.read_until(b"value of A: ")
        typed.type(pasted)
        assert typed.wait() == status
        assert (b"more than one line" in typed.output) is (status == 2)
    assert kept == {"A": "key"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_prompt_that_a_signal_ends_leaves_a_terminal_that_shows(
    daemon: Any, terminal: Any, number: int
) -> None:
    vault(daemon)
    typed = terminal("secret", "set", "OPENAI_API_KEY")
    typed.read_until(b": ")
    assert not typed.echoes
    typed.process.send_signal(number)
    assert typed.process.wait(20) == -number and typed.echoes


def test_a_prompt_whose_terminal_is_closed_ends_as_any_program(daemon: Any, terminal: Any) -> None:
    vault(daemon)
    typed = terminal("secret", "set", "OPENAI_API_KEY", split=True)
    typed.read_until(b": ")
    typed.hang_up()
    assert typed.process.wait(20) == -signal.SIGHUP
    assert typed.process.stderr.read().strip() == b""


def test_a_prompt_that_was_stopped_shows_nothing_either(daemon: Any, terminal: Any) -> None:
    """Shells turn the echo on while Ctrl-Z holds it, and off again for nobody."""
    kept = vault(daemon)
    typed = terminal("secret", "set", "OPENAI_API_KEY")
    typed.read_until(b": ")
    pid = typed.process.pid
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED)
    typed.echo(True)
    asked = typed.output.splitlines()[-1]
    os.kill(pid, signal.SIGCONT)
    typed.read_until(asked + asked)
    assert not typed.echoes
    typed.type(VALUE.encode() + b"\n")
    assert typed.wait() == 0 and VALUE.encode() not in typed.output
    assert kept == {"OPENAI_API_KEY": VALUE}


def test_a_terminal_that_somebody_left_without_lines_gives_the_whole_value(
    daemon: Any, terminal: Any
) -> None:
    """Its first letter would be the value, and the rest a command of the shell."""
    kept = vault(daemon)
    typed = terminal("secret", "set", "A", waits=False)
    typed.raw()
    typed.read_until(b"value of A: ")
    for letter in VALUE.encode():
        typed.type(bytes([letter]))
    typed.type(b"\r")
    assert typed.wait() == 0 and VALUE.encode() not in typed.output
    assert kept == {"A": VALUE}


def test_what_is_no_utf_8_is_refused_as_it_is_typed(daemon: Any, terminal: Any) -> None:
    """A letter that the terminal has cut, for one."""
    kept = vault(daemon)
    typed = terminal("secret", "set", "OPENAI_API_KEY")
    typed.read_until(b"value of OPENAI_API_KEY: ")
    typed.type(b"caf\xe9\n")
    assert typed.wait() == 2
    assert b"what was typed is no UTF-8" in typed.output
    assert kept == {}


@pytest.mark.parametrize(
    ("passed_on", "value"), [("\x1b[200~key\x1b[201~", "key"), ("x" * 4094, "x" * 4094), ("key", "key")]
)
def test_marks_of_a_terminal_that_pastes_are_no_part_of_a_value(passed_on: str, value: str) -> None:
    assert secret_input._pasted(passed_on) == value


def test_a_value_is_typed_without_being_seen(daemon: Any, terminal: Any) -> None:
    kept = vault(daemon)
    typed = terminal("secret", "set", "OPENAI_API_KEY")
    typed.read_until(b"value of OPENAI_API_KEY: ")
    typed.type(VALUE.encode() + b"\n")
    assert typed.wait() == 0
    assert VALUE.encode() not in typed.output
    assert kept == {"OPENAI_API_KEY": VALUE}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {"overridden_by": "environment"},
            "another A comes first, with which lokid was started: unset A; lokictl daemon restart",
        ),
        (
            {"overridden_by": "/h/.env", "variable": "A"},
            "another A comes first, in /h/.env: take it out there",
        ),
        (
            {"overridden_by": "environment", "variable": "X_KEY"},
            "X_KEY, with which lokid was started, comes before A: unset X_KEY; lokictl daemon restart",
        ),
        (
            {"overridden_by": "/h/.env", "variable": "X_KEY"},
            "X_KEY, in /h/.env, comes before A: take it out there",
        ),
    ],
)
def test_a_value_that_is_not_the_one_in_force_is_told(daemon: Any, told: Any, said: str) -> None:
    row = {"name": "A", "clients": [], **told}
    other = row | {"name": "B"}
    daemon(secrets__set=lambda *_: row | {"replaced": True}, secrets__list=lambda *_: [row, other])
    done = lokictl("secret", "set", "A", stdin=b"x\n")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode().endswith(f"\nlokictl: {said}\n")
    done = lokictl("secret", "import-env", "A", env={"A": "x"})
    assert (done.returncode, done.stdout) == (0, b"A\n")
    assert done.stderr.decode().endswith(f" unset A\nlokictl: {said}\n")
    assert done.stderr.count(b"lokictl: ") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("OPENAI_API_KEY", VALUE),
        ("OPENAI_API_KEY", "short"),
        ("OPENAI_API_KEY", "--", "-x"),
        (VALUE,),
        (f"OPENAI_API_KEY={VALUE}",),
        ("A1b2C3d4E5f6G7h8I9j0K1l2",),
        ("AIzaSyA",),
    ],
)
def test_a_value_on_the_command_line_is_refused_and_not_repeated(daemon: Any, arguments: Any) -> None:
    kept = vault(daemon)
    done = lokictl("secret", "set", *arguments, stdin=b"x\n")
    assert done.returncode == 2
    assert b"history" in done.stderr
    assert arguments[-1].encode() not in done.stderr
    assert kept == {}


@pytest.mark.parametrize("name", ["", "1A", "A B", "Ä"])
def test_a_bad_name_is_refused(daemon: Any, name: str) -> None:
    vault(daemon)
    done = lokictl("secret", "set", name, stdin=b"x\n")
    assert done.returncode == 2
    assert b"a name begins with" in done.stderr


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\n", b"x" * 300_000])
def test_nothing_and_no_text_are_no_value(daemon: Any, data: bytes) -> None:
    kept = vault(daemon)
    assert lokictl("secret", "set", "A", stdin=data).returncode == 2
    assert kept == {}


def test_ctrl_c_and_ctrl_d_at_the_prompt_change_nothing(daemon: Any, terminal: Any) -> None:
    kept = vault(daemon)
    for key, status in ((b"\x03", 130), (b"\x04", 2)):
        typed = terminal("secret", "set", "A")
        typed.read_until(b"value of A: ")
        typed.type(key)
        assert typed.wait() == status
    assert kept == {}


def test_get_list_delete_and_path(daemon: Any) -> None:
    kept = vault(daemon, OPENAI_API_KEY=VALUE, B="two")
    assert lokictl("secret", "get", "OPENAI_API_KEY").stdout == f"{VALUE}\n".encode()
    assert lokictl("secret", "list").stdout == b"B\ta, b\nOPENAI_API_KEY\ta, b\n"
    assert [row["name"] for row in json.loads(lokictl("secret", "list", "--json").stdout)] == sorted(kept)
    assert lokictl("secret", "path").stdout == b"/data/vault.age\n"
    done = lokictl("secret", "delete", "B", "OPENAI_API_KEY")
    assert done.stderr == b"B deleted\nOPENAI_API_KEY deleted; missed by openai\n"
    assert kept == {}
    assert lokictl("secret", "delete", "B").returncode == 2


def test_import_env_moves_keys_that_are_not_there_yet(daemon: Any) -> None:
    kept = vault(daemon, A_API_KEY="old")
    environ = {"A_API_KEY": "new", "B_API_KEY": VALUE, "EMPTY_API_KEY": "", "OTHER": "x"}
    done = lokictl("secret", "import-env", env=environ)
    assert done.returncode == 0
    assert kept == {"A_API_KEY": "old", "B_API_KEY": VALUE}
    assert done.stdout == b"B_API_KEY\n"
    assert b"A_API_KEY is in the vault already" in done.stderr
    assert b"unset B_API_KEY\n" in done.stderr
    assert VALUE.encode() not in done.stdout + done.stderr
    assert lokictl("secret", "import-env", "A_API_KEY", "OTHER", env=environ).returncode == 0
    assert kept == {"A_API_KEY": "new", "B_API_KEY": VALUE, "OTHER": "x"}
    assert lokictl("secret", "import-env", "ABSENT", env=environ).returncode == 2


def test_import_env_says_that_there_is_nothing(daemon: Any) -> None:
    vault(daemon)
    assert b"no variable *_API_KEY" in lokictl("secret", "import-env").stderr


def locked(daemon: Any, kind: str, now: str | None = None) -> Any:
    """``kind`` of identity at the lock, and ``now``."""

    def unlock(_call: Any, params: dict[str, Any]) -> Any:
        if (now or kind) == "passphrase" and params["passphrase"] is None:
            raise Refused("invalid_params", "the vault's identity is encrypted with a passphrase")
        if params["passphrase"] not in (None, "open sesame"):
            raise Refused("authentication_failed", "the passphrase does not open the vault's identity")
        return {"state": "open", "secrets": 1}

    return daemon(
        secrets__status=lambda *_: {"state": "locked", "file": "/v", "identity_kind": kind},
        secrets__unlock=unlock,
        secrets__lock=lambda *_: {
            "state": "locked",
            "identity_kind": kind,
            "kept": ["environment", "tokens of mine"],
            "in_flight": 1,
        },
        secrets__passphrase=lambda _, params: {"identity": "/i.age", "identity_kind": "passphrase"},
    )


def test_unlock_asks_for_a_passphrase_only_if_there_is_one(daemon: Any, terminal: Any) -> None:
    running = locked(daemon, "passphrase")
    typed = terminal("unlock")
    typed.read_until(b"passphrase of the vault: ")
    typed.type(b"open sesame\n")
    assert typed.wait() == 0
    assert b"sesame" not in typed.output
    assert running.params("secrets.unlock") == {"passphrase": "open sesame"}
    done = lokictl("unlock", stdin=b"wrong\n")
    assert done.returncode == 77
    assert b"wrong" not in done.stderr


def test_unlock_of_a_plain_identity_asks_nothing(daemon: Any) -> None:
    running = locked(daemon, "file")
    assert lokictl("unlock").returncode == 0
    assert running.params("secrets.unlock") == {"passphrase": None}
    done = lokictl("lock")
    assert done.returncode == 0
    assert b"a restart of lokid unlocks too: lokictl secret passphrase" in done.stderr
    assert b"a copy of lokid's environment stays in its memory" in done.stderr
    assert b"tokens of mine stay in memory until they are on disk" in done.stderr
    assert b"requests still run" in done.stderr


def test_a_passphrase_that_the_identity_has_got_since_the_lock_is_asked_for(
    daemon: Any, terminal: Any
) -> None:
    running = locked(daemon, "file", "passphrase")
    typed = terminal("unlock")
    typed.read_until(b"passphrase of the vault: ")
    typed.type(b"open sesame\n")
    assert typed.wait() == 0
    assert lokictl("unlock", stdin=b"open sesame\n").returncode == 0
    assert running.params("secrets.unlock") == {"passphrase": "open sesame"}
    assert lokictl("unlock", stdin=b"wrong\n").returncode == 77


def test_one_that_was_taken_off_since_the_lock_is_not(daemon: Any) -> None:
    running = locked(daemon, "passphrase", "file")
    assert lokictl("unlock").returncode == 0
    assert running.params("secrets.unlock") == {"passphrase": None}


def test_what_else_keeps_it_locked_asks_for_nothing(daemon: Any) -> None:
    def unlock(*_: Any) -> Any:
        raise Refused("config_invalid", "/i is larger than 64 KiB, so it is no identity")

    running = daemon(secrets__unlock=unlock)
    done = lokictl("unlock", stdin=b"open sesame\n")
    assert done.returncode == 78
    assert b"no identity" in done.stderr
    assert [name for name, _ in running.calls] == ["hello", "secrets.unlock"]


def test_lock_starts_no_daemon() -> None:
    assert lokictl("lock", env={"LOKICTL_AUTOSTART": "1"}).returncode == 69


def test_a_new_passphrase_is_typed_twice(daemon: Any, terminal: Any) -> None:
    running = locked(daemon, "file")
    for again, status in ((b"open sesame\n", 0), (b"open barley\n", 2)):
        typed = terminal("secret", "passphrase")
        typed.read_until(b"new passphrase: ")
        typed.type(b"open sesame\n")
        typed.read_until(b"the same again: ")
        typed.type(again)
        assert typed.wait() == status
    assert [name for name, _ in running.calls].count("secrets.passphrase") == 1
    assert lokictl("secret", "passphrase", "--remove").returncode == 0
    assert running.params("secrets.passphrase") == {"passphrase": None}


def test_a_program_that_knows_what_was_typed_leaves_no_core_dump(
    daemon: Any, terminal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-\\ asks for one, and the second question is where one thinks of it."""
    vault(daemon)
    monkeypatch.chdir(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        typed = terminal("secret", "passphrase")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    typed.read_until(b"new passphrase: ")
    typed.type(VALUE.encode() + b"\n")
    typed.read_until(b"again: ")
    typed.type(b"\x1c")
    _, status = os.waitpid(typed.process.pid, 0)
    assert os.WIFSIGNALED(status)
    assert not os.WCOREDUMP(status)
    assert not list(tmp_path.glob("core*"))
