from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from lokid.errors import SecretMissing
from lokid.providers.settings import CommandSecret, FileSecret, KeyringSecret, Secret
from lokid.runtime.launching import children
from lokid.runtime.secrets import os_keyring
from lokid.runtime.secrets import sources as secrets
from lokid.runtime.secrets.sources import Keyring, dotenv

VALUE = "sk-value-that-nobody-may-see"


def keyring(tmp_path: Path, secret: Secret, environ: Mapping[str, str] | None = None) -> Keyring:
    environ = {"PATH": os.environ["PATH"], **(environ or {})}
    return Keyring("mine", {"api_key": secret}, environ=environ, directory=str(tmp_path))


def script(tmp_path: Path, text: str) -> CommandSecret:
    path = tmp_path / "tell"
    path.write_text(f"#!{sys.executable} -IS\nimport os, sys, time\n{text}")
    path.chmod(0o700)
    return CommandSecret(command=(str(path),), timeout=10)


async def value(keyring: Keyring) -> str:
    return (await keyring.get())["api_key"].get_secret_value()


async def failure(keyring: Keyring) -> SecretMissing:
    with pytest.raises(SecretMissing) as caught:
        await keyring.get()
    return caught.value


class TestDotenv:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("A=1", "1"),
            ("export A = 1 ", "1"),
            ("A=", ""),
            ("A=a#b", "a#b"),
            ("A=a b # comment", "a b"),
            ("A=# comment", ""),
            ("A='one # two'  # comment", "one # two"),
            (r"A='no \n escape'", r"no \n escape"),
            (r'A="two\nlines \"quoted\" \\ \$HOME"', 'two\nlines "quoted" \\ $HOME'),
            (r'A="kept \d"', r"kept \d"),
            ("A=$HOME", "$HOME"),
            ("A=x=y", "x=y"),
        ],
    )
    def test_a_line_gives_its_value(self, line: str, expected: str) -> None:
        assert dotenv(f"# first\n\n{line}\n", ".env") == ({"A": expected}, ())

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("no equals", "is not a NAME=value line"),
            ("1A=x", "is not a NAME=value line"),
            ("=x", "is not a NAME=value line"),
            ("A='open", "has a quote that is not closed, or text after it"),
            ('A="open\\"', "has a quote that is not closed, or text after it"),
            ("A='x' y", "has a quote that is not closed, or text after it"),
            ('A="x"y', "has a quote that is not closed, or text after it"),
        ],
    )
    def test_a_bad_line_is_named_and_never_shown(self, line: str, message: str) -> None:
        values, (problem,) = dotenv(f"GOOD=1\n{line}\n", "/etc/.env")
        assert values == {"GOOD": "1"}
        assert (problem.path, problem.line, problem.message) == ("/etc/.env", 2, message)

    def test_the_last_of_two_equal_names_wins(self) -> None:
        assert dotenv("\ufeffA=1\nA=2", "")[0] == {"A": "2"}


def test_scrubbed_names_leave_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE_API_KEY", VALUE)
    secrets.scrub(["MINE_API_KEY", "WAS_NEVER_THERE"])
    assert "MINE_API_KEY" not in os.environ


