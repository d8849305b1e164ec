"""Programs that nobody here wrote talk to the daemon: Neovim, systemd. Its runtime is a fake."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.daemon import COMMAND, ROOT, connect, process

pytestmark = pytest.mark.external


@pytest.fixture
def path() -> Iterator[Path]:
    yield Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"


@pytest.fixture
def served(path: Path) -> Iterator[Path]:
    with process() as running:
        connect(path).close()
        yield path
        running.kill()
        running.communicate()


def neovim(tmp_path: Path, code: str, socket: Path) -> list[str]:
    """What ``code`` (Lua, with ``path`` and ``say``) said, line by line."""
    if (program := shutil.which("nvim")) is None:
        pytest.skip("Neovim is not installed")
    script, said = tmp_path / "script.lua", tmp_path / "said"
    script.write_text(
        f"local path = [[{socket}]]\n"
        f"local out = io.open([[{said}]], 'w')\n"
        "local function say(...) out:write((table.concat({...}, ' '):gsub('\\n', ' ')), '\\n') end\n"
        "local ok, problem = pcall(function()\n"
        f"{textwrap.dedent(code)}\n"
        "end)\n"
        "if not ok then say('FAILED', problem) end\n"
        "out:close()\n"
        "vim.cmd('qall!')\n"
    )
    subprocess.run(
        [program, "--headless", "--clean", "-n", "-c", f"luafile {script}"],
        timeout=30,
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return said.read_text().splitlines()


def test_neovim_asks_and_sees_errors_as_strings(served: Path, tmp_path: Path) -> None:
    said = neovim(
        tmp_path,
        """
        local channel = vim.fn.sockconnect('pipe', path, {rpc = true})
        say(vim.fn.rpcrequest(channel, 'hello', {client = 'nvim'}).server)
        say(vim.fn.rpcrequest(channel, 'hello').server)
        say(vim.fn.rpcrequest(channel, 'chat', {model = 'echo', prompt = 'hi there'}).text)
        local ok, problem = pcall(vim.fn.rpcrequest, channel, 'chat', {model = 'rate_limited', prompt = 'x'})
        say(tostring(ok), problem)
        ok, problem = pcall(vim.fn.rpcrequest, channel, 'chta', {})
        say(tostring(ok), problem)
        say(vim.fn.rpcrequest(channel, 'chat', {model = 'echo', prompt = 'still here'}).text)
        """,
        served,
    )
    assert said[:3] == ["lokid", "lokid", "hi there"]
    assert "rate_limited: it failed" in said[3]
    assert "unknown_method: there is no method 'chta'; did you mean chat?" in said[4]
    assert said[5] == "still here"


def test_neovim_lives_with_events_and_we_with_its_error_event(served: Path, tmp_path: Path) -> None:
    """Neovim treats ``chat.event`` as a function of its own that it does not have, and tells us so with the
    notification nvim_error_event; neither side minds."""
    said = neovim(
        tmp_path,
        """
        local channel = vim.fn.sockconnect('pipe', path, {rpc = true})
        say(vim.fn.rpcrequest(channel, 'chat', {model = 'echo', prompt = 'one two', stream = true}).text)
        say(vim.fn.rpcrequest(channel, 'chat', {model = 'echo', prompt = 'again', stream = true}).text)
        """,
        served,
    )
    assert said == ["one two", "again"]


def test_neovims_own_mpack_session_streams(served: Path, tmp_path: Path) -> None:
    said = neovim(
        tmp_path,
        """
        local session = vim.mpack.Session({unpack = vim.mpack.Unpacker()})
        local pipe = vim.loop.new_pipe(false)
        local done, received = false, ''
        local function take(data)
            received = received .. data
            local at = 1
            while at <= #received do
                local kind, id, method_or_error, args_or_result, next_at = session:receive(received, at)
                if kind == nil then break end
                at = next_at
                if kind == 'notification' then
                    say(method_or_error, tostring(args_or_result[1]), args_or_result[2].text)
                elseif kind == 'response' then
                    say('response', tostring(id), args_or_result.text)
                    done = true
                end
            end
            received = ''
        end
        pipe:connect(path, function(problem)
            assert(not problem, problem)
            pipe:read_start(function(_, data) if data then take(data) end end)
            local params = {{model = 'echo', prompt = 'one two', stream = true}}
            pipe:write(session:request(7) .. vim.mpack.encode('chat') .. vim.mpack.encode(params))
        end)
        vim.wait(5000, function() return done end, 5)
        """,
        served,
    )
    assert said == ["chat.event 0 one", "chat.event 0 two", "response 7 one two"]


def test_systemd_socket_activate_starts_it_with_the_first_connection(path: Path) -> None:
    if (program := shutil.which("systemd-socket-activate")) is None:
        pytest.skip("systemd is not installed")
    path.parent.mkdir(mode=0o700)
    passed = [f"--setenv={name}" for name in ("HOME", "XDG_RUNTIME_DIR", "PATH")]
    with process(command=[program, f"--listen={path}", "--fdname=rpc", *passed, *COMMAND]) as running:
        client = connect(path)
        # It replaced systemd-socket-activate, so it is the very process that was started.
        assert client.ask("hello")["pid"] == running.pid
        client.close()
        running.terminate()
        assert running.wait(20) == 0
        assert path.exists(), "the socket is systemd's"
        assert f"serves {path}" in running.communicate()[1]


def test_the_units_pass_systemds_own_check(tmp_path: Path) -> None:
    if (program := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd is not installed")
    binary = Path(os.environ["HOME"]) / ".local" / "bin" / "lokid"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    units = [str(ROOT / "systemd" / name) for name in ("lokid.service", "lokid.socket")]
    checked = subprocess.run(
        [program, "--user", "verify", "--man=no", *units], capture_output=True, text=True, timeout=30
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    exposure = subprocess.run(
        [program, "security", "--offline=yes", "--threshold=20", units[0]],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert exposure.returncode == 0, exposure.stdout[-500:]
