"""``lokictl`` on a terminal: what reaches it, Ctrl-C, Ctrl-Z, the spinner, colours."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.fakes.rpc_daemon import Gone, result, say
from tests.fakes.terminal import COMMAND, ROOT, environment, lokictl


def test_nothing_in_an_answer_steers_the_terminal(daemon, terminal):
    daemon(chat=say("a\x1b]0;title\x07b", "\x9b31m", "\u202ec", "\td\n", "e"))
    tty = terminal("ask", "--raw", "hi", env={"NO_COLOR": "1"})
    assert tty.wait() == 0
    assert tty.output.decode() == "a\ufffd]0;title\ufffdb\ufffd31m\ufffdc\td\r\ne\r\n"


def test_a_windows_line_end_cut_in_two_is_a_newline(daemon, terminal):
    daemon(chat=say("a\r", "\nb"))
    tty = terminal("ask", "hi")
    assert tty.wait() == 0
    assert tty.printed == b"a\r\nb\r\n"


def test_json_on_a_terminal_is_clean_too(daemon, terminal):
    daemon(chat=lambda call, params: result("\x9b2J"))
    tty = terminal("ask", "--json", "hi")
    assert tty.wait() == 0
    assert "\x9b" not in tty.output.decode()


def slow(call, params):
    call.accepted()
    call.text("half an")
    call.cancelled.wait(20)
    raise Gone


def test_ctrl_c_in_mid_answer_cancels_and_ends_with_130(daemon, terminal):
    fake = daemon(chat=slow)
    tty = terminal("ask", "hi")
    tty.read_until(b"half an")
    begun_at = time.monotonic()
    tty.type(b"\x03")
    assert tty.wait() == 130
    assert time.monotonic() - begun_at < 15  # not the 20 s of the answer
    assert fake.running[0].cancelled.wait(5)
    assert b"Traceback" not in tty.output
    assert tty.output.endswith(b"\r\n"), "the shell's prompt begins a line of its own"


IMPORTING = """
import sys, time
from lokictl import __main__
def asks(_arguments):
    try:
        import interrupted
        time.sleep(20)
    except KeyboardInterrupt:
        print(sys.modules["interrupted"].whole)
        raise