@pytest.mark.parametrize(("mode", "open_to_others"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_is_open_to_others_when_group_or_all_may_read(mode: int, open_to_others: bool) -> None:
    assert secrets.open_to_others(stat.S_IFREG | mode) is open_to_others


@pytest.mark.anyio
class TestText:
    async def test_is_taken_as_it_is(self, tmp_path: Path) -> None:
        assert await value(keyring(tmp_path, SecretStr(VALUE))) == VALUE


@pytest.mark.anyio
class TestCommand:
    async def test_gives_its_first_line(self, tmp_path: Path) -> None:
        assert await value(keyring(tmp_path, script(tmp_path, f"print('{VALUE}\\r\\nuser: me')"))) == VALUE

    async def test_may_write_much_behind_it(self, tmp_path: Path) -> None:
        told = await value(keyring(tmp_path, script(tmp_path, "print('x' * 65_536)\nprint('y' * 1_000_000)")))
        assert told == "x" * 65_536

    async def test_runs_once_for_all_callers_until_it_is_forgotten(self, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        text = f"open({str(runs)!r}, 'a').write('x')\ntime.sleep(0.1)\nprint(os.path.getsize({str(runs)!r}))"
        ring = keyring(tmp_path, script(tmp_path, text))
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(ring.get)
        assert await value(ring) == "1"
        ring.forget()
        assert await value(ring) == "2"

    async def test_failure_is_shared_by_those_who_waited_for_it(self, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        text = f"open({str(runs)!r}, 'a').write('x')\ntime.sleep(0.2)\nprint('{VALUE}')\nsys.exit(3)"
        ring = keyring(tmp_path, script(tmp_path, text))
        errors: list[SecretMissing] = []

        async def caller() -> None:
            errors.append(await failure(ring))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(caller)
        assert runs.read_text() == "x"
        assert {error.message for error in errors} == {
            "api_key of client 'mine' could not be had: 'tell' ended with exit status 3"
        }
        assert errors[0].client == "mine"
        await failure(ring)
        assert runs.read_text() == "xx"  # a later caller tries again

    @pytest.mark.parametrize(
        ("text", "how"),
        [
            (f"print('{VALUE}', file=sys.stderr)\nsys.exit(2)", "ended with exit status 2"),
            ("os.kill(os.getpid(), 15)", "was killed by SIGTERM"),
            ("", "succeeded but its first line is empty"),
            (f"print()\nprint('{VALUE}')", "succeeded but its first line is empty"),
            ("sys.stdout.buffer.write(b'\\xff')", "wrote something that is not text"),
            ("sys.stdout.write('x' * 65_537)", "wrote a line of more than 65,536 bytes"),
        ],
    )
    async def test_says_how_it_failed_and_nothing_that_it_wrote(
        self, tmp_path: Path, text: str, how: str
    ) -> None:
        error = await failure(keyring(tmp_path, script(tmp_path, text)))
        assert error.message == f"api_key of client 'mine' could not be had: 'tell' {how}"
        assert VALUE not in repr(error)

    async def test_that_does_not_exist_is_named(self, tmp_path: Path) -> None:
        error = await failure(keyring(tmp_path, CommandSecret(command=("/no/such/program",))))
        assert error.message.endswith("'program' cannot be run: no such file or directory")
        assert error.hint is not None
        assert error.hint.startswith("install program, or write where it is")

    async def test_that_hangs_is_killed_with_what_it_started(self, tmp_path: Path) -> None:
        told = tmp_path / "pid"
        text = f"pid = os.fork()\nif pid:\n    open({str(told)!r}, 'w').write(str(pid))\ntime.sleep(60)"
        secret = script(tmp_path, text).model_copy(update={"timeout": 1.0})
        error = await failure(keyring(tmp_path, secret))
        assert "did not finish within 1 s" in error.message
        with anyio.fail_after(5):
            while Path(f"/proc/{told.read_text()}").exists():
                await anyio.sleep(0.01)

    async def test_that_left_something_running_is_not_waited_for(self, tmp_path: Path) -> None:
        text = f"if os.fork():\n    print('{VALUE}')\n    sys.stdout.flush()\nelse:\n    time.sleep(5)"
        secret = script(tmp_path, text)
        with anyio.fail_after(5):
            assert await value(keyring(tmp_path, secret)) == VALUE

    async def test_may_write_without_end_into_bounded_memory(self, tmp_path: Path) -> None:
        text = f"print('{VALUE}')\nsys.stdout.write('x' * 1_000_000)"
        assert await value(keyring(tmp_path, script(tmp_path, text))) == VALUE

    async def test_sees_no_other_key(self, tmp_path: Path) -> None:
        environ = {"OPENAI_API_KEY": VALUE, "GNUPGHOME": "/g", "XDG_RUNTIME_DIR": "/run/me"}
        text = "print(sorted({*os.environ} - {'LC_CTYPE'}))"  # Python sets that one itself
        names = await value(keyring(tmp_path, script(tmp_path, text), environ))
        assert eval(names) == ["GNUPGHOME", "PATH", "XDG_RUNTIME_DIR"]

    async def test_runs_beside_the_configuration_or_at_the_root(self, tmp_path: Path) -> None:
        secret = script(tmp_path, "print(os.getcwd())")
        assert await value(keyring(tmp_path, secret)) == str(tmp_path)
        assert await value(keyring(tmp_path / "not there", secret)) == "/"


@pytest.mark.anyio
class TestFile:
    async def test_gives_its_text_without_the_last_newline(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(f"{VALUE}\n")
        assert await value(keyring(tmp_path, FileSecret(file="key"))) == VALUE
        assert await value(keyring(tmp_path, FileSecret(file=str(tmp_path / "key")))) == VALUE

    async def test_in_the_home_directory(self, home: Path, tmp_path: Path) -> None:
        (home / "key").write_text(VALUE)
        assert await value(keyring(tmp_path, FileSecret(file="~/key"))) == VALUE

    async def test_is_read_again_when_it_changed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(secrets, "RECHECK", 0)
        (tmp_path / "key").write_text("old")
        ring = keyring(tmp_path, FileSecret(file="key"))
        assert await value(ring) == "old"
        assert await value(ring) == "old"
        (tmp_path / "key").write_text("newer")
        assert await value(ring) == "newer"

    async def test_is_not_looked_at_for_every_request(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("old")
        ring = keyring(tmp_path, FileSecret(file="key"))
        assert await value(ring) == "old"
        (tmp_path / "key").write_text("newer")
        assert await value(ring) == "old"

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(None, "No such file"), (b"", "is empty"), (b"\xff", "is not text"), (b"x" * 70_000, "is larger")],
    )
    async def test_that_is_no_secret_is_named_with_its_path(
        self, tmp_path: Path, content: bytes | None, reason: str
    ) -> None:
        if content is not None:
            (tmp_path / "key").write_bytes(content)
        message = (await failure(keyring(tmp_path, FileSecret(file="key")))).message
        assert f"{tmp_path}/key: {reason}" in message

    async def test_that_is_a_pipe_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "key")
        with anyio.fail_after(5):
            error = await failure(keyring(tmp_path, FileSecret(file="key")))
        assert "is not a regular file" in error.message


def test_children_see_an_allow_list_only() -> None:
    environ = {
        "PATH": "/bin",
        "LC_TIME": "C",
        "XDG_DATA_HOME": "/d",
        "AWS_SECRET_ACCESS_KEY": "x",
        "LC_GITHUB_TOKEN": "x",
        "XDG_API_KEY": "x",
        "DISPLAY": ":0",
    }
    assert children.environment(environ).keys() == {"PATH", "LC_TIME", "XDG_DATA_HOME"}
    assert "DISPLAY" in children.environment(environ, children.PASSWORD_MANAGERS)


class TestTheOperatingSystemsKeyring:
    """The package ``keyring`` is an extra, so a module of that name stands in for it."""

    @pytest.fixture
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], Any]:
        answers: dict[tuple[str, str], Any] = {}

        def get_password(service: str, name: str) -> str | None:
            answer = answers.get((service, name))
            return answer() if callable(answer) else answer

        module = types.ModuleType("keyring")
        module.get_password = get_password  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keyring", module)
        return answers

    @pytest.mark.anyio
    async def test_gives_a_value(self, tmp_path: Path, answers: dict[tuple[str, str], Any]) -> None:
        answers["openai", "me"] = VALUE
        one = keyring(tmp_path, KeyringSecret(keyring=("openai", "me")))
        assert await value(one) == VALUE
        answers.clear()
        assert await value(one) == VALUE
        one.forget()
        assert "has no such entry" in (await failure(one)).message

    @pytest.mark.anyio
    async def test_that_fails_is_told_without_its_words(
        self, tmp_path: Path, answers: dict[tuple[str, str], Any]
    ) -> None:
        def locked() -> str:
            raise RuntimeError(f"no {VALUE}")

        answers["s", "n"] = locked
        error = await failure(keyring(tmp_path, KeyringSecret(keyring=("s", "n"))))
        assert error.message == "api_key of client 'mine' could not be had: the keyring failed (RuntimeError)"

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("given", "why"),
        [(b"sk", "gave no text"), (5, "gave no text"), ("x" * 10**6, "gave more than 64 Ki")],
    )
    async def test_what_is_no_secret_is_not_taken_for_one(
        self, tmp_path: Path, answers: dict[tuple[str, str], Any], given: object, why: str
    ) -> None:
        answers["s", "n"] = given
        error = await failure(keyring(tmp_path, KeyringSecret(keyring=("s", "n"))))
        assert f"the keyring {why}" in error.message

    @pytest.mark.anyio
    async def test_that_asks_nobody_is_given_up(
        self, tmp_path: Path, answers: dict[tuple[str, str], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release = threading.Event()
        monkeypatch.setattr(os_keyring, "WITHIN_S", 0.05)
        answers["s", "n"] = lambda: release.wait(10) and None
        error = await failure(keyring(tmp_path, KeyringSecret(keyring=("s", "n"))))
        release.set()
        assert "did not answer within 0.05 s" in error.message

    @pytest.mark.anyio
    async def test_that_is_not_installed_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "keyring", None)
        error = await failure(keyring(tmp_path, KeyringSecret(keyring=("s", "n"))))
        assert "not installed" in error.message
        assert "pip install '.[keyring]'" in str(error.hint)


def test_a_scrubbed_variable_is_not_in_what_the_process_was_started_with() -> None:
    code = (
        "from lokid.runtime.secrets import sources; sources.scrub(['PLANTED', 'ABSENT']); import os\n"
        "assert 'PLANTED' not in os.environ; print(open('/proc/self/environ').read())"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3]), "PLANTED": VALUE}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert "PYTHONPATH=" in done.stdout
    assert VALUE not in done.stdout
