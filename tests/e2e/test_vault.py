"""The vault from outside: two commands to an answer, Debian's age, killed writers, and a search for planted
secrets in everything that the programs leave or say."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.fakes.daemon import ROOT, connect, process
from tests.fakes.last_call import forks
from tests.fakes.terminal import lokictl

VALUE = "sk-planted-in-the-vault-0123456789"
DAEMON = [sys.executable, "-m", "lokid"]

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def socket() -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"


@pytest.fixture
def folder(home: Path) -> Path:
    return home / ".local" / "share" / "lokid"


@contextmanager
def daemon(socket: Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    with process({"LOKID_LOG": "debug", **environ}, DAEMON) as running:
        connect(socket).close()
        yield running


def stop(running: subprocess.Popen[str]) -> str:
    """All that it said."""
    running.send_signal(signal.SIGTERM)
    return running.communicate(timeout=20)[1]


@pytest.mark.external
@needs_age
class TestDebiansAge:
    def test_opens_what_lokid_wrote(self, socket: Path, folder: Path) -> None:
        with daemon(socket) as running:
            assert lokictl("secret", "set", "A", stdin=f"{VALUE}\n".encode()).returncode == 0
            stop(running)
        opened = subprocess.run(
            ["age", "-d", "-i", folder / "identity.txt", folder / "vault.age"],
            capture_output=True,
            check=True,
        )
        assert json.loads(opened.stdout) == {"A": VALUE}

    def test_makes_a_vault_for_lokid(self, socket: Path, folder: Path) -> None:
        folder.mkdir(parents=True)
        made = subprocess.run(["age-keygen"], capture_output=True, check=True, text=True)
        (folder / "identity.txt").touch(mode=0o600)
        (folder / "identity.txt").write_text(made.stdout)
        public = re.search("age1[0-9a-z]+", made.stdout)
        assert public
        for options in ([], ["--armor"]):
            subprocess.run(
                ["age", "-e", *options, "-r", public[0], "-o", folder / "vault.age"],
                input=json.dumps({"A": VALUE}).encode(),
                check=True,
            )
            (folder / "vault.age").chmod(0o600)
            with daemon(socket) as running:
                assert lokictl("secret", "get", "A").stdout == f"{VALUE}\n".encode()
                stop(running)

    def test_makes_an_identity_with_a_passphrase_for_lokid(self, socket: Path, folder: Path) -> None:
        with daemon(socket) as running:
            lokictl("secret", "set", "A", stdin=VALUE.encode())
            stop(running)
        type_into(
            ["age", "-p", "-o", str(folder / "identity.age"), str(folder / "identity.txt")],
            b"Enter passphrase", b"open sesame\n", b"Confirm passphrase", b"open sesame\n",
        )  # fmt: skip
        (folder / "identity.txt").unlink()
        with daemon(socket) as running:
            locked = lokictl("secret", "get", "A")
            assert (locked.returncode, locked.stdout) == (77, b"")
            assert b"lokictl unlock" in locked.stderr
            assert lokictl("unlock", stdin=b"open sesame\n").returncode == 0
            assert lokictl("secret", "get", "A").stdout == f"{VALUE}\n".encode()
            stop(running)

    def test_opens_an_identity_that_lokid_put_a_passphrase_on(self, socket: Path, folder: Path) -> None:
        with daemon(socket) as running:
            lokictl("secret", "set", "A", stdin=VALUE.encode())
            assert lokictl("secret", "passphrase", stdin=b"open sesame\n").returncode == 0
            stop(running)
        out = folder / "out"
        type_into(
            ["age", "-d", "-o", str(out), str(folder / "identity.age")], b"Enter passphrase", b"open sesame\n"
        )
        assert "AGE-SECRET-KEY-1" in out.read_text()


def type_into(command: list[str], *talk: bytes) -> None:
    """Runs ``command`` on a terminal of its own: waits for a prompt, types, waits for the next."""
    pid, master = pty.fork()
    if pid == 0:  # pragma: no cover
        os.execvp(command[0], command)
    said = b""
    try:
        for wanted, keys in zip(talk[::2], talk[1::2], strict=True):
            while wanted not in said:
                said += os.read(master, 4096)
            said = b""
            os.write(master, keys)
        while True:
            try:
                if not os.read(master, 4096):
                    break
            except OSError:
                break
    finally:
        os.close(master)
    assert os.waitpid(pid, 0)[1] == 0


SAVE = """
from lokid.config import Vault as Settings
from lokid.runtime.secrets.vault import Vault
one = Vault(dict(os.environ), "/")
one.read(Settings())

