"""The Neovim plugin with the real daemon and a provider: nothing between them is a fake of ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.fakes.daemon import connect
from tests.fakes.nvim import neovim
from tests.fakes.talking import lokid, talking
from tests.fakes.terminal import lokictl

pytestmark = pytest.mark.external


@pytest.fixture
def talker():
    with talking() as talker:
        yield talker


@pytest.fixture
def nvim(tmp_path):
    with neovim(tmp_path, f'exec {sys.executable} -m lokictl "$@"') as editor:
        yield editor


def ask(method, **params):
    client = connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock")
    try:
        return client.ask(method, **params)
    finally:
        client.close()


def test_a_selection_streams_through_lokid_and_its_provider(talker, nvim):
    with lokid():
        nvim.call("nvim_buf_set_lines", 0, 0, -1, False, ["first", "zwölf 🐈", "third"])
        nvim.call("nvim_input", "ggVj:LokiAsk talker:held improve<CR>")
        nvim.wait(lambda lines: lines == ["improve", "", "first", "zwölf "])  # up to the first space
        [running] = ask("requests.list")
        assert (running["program"], running["model"]) == ("nvim", "talker:held")
        talker.go.set()
        nvim.wait(lambda lines: lines == ["improve", "", "first", "zwölf 🐈 "])
        nvim.run("quit")
        nvim.run("3LokiAsk! again")
        nvim.wait(lambda lines: lines == ["first", "zwölf 🐈", "third", "again", "", "third "])
        assert talker.prompts() == ["improve\n\nfirst\nzwölf 🐈", "again\n\nthird"]
        names = nvim.call("nvim_eval", "getcompletion('LokiAsk talker:e', 'cmdline')")
        assert names == ["talker:echo", "talker:endless"]
        nvim.run("LokiAsk talkr:echo hi")
        nvim.wait(lambda text: "did you mean 'talker:echo'" in text, nvim.messages)


def test_cancelling_closes_the_stream_of_the_provider(talker, nvim):
    with lokid():
        nvim.run("LokiAsk talker:endless on")
        nvim.wait(lambda lines: lines[0].startswith("on and on and on "))
        nvim.run("LokiCancel")
        nvim.wait(lambda text: "lokid: cancelled" in text, nvim.messages)
        assert talker.gone.wait(10)
        assert ask("requests.list") == []


def test_a_lokid_that_ends_under_it_keeps_what_came_and_the_next_question_starts_another(talker, nvim):
    with lokid() as first:
        nvim.run("LokiAsk talker:endless on")
        nvim.wait(lambda lines: lines[0].startswith("on and on and on "))
        first.kill()
        nvim.wait(lambda text: "the connection to lokid was lost" in text, nvim.messages)
        assert nvim.lines()[0].startswith("on and on and on ")
    nvim.run("quit")
    try:
        nvim.run("LokiAsk hi there")  # `lokictl daemon start`, for real
        nvim.wait(lambda lines: lines == ["hi there "])
    finally:
        assert lokictl("daemon", "stop").stdout == b"stopped\n"