__main__._run = asks
__main__.main()
"""


def test_ctrl_c_in_an_import_waits_for_its_end(tmp_path):
    """Python calls what it has for ends of modules in an import, and drops what is raised there."""
    (tmp_path / "interrupted.py").write_text(
        "import os, weakref\n"
        "class Gone: pass\n"
        "one = Gone()\n"
        "watch = weakref.ref(one, lambda _: os.kill(os.getpid(), 2))\n"
        "del one\n"
        "whole = True\n"
    )
    path = os.pathsep.join((str(ROOT), str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        capture_output=True,
        env={**environment(), "PYTHONPATH": path},
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"True\n", b"")


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.02, 0.03, 0.05])
def test_ctrl_c_at_the_start_shows_no_traceback_of_ours(daemon, terminal, delay_s):
    daemon(chat=say("hi"))  # before `main` Python itself may lose it, and goes on
    tty = terminal("ask", "hi")
    time.sleep(delay_s)  # not a wait for something: the moments are the test
    tty.process.send_signal(signal.SIGINT)
    tty.wait()
    frames = re.findall(r'lokictl/\S+", line \d+, in (\S+)', tty.output.decode())
    assert set(frames) <= {"<module>"}, f"only what comes before `main` is shown: {tty.output.decode()}"


def test_ctrl_z_stops_and_the_answer_goes_on_later(daemon, terminal):
    def chat(call, params):
        call.accepted()
        call.text("before ")
        while not os.path.exists(os.path.join(os.environ["HOME"], "go")):
            time.sleep(0.01)
        return say("after")(call, params)

    daemon(chat=chat)
    tty = terminal("ask", "hi")
    tty.read_until(b"before")
    tty.process.send_signal(
        signal.SIGSTOP
    )  # an orphaned group ignores SIGTSTP; to the process it is the same
    open(os.path.join(os.environ["HOME"], "go"), "w").close()
    tty.process.send_signal(signal.SIGCONT)
    assert tty.wait() == 0
    assert tty.printed == b"before after\r\n"


def test_spinner_shows_after_a_while_and_goes_before_the_answer(daemon, terminal):
    def chat(call, params):
        call.accepted()
        call.cancelled.wait(0.6)
        return say("answer")(call, params)

    daemon(chat=chat)
    tty = terminal("ask", "hi", split=True)
    assert tty.wait() == 0
    assert tty.output == b"answer\r\n"
    assert tty.err == b"", "stderr is a pipe: no spinner"

    tty = terminal("ask", "hi")
    assert tty.wait() == 0
    assert "⠋".encode() in tty.output
    assert tty.output.endswith(b"\r\x1b[Kanswer\r\n")


def test_quick_answers_show_no_spinner_and_dumb_terminals_never(daemon, terminal):
    def chat(call, params):
        if params["prompt"] == "slow":
            call.cancelled.wait(0.5)
        return say("answer")(call, params)

    daemon(chat=chat)
    for arguments, term in ((["quick"], "xterm"), (["slow"], "dumb")):
        tty = terminal("ask", *arguments, env={"TERM": term})
        assert tty.wait() == 0
        assert tty.output == b"answer\r\n"


def test_reasoning_is_dim_on_stderr(daemon, terminal):
    def chat(call, params):
        call.accepted()
        call.event(type="reasoning", text="hm\x1b[2J")
        return say("answer")(call, params)

    daemon(chat=chat)
    tty = terminal("ask", "hi")
    assert tty.wait() == 0
    assert tty.output.decode() == "\x1b[2mhm\ufffd[2J\x1b[0m\r\n\r\nanswer\r\n"
    tty = terminal("ask", "hi", env={"NO_COLOR": "1"})
    assert tty.wait() == 0
    assert tty.output.decode() == "hm\ufffd[2J\r\n\r\nanswer\r\n"


@pytest.mark.parametrize("way", ["--raw", "--render"])
def test_in_the_c_locale_words_and_rules_arrive_whole(daemon, terminal, way):
    daemon(chat=say("**Grüße**, 漢字\n\n- eins\n"))
    tty = terminal("ask", way, "hi", env={"LANG": "C", "LC_ALL": "C"})
    assert tty.wait() == 0
    shown = tty.output.decode()
    assert "Grüße" in shown and "漢字" in shown and "eins" in shown


def test_retry_is_told_on_stderr(daemon, terminal):
    def chat(call, params):
        call.event(type="retry", attempt=2, after_s=0.05, reason="the provider is overloaded")
        return say("answer")(call, params)

    daemon(chat=chat)
    tty = terminal("ask", "hi")
    assert tty.wait() == 0
    assert tty.printed == b"lokictl: the provider is overloaded; trying again in 0.1 s\r\nanswer\r\n"


def test_another_version_of_the_daemon_is_told(daemon, terminal):
    daemon(chat=say("ok"), version="0.0.9")
    tty = terminal("ask", "hi")
    assert tty.wait() == 0
    assert tty.output.startswith(b"lokictl: lokid 0.0.9 is running, lokictl is ")


def test_an_older_configuration_in_force_is_told_to_eyes_alone(daemon, terminal):
    daemon(chat=say("ok")).facts["config_broken"] = True
    tty = terminal("ask", "hi")
    assert tty.wait() == 0
    assert tty.output.startswith(b"lokictl: the configuration's file is broken, and an older one")
    assert lokictl("ask", "hi").stderr == b""


def test_dash_reads_the_terminal_until_ctrl_d(daemon, terminal):
    fake = daemon(chat=say("ok"))
    tty = terminal("ask", "-")
    tty.type(b"typed\n\x04")
    assert tty.wait() == 0
    assert fake.params()["prompt"] == "typed\n"


def test_no_prompt_on_a_terminal_is_a_mistake_of_the_caller(terminal):
    tty = terminal("ask")
    assert tty.wait() == 2
    assert b"nothing to ask" in tty.output


CLIENTS = [
    {"name": "größe漢", "type": "openai", "auth": "api_key", "state": "ready"},
    {"name": "b", "type": "claude\x1b[2J", "auth": None, "state": "needs_secret", "reason": "set B_API_KEY"},
]


def test_tables_are_aligned_on_a_terminal_and_coloured_if_wished(daemon, terminal):
    daemon(clients__list=lambda *_: CLIENTS)
    tty = terminal("clients", env={"NO_COLOR": "1"})
    assert tty.wait() == 0
    assert tty.output.decode().split("\r\n") == [
        "CLIENT   TYPE        AUTH     STATE         TODAY  USD  WHAT TO DO",
        "größe漢  openai      api_key  ready",
        "b        claude\ufffd[2J           needs_secret              set B_API_KEY",
        "",
    ]
    tty = terminal("clients")
    assert tty.wait() == 0
    assert "\x1b[31mneeds_secret\x1b[0m" in tty.output.decode()


def test_vectors_as_bytes_are_refused_on_a_terminal(daemon, terminal):
    daemon()
    tty = terminal("embed", "--f32", "text")
    assert tty.wait() == 2
    assert b"not for a terminal" in tty.output


def test_sizes_of_models_are_short_for_eyes(daemon, terminal):
    model = {"client": "c", "name": "m", "type": "chat", "max_input_tokens": 1_050_000, "input_price": 0.0375}
    small = {"client": "c", "name": "e", "type": "embedding", "max_tokens_per_chunk": 8191}
    daemon(models__list=lambda *_: [model, {**model, "max_output_tokens": 512}, small])
    tty = terminal("models", env={"NO_COLOR": "1"})
    assert tty.wait() == 0
    cells = [line.split() for line in tty.output.decode().splitlines()[1:]]
    assert cells == [
        ["c:m", "chat", "1.05M", "0.0375"],
        ["c:m", "chat", "1.05M", "512", "0.0375"],
        ["c:e", "embedding", "8.19k"],
    ]


def test_the_titles_of_a_table_do_not_reach_over_the_edge(daemon, terminal):
    rows = [{"name": "a", "type": "openai", "state": "needs_secret", "reason": "x" * 200}]
    daemon(clients__list=lambda *_: rows)
    tty = terminal("clients", env={"FORCE_COLOR": "1"})
    assert tty.wait() == 0
    title = re.sub(rb"\x1b\[[0-9;]*m", b"", tty.output.splitlines()[0])
    assert title.endswith(b"WHAT TO DO")


@pytest.mark.parametrize(
    ("given", "said"),
    [({"input": b""}, True), ({"input": b"x"}, False), ({"stdin": subprocess.DEVNULL}, False)],
    ids=["empty pipe", "pipe", "no pipe"],
)
def test_who_watches_is_told_that_nothing_came_through_the_pipe(daemon, given, said):
    daemon(chat=say("done"))
    master, stderr = pty.openpty()
    command = [*COMMAND, "ask", "hi"]
    done = subprocess.run(
        command, **given, stdout=subprocess.PIPE, stderr=stderr, env=environment(), timeout=30
    )
    os.write(stderr, b".")
    os.close(stderr)
    shown = os.read(master, 65536)
    os.close(master)
    assert done.stdout == b"done\n"
    assert (b"nothing came through the pipe" in shown) is said