def piece(value):
    one.change(Settings(), {"B": value})
"""

CALLS = "openat,write,fsync,fchmod,rename,link,unlink,close,flock,fstat,newfstatat,read,access,mkdir,lseek"


@pytest.mark.external
@pytest.mark.timeout(240)
@needs_strace
def test_a_writer_killed_at_any_system_call_leaves_the_old_vault_or_the_new_one(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    from lokid.config import Vault as Settings
    from lokid.runtime.secrets.vault import Vault

    def vault() -> Vault:
        return Vault({"HOME": str(home)}, "/")

    vault().change(Settings(), {"A": VALUE, "B": "old"})
    changing = {"write", "fsync", "fchmod", "rename", "link", "flock"}
    outcomes = set()
    with forks(SAVE, {**os.environ, "PYTHONPATH": str(ROOT)}, CALLS, tmp_path / "trace") as saves:
        points = saves.calls("first")
        assert changing <= {name for name, _ in points}
        # All that change something, and of the rest the first and last of each kind.
        last = dict(points)
        chosen = [(name, at) for name, at in points if name in changing or at in (1, last[name])]
        for number, (name, at) in enumerate(chosen):
            old = vault().read(Settings()).secrets["B"]
            new = f"new-{number}"
            saves.die(new, name, at)
            found = vault().read(Settings())
            assert found.state == "open", (name, at, found.reason)
            assert found.secrets["A"] == VALUE
            assert found.secrets["B"] in (old, new)
            outcomes.add(found.secrets["B"] == new)
            assert not [each for each in os.listdir(folder) if each.endswith(".tmp")]
    assert outcomes == {True, False}


@pytest.mark.external
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_full_disk_keeps_what_was_there(socket: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    code = textwrap.dedent("""
        mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"
    """)
    space = ["unshare", "-m", "sh", "-c", code, "sh", str(folder)]
    script = (
        "import os, sys; sys.path.insert(0, '.')\n"
        "from lokid.config import Vault as S; from lokid.runtime.secrets.vault import Vault\n"
        "from lokid.errors import ConfigInvalid\n"
        "one = Vault(dict(os.environ), '/'); one.change(S(), {'A': 'old'})\n"
        f"fill = open({str(folder / 'fill')!r}, 'wb', buffering=0)\n"
        "try:\n    while True: fill.write(bytes(4096))\nexcept OSError: pass\n"
        "try: one.change(S(), {'B': 'x' * 9000})\nexcept ConfigInvalid as error: print(error.message)\n"
        "print(dict(one.read(S()).secrets), sorted(os.listdir(os.path.dirname(fill.name))))\n"
    )
    done = subprocess.run(
        [*space, sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said, left = done.stdout.splitlines()
    assert "no space left on device; what it held before is untouched" in said
    assert left == "{'A': 'old'} ['fill', 'identity.txt', 'vault.age', 'vault.age.lock']"


@contextmanager
def refusing() -> Iterator[str]:
    """A provider that refuses every key and repeats it in its error, as some do."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            key = self.headers.get("authorization", "")
            seen.add(key.removeprefix("Bearer "))
            message = f"Incorrect API key provided: {key.removeprefix('Bearer ')} ({key})"
            data = json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
            self.send_response(401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815 - its name upstream

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name upstream
            """Quiet."""

    seen: set[str] = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
    used = {where for where, value in PLANTED.items() if value in seen}
    assert used == {"openai", "second", "literal", "dotenv", "file", "environment", "credential"}


# --- two commands, and a search for everything that was planted


def configuration(home: Path, url: str) -> None:
    folder = home / ".config" / "lokid"
    folder.mkdir(parents=True)
    keys: dict[str, Any] = {
        "second": {"api_key": "{{SECOND}}"},
        "third": {"api_key": "{{THIRD}}"},
        "fourth": {"api_key": {"file": "key"}},
        "fifth": {"api_key": PLANTED["literal"]},
        "sixth": {},  # SIXTH_API_KEY in the daemon's environment
        "seventh": {"api_key": "{{CREDENTIAL}}"},
    }
    clients = [{"type": "openai", "api_base": url}] + [
        {"type": "openai-compatible", "name": name, "api_base": url, "models": ["m"], **key}
        for name, key in keys.items()
    ]
    for name, text in (
        ("config.yaml", json.dumps({"model": "openai:gpt-4.1", "clients": clients})),
        (".env", f"THIRD={PLANTED['dotenv']}\n"),
        ("key", PLANTED["file"]),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)


PLANTED = {
    where: f"PLANTED{where}{'Q7x' * 6}"
    for where in """
        openai second replaced deleted unused literal dotenv file environment credential import passphrase
        wrongpass argument
    """.split()  # noqa: SIM905 - words read better as words
}
"""Where it was put -> the secret."""

ALLOWED = {"config.yaml": "literal", ".env": "dotenv", "key": "file"}
"""Files that hold a secret because the user put it there."""


def call(client: Any, method: str, **params: Any) -> Any:
    """The whole answer, error or result."""
    client.send(method, **params)
    while (message := client.message()) is not None:
        if message[0] == 1:
            return message
    return None


@pytest.mark.timeout(120)
def test_no_planted_secret_is_found_anywhere(home: Path, socket: Path, folder: Path, tmp_path: Path) -> None:
    said: list[bytes] = []
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "CREDENTIAL").write_text(PLANTED["credential"])

    def run(*arguments: str, stdin: str = "", **environ: str) -> int:
        done = lokictl(*arguments, stdin=stdin.encode(), env=environ)
        said.extend((done.stdout, done.stderr))
        return done.returncode

    with refusing() as url:
        configuration(home, url)
        environ = {
            "SIXTH_API_KEY": PLANTED["environment"],
            "CREDENTIALS_DIRECTORY": str(credentials),
            "TMPDIR": str(tmp_path),
        }
        with daemon(socket, **environ) as running:
            # Two commands: a key, a question. (The provider refuses every key, and repeats it.)
            assert run("secret", "set", "OPENAI_API_KEY", stdin=PLANTED["openai"]) == 0
            assert run("ask", "-m", "openai:gpt-4.1", "hello") == 77
            assert run("secret", "set", "SECOND", stdin=PLANTED["replaced"]) == 0
            assert run("secret", "set", "SECOND", stdin=PLANTED["second"]) == 0
            assert run("secret", "set", "DELETED", stdin=PLANTED["deleted"]) == 0
            assert run("secret", "set", "UNUSED", stdin=PLANTED["unused"]) == 0
            assert run("secret", "set", "SECOND", PLANTED["argument"]) == 2
            assert run("secret", "import-env", IMPORT_API_KEY=PLANTED["import"]) == 0
            assert run("secret", "delete", "DELETED") == 0
            for name in ("second", "third", "fourth", "fifth", "sixth", "seventh"):
                assert run("ask", "-m", f"{name}:m", "hello") == 77
            assert run("secret", "passphrase", stdin=PLANTED["passphrase"]) == 0
            assert run("lock") == 0
            assert run("unlock", stdin=PLANTED["wrongpass"]) == 77
            assert run("ask", "-m", "second:m", "hello") == 77
            assert run("unlock", stdin=PLANTED["passphrase"]) == 0
            for arguments in (
                "status", "clients --json", "models --json", "config show", "config check", "info",
                "ps --json", "secret list --json", "secret path", "ask --dry-run -m second:m hello",
                "ask --dry-run -m fifth:m hello",
            ):  # fmt: skip
                assert run(*arguments.split()) == 0, arguments
            client = connect(socket)
            try:
                for method, params in (
                    ("secrets.set", {"name": PLANTED["openai"] + " ", "value": PLANTED["openai"]}),
                    ("secrets.set", {"name": "A", "value": {"a": PLANTED["openai"]}}),
                    ("secrets.set", {"name": "A", "valu": PLANTED["openai"]}),
                    ("secrets.delete", {"name": PLANTED["openai"]}),
                    ("secrets.unlock", {"passphrase": [PLANTED["passphrase"]]}),
                    ("secrets.status", {}), ("status", {}), ("config.show", {}), ("config.check", {}),
                ):  # fmt: skip
                    said.append(msgpack.packb(call(client, method, **params)))
                # The exception, so that the search is known to find something.
                assert PLANTED["second"].encode() in msgpack.packb(call(client, "secrets.get", name="SECOND"))
            finally:
                client.close()
            for name in ("cmdline", "environ"):
                # Not dumpable, so only root can look; and this is what it sees.
                if os.access(path := f"/proc/{running.pid}/{name}", os.R_OK):
                    said.append(Path(path).read_bytes())
            said.append(stop(running).encode())
    searched = 0
    for root, _, names in os.walk(tmp_path):
        for name in names:
            path = Path(root) / name
            if path.is_file() and path.parent != credentials:
                searched += 1
                data = path.read_bytes()
                hits = {where for where, value in PLANTED.items() if value.encode() in data}
                assert hits <= {ALLOWED.get(name)}, path
    assert searched >= 6
    everything = b"\n".join(said)
    assert len(everything) > 4000
    assert [where for where, value in PLANTED.items() if value.encode() in everything] == []
