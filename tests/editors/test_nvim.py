"""The Neovim plugin, in a headless Neovim that is driven over its own RPC, as an editor's user would."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.fakes.nvim import neovim
from tests.fakes.rpc_daemon import Gone, Refused, result, say

pytestmark = pytest.mark.external


@pytest.fixture
def nvim(tmp_path):
    with neovim(tmp_path, f'echo "$@" >> {tmp_path}/started') as editor:  # and starts nothing
        yield editor


TEXT = ["first", "second", "third"]


def test_the_answer_streams_into_a_split(nvim, daemon):
    fake = daemon(chat=say("# An", "swer\n", "\nof three lines"))
    nvim.run("LokiAsk openai:gpt-5 what is this?")
    nvim.wait(lambda lines: lines == ["# Answer", "", "of three lines"])
    assert fake.params() == {"model": "openai:gpt-5", "prompt": "what is this?", "stream": True}
    assert nvim.call("nvim_eval", "winnr('$')") == 2
    assert nvim.call("nvim_eval", "&buftype . &filetype") == "nofilemarkdown"


def test_text_shows_before_the_answer_is_complete(nvim, daemon):
    def chat(call, _params):
        call.accepted()
        call.text("half")
        call.cancelled.wait(20)
        return result("half")

    fake = daemon(chat=chat)
    nvim.run("LokiAsk hi")
    nvim.wait(lambda lines: lines == ["half"])
    nvim.run("LokiCancel")
    assert fake.running[0].cancelled.wait(10)
    nvim.wait(lambda text: "lokid: cancelled" in text, nvim.messages)
    assert nvim.lines() == ["half"]


def test_closing_the_split_cancels(nvim, daemon):
    def chat(call, _params):
        call.cancelled.wait(20)
        return result("")

    fake = daemon(chat=chat)
    nvim.run("LokiAsk hi")
    fake.wait_for_call()
    nvim.run("close")
    assert fake.running[0].cancelled.wait(10)


def test_the_lines_of_the_range_go_along(nvim, daemon):
    fake = daemon(chat=say("ok"))
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.run("2,3LokiAsk improve")
    nvim.wait(lambda lines: lines == ["ok"])
    assert fake.params()["prompt"] == "improve\n\nsecond\nthird"


def test_a_visual_selection_is_a_range(nvim, daemon):
    fake = daemon(chat=say("ok"))
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.call("nvim_input", "ggVj:LokiAsk explain<CR>")
    nvim.wait(lambda lines: lines == ["ok"])
    assert fake.params()["prompt"] == "explain\n\nfirst\nsecond"


def test_with_a_bang_it_streams_into_the_buffer_and_one_undo_takes_it_back(nvim, daemon):
    daemon(chat=say("a", "b\nc", "d"))
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.run("1,2LokiAsk! improve")
    nvim.wait(lambda lines: lines == ["first", "second", "ab", "cd", "third"])
    nvim.call("nvim_input", "u")
    nvim.wait(lambda lines: lines in (TEXT, ["first", "second", "", "third"]))


def test_editing_above_meanwhile_does_not_move_the_answer_to_another_place(nvim, daemon):
    def chat(call, _params):
        call.accepted()
        call.text("ans")
        call.cancelled.wait(0.5)
        call.text("wer")
        return result("answer")

    daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.run("2LokiAsk! go")
    nvim.wait(lambda lines: "ans" in lines)
    nvim.call("nvim_buf_set_lines", 0, 0, 0, False, ["new"])
    nvim.wait(lambda lines: lines == ["new", "first", "second", "answer", "third"])


@pytest.mark.parametrize("line", [1, 3])
@pytest.mark.parametrize("piece", ["half", "ha\nlf", "half\n"])
@pytest.mark.parametrize("keys", ["u", "{line}GD{line}Gdd", ":%!tac<CR>", ":%d<CR>", ":set noma<CR>"])
def test_whoever_takes_the_answer_away_gets_no_rest_of_it(nvim, daemon, keys, piece, line):
    goes_on = threading.Event()

    def chat(call, _params):
        call.accepted()
        call.text(piece)
        goes_on.wait(20)
        for _ in range(3):
            call.text("REST")
        call.cancelled.wait(20)
        return result("")

    fake = daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.run(f"{line}LokiAsk! hi")
    nvim.wait(lambda lines: "lf" in "".join(lines))
    if keys.startswith("{"):  # all that came: the line at its end, and those above
        keys = ":{},{}d<CR>".format(line + 1, line + len(piece.split("\n")))
    nvim.call("nvim_input", keys)
    nvim.wait(lambda text: nvim.call("nvim_eval", "mode()") == "n", lambda: "")
    goes_on.set()
    assert fake.running[0].cancelled.wait(10)
    nvim.wait(lambda text: "the place of the answer is gone" in text, nvim.messages)
    assert not any("REST" in one for one in nvim.lines())
    assert "E5108" not in nvim.messages() and "Error executing" not in nvim.messages()


@pytest.mark.parametrize("line", [1, 3])
@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("text", [TEXT, ["first", "", "third", "", ""]])
@pytest.mark.parametrize("keys", ["u", ":{below}d<CR>", ":%d<CR>", "uGAmore<Esc>"])
def test_whoever_takes_the_place_away_before_the_answer_begins_gets_none(
    nvim, daemon, keys, line, text, streams
):
    goes_on = threading.Event()

    def chat(call, _params):
        goes_on.wait(20)
        if streams:
            call.text("ANSWER")
            call.cancelled.wait(20)
        return result("ANSWER")

    fake = daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, text)
    nvim.run(f"{line}LokiAsk! hi")
    fake.wait_for_call()
    nvim.call("nvim_input", keys.format(below=line + 1))
    nvim.wait(lambda lines: len(lines) <= len(text) and ("more" in keys) == ("more" in lines[-1]))
    goes_on.set()
    assert not streams or fake.running[0].cancelled.wait(10)
    nvim.wait(lambda text: "the place of the answer is gone" in text, nvim.messages)
    assert not any("ANSWER" in one for one in nvim.lines())


@pytest.mark.parametrize("keys", ["u", "2u", "GAmore<Esc>2u", "uGAmore<Esc>"])
def test_an_undo_of_an_edit_beside_takes_no_piece_out_of_the_middle(nvim, daemon, keys):
    steps = [threading.Event() for _ in range(2)]

    def chat(call, _params):
        call.accepted()
        for step in (*steps, None):
            call.text("half ")
            if step:
                step.wait(20)
        call.text("REST")
        call.cancelled.wait(20)
        return result("")

    fake = daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.run("1LokiAsk! hi")
    nvim.wait(lambda lines: lines[1] == "half ")
    nvim.call("nvim_input", "GAmine<Esc>")
    nvim.wait(lambda lines: lines[-1] == "thirdmine")
    steps[0].set()
    nvim.wait(lambda lines: lines[1] == "half half ")
    nvim.call("nvim_input", keys)
    nvim.wait(lambda lines: lines[1] != "half half ")
    steps[1].set()
    assert fake.running[0].cancelled.wait(10)
    nvim.wait(lambda text: "the place of the answer is gone" in text, nvim.messages)
    assert not any("REST" in one for one in nvim.lines())


def test_edits_beside_an_answer_stay_and_can_be_undone_when_it_is_there(nvim, daemon):
    goes_on = threading.Event()

    def chat(call, _params):
        call.accepted()
        call.text("half ")
        goes_on.wait(20)
        for piece in ("whole", ".\n", "Really."):
            call.text(piece)
        return result("half whole.\nReally.")

    daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.run("1LokiAsk! hi")
    nvim.wait(lambda lines: lines[1] == "half ")
    nvim.call("nvim_input", "GAmine<Esc>uGAyours<Esc>xu")
    nvim.wait(lambda lines: lines[-1] == "thirdyours")
    goes_on.set()
    nvim.wait(lambda lines: lines == ["first", "half whole.", "Really.", "second", "thirdyours"])
    nvim.call("nvim_input", "u")
    nvim.wait(lambda lines: lines == ["first", "half ", "second", "thirdyours"])


@pytest.mark.parametrize("bang", ["", "!"])
def test_who_types_where_the_answer_comes_has_both(nvim, daemon, bang):
    goes_on = [threading.Event(), threading.Event()]

    def chat(call, _params):
        for event, piece in zip(goes_on, ("one", " two"), strict=True):
            event.wait(20)
            call.text(piece)
        return result("one two")

    fake = daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    nvim.run(f"1LokiAsk{bang} hi")
    fake.wait_for_call()
    row = 1 if bang else 0
    nvim.call("nvim_input", ("j" if bang else "") + "INote: <Esc>")
    nvim.wait(lambda lines: lines[row] == "Note: ")
    goes_on[0].set()
    nvim.wait(lambda lines: lines[row] == "Note: one")
    nvim.call("nvim_input", "0cwNotes<Esc>")
    nvim.wait(lambda lines: lines[row] == "Notes: one")
    goes_on[1].set()
    nvim.wait(lambda lines: lines[row] == "Notes: one two")
    nvim.wait(lambda lines: "cancelled" not in nvim.messages())


@pytest.mark.parametrize(
    ("begins", "ask", "keys", "ends"),
    [
        (["notes", "asked"], "2LokiAsk! hi", "ggjdd", ["notes", "one two"]),
        (["notes", "asked", "rest"], "2LokiAsk! hi", "ggjdd", ["notes", "one two", "rest"]),
        (["a", "b", "c"], "1,3LokiAsk! hi", "gg3dd", ["one two"]),
        ([""], "LokiAsk! hi", "ggdd", ["one two"]),
        (["asked"], "1LokiAsk! hi", "Gonext<Esc>", ["asked", "one two", "next"]),
        (["asked", "rest"], "1LokiAsk! hi", "ggOabove<Esc>", ["above", "asked", "one two", "rest"]),
        (["asked"], "1LokiAsk! hi", "Gonext<Esc>:2d<CR>", None),
        (["asked", "rest"], "1LokiAsk! hi", "3GI- <Esc>:2d<CR>", None),
    ],
)
def test_what_is_around_the_place_may_be_edited_and_the_place_itself_not(
    nvim, daemon, begins, ask, keys, ends
):
    goes_on = threading.Event()

    def chat(call, _params):
        goes_on.wait(20)
        for piece in ("one", " two"):
            call.text(piece)
        if ends is None:
            call.cancelled.wait(20)
        return result("one two")

    fake = daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, begins)
    nvim.run(ask)
    fake.wait_for_call()
    before = nvim.lines()
    nvim.call("nvim_input", keys)
    nvim.wait(lambda lines: lines != before and nvim.call("nvim_eval", "mode()") == "n")
    nvim.call("nvim_input", ":let g:typed = 1<CR>")
    nvim.wait(lambda typed: typed, lambda: nvim.call("nvim_eval", "exists('g:typed')"))
    goes_on.set()
    if ends:
        nvim.wait(lambda lines: lines == ends)
        assert "cancelled" not in nvim.messages()
    else:
        nvim.wait(lambda text: "the place of the answer is gone" in text, nvim.messages)
        assert not any("one" in line for line in nvim.lines())


def test_an_undo_takes_pieces_of_one_of_two_answers(nvim, daemon):
    goes_on = threading.Event()

    def chat(call, params):
        for number in range(2):
            call.text(f"{params['prompt'][0]}{number} ")
            goes_on.wait(20)
        call.text("END")
        call.cancelled.wait(1)
        return result("")

    daemon(chat=chat)
    nvim.call("nvim_buf_set_lines", 0, 0, -1, False, TEXT)
    for number, prompt in ((1, "a"), (3, "b")):
        nvim.run(f"{number}LokiAsk! {prompt}")
        nvim.wait(lambda lines, prompt=prompt: any(one == f"{prompt}0 " for one in lines))
    nvim.call("nvim_input", "u")
    nvim.wait(lambda lines: "b0 " not in lines)
    goes_on.set()
    nvim.wait(lambda text: "the place of the answer is gone" in text, nvim.messages)
    nvim.wait(lambda lines: any(one == "a0 a1 END" for one in lines))
    assert not any("b1" in one for one in nvim.lines())


def test_wiping_the_buffer_of_an_answer_cancels(nvim, daemon):
    def chat(call, _params):
        call.cancelled.wait(20)
        return result("")

    fake = daemon(chat=chat)
    nvim.run("LokiAsk! hi")
    fake.wait_for_call()
    nvim.run("bwipeout!")
    assert fake.running[0].cancelled.wait(10)


def test_models_are_completed_and_only_as_the_first_word(nvim, daemon):
    names = ["openai:gpt-5", "openai:gpt-5-mini"]
    fake = daemon(models__names=lambda *_: names)
    assert nvim.call("nvim_eval", "getcompletion('LokiAsk open', 'cmdline')") == names
    assert fake.params("models.names") == {"type": "chat", "prefix": "open"}
    assert nvim.call("nvim_eval", "getcompletion('LokiAsk hi open', 'cmdline')") == []


def test_completion_starts_no_daemon(nvim, tmp_path):
    assert nvim.call("nvim_eval", "getcompletion('LokiAsk o', 'cmdline')") == []
    assert not (tmp_path / "started").exists()


def test_the_model_of_the_settings_is_the_default(nvim, daemon):
    fake = daemon(chat=say("ok"))
    nvim.run("let g:loki_model = 'a:b'")
    nvim.run("LokiAsk hi")
    nvim.wait(lambda lines: lines == ["ok"])
    assert fake.params()["model"] == "a:b"


def test_an_error_says_what_to_do(nvim, daemon):
    def refuse(*_):
        raise Refused("login_required", "openai wants a login", hint="lokictl auth login openai")

    daemon(chat=refuse)
    nvim.run("LokiAsk hi")
    nvim.wait(lambda text: "lokid: openai wants a login (lokictl auth login openai)" in text, nvim.messages)


@pytest.mark.parametrize(
    ("reason", "said"),
    [("length", "stops at the limit of tokens"), ("content_filter", "filter cut the answer")],
)
def test_an_answer_that_is_not_all_there_could_be_says_so(nvim, daemon, reason, said):
    daemon(chat=lambda *_: result("half an", finish_reason=reason))
    nvim.run("LokiAsk hi")
    nvim.wait(lambda text: said in text, nvim.messages)
    nvim.wait(lambda lines: lines == ["half an"])


def test_a_lost_connection_is_an_error_and_keeps_what_came(nvim, daemon):
    def chat(call, _params):
        call.text("half")
        raise Gone

    daemon(chat=chat)
    nvim.run("LokiAsk hi")
    nvim.wait(lambda text: "the connection to lokid was lost" in text, nvim.messages)
    assert nvim.lines() == ["half"]


def test_a_question_is_asked_once_more_before_accepted_and_never_after(nvim, daemon):
    lost = iter([False, True])

    def chat(call, params):
        if next(lost):
            call.accepted()
        raise Gone

    fake = daemon(chat=chat)
    nvim.run("LokiAsk hi")
    nvim.wait(lambda text: "the connection to lokid was lost" in text, nvim.messages)
    assert [name for name, _ in fake.calls].count("chat") == 2


def test_without_lokid_installed_it_says_so(nvim):
    nvim.run("let g:loki_lokictl = 'lokictl-of-nobody'")
    nvim.run("LokiAsk hi")
    said = nvim.wait(lambda text: "lokid" in text, nvim.messages)
    assert "there is no program lokictl-of-nobody to start it (install lokid, or let g:loki_lokictl" in said


def test_a_lokid_that_does_not_start_says_why(nvim, tmp_path):
    (tmp_path / "bin" / "lokictl").write_text("#!/bin/sh\necho 'lokictl: no room' >&2; exit 69\n")
    nvim.run("LokiAsk hi")
    nvim.wait(lambda text: "lokid could not be started: no room (lokictl doctor)" in text, nvim.messages)


def test_without_a_daemon_one_is_started_unless_that_is_turned_off(nvim, tmp_path):
    nvim.run("let g:loki_lokictl = v:false")
    nvim.run("LokiAsk hi")
    nvim.wait(lambda text: "lokid is not running (lokictl daemon start)" in text, nvim.messages)
    assert not (tmp_path / "started").exists()
    nvim.run("unlet g:loki_lokictl")
    nvim.run("LokiAsk hi")
    nvim.wait(lambda text: text == "daemon start\n", lambda: _read(tmp_path / "started"))


def test_the_answer_comes_from_a_daemon_that_was_started_for_it(nvim, daemon, tmp_path):
    """The question waits for `lokictl daemon start`, and is then asked."""
    program = f"#!/bin/sh\nwhile [ ! -e {tmp_path}/up ]; do sleep 0.05; done\n"
    (tmp_path / "bin" / "lokictl").write_text(program)
    nvim.run("LokiAsk hi")
    daemon(chat=say("ok"))
    (tmp_path / "up").touch()
    nvim.wait(lambda lines: lines == ["ok"])


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
