"""Markdown on a terminal: laid out while it streams, nothing lost, nothing drawn over, nothing raw."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lokictl import layout
from lokictl.markdown import Rendered
from tests.fakes.rpc_daemon import say
from tests.fakes.screen import rows
from tests.fakes.terminal import environment, lokictl
from tests.fakes.tmux import Screen

DOCUMENT = """\
# A title

Some *emphasised* and **bold** text with `code` and a [link](https://example.com/x), long enough to wrap.
<b>html</b> stays, snake_case too.

- one
- two, **bold**
  - nested

1. first
2. second

   its paragraph

```python
def f(x):
    return "a string"

f(1)
```

| name | what |
|---|---|
| a | \u6f22\u5b57 |
| bb | c |

> quoted

[ref]: http://x.example
The end.
"""


def out(pieces, *, colour=False, moving=True, width=60):
    """The bytes that a terminal gets, as text. ``width``: or widths, the last one for good."""
    read, write = os.pipe()
    widths = list(width) if isinstance(width, (list, tuple)) else [width]
    with os.fdopen(read, "rb") as pipe:
        rendered = Rendered(
            write,
            colour=colour,
            moving=moving,
            width=lambda: widths.pop(0) if len(widths) > 1 else widths[0],
        )
        for piece in pieces:
            rendered.feed(piece)
        rendered.end()
        os.close(write)
        return pipe.read().decode()


def screen(text):
    """What stands there in the end: only the last line is ever drawn again."""
    lines = text.split("\n")
    return "\n".join(line.rpartition("\r\x1b[K")[2] for line in lines)


def cut(text, places):
    places = sorted({place % (len(text) + 1) for place in places})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def test_a_document_is_laid_out():
    assert (
        out([DOCUMENT])
        == """\
A title

Some emphasised and bold text with code and a link
(https://example.com/x), long enough to wrap.
<b>html</b> stays, snake_case too.

 \u2022 one
 \u2022 two, bold
    \u2022 nested

 1 first
 2 second
   its paragraph

def f(x):
    return "a string"

f(1)

 name  what
 \u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500
 a     \u6f22\u5b57
 bb    c

\u258c quoted

[ref]: http://x.example
The end.
"""
    )


@given(st.lists(st.integers(0, 1000), max_size=40), st.booleans())
@settings(max_examples=60)
def test_pieces_end_as_the_whole_does(places, colour):
    assert screen(out(cut(DOCUMENT, places), colour=colour)) == screen(out([DOCUMENT], colour=colour))


MARKS = st.sampled_from(
    ["\n", "\n\n", "# ", "- ", "1. ", "```", "```py\n", "**", "*", "_", "`", "[", "](", ")", "|", "|-|-|\n",
     "> ", "---\n", "<b>", "&amp;", "  ", "\t", "\u6f22", "~~", "\r\n", "\\"]
)  # fmt: skip


@given(st.lists(st.one_of(MARKS, st.from_regex(r"[a-z]{3,9}", fullmatch=True)), max_size=30), st.data())
@settings(max_examples=300)
def test_no_word_is_lost_whatever_the_marks(parts, data):
    words = [f"w{at}w" for at in range(len(parts))]
    text = "".join(f"{part}{word} " for part, word in zip(parts, words, strict=True))
    shown = screen(out(cut(text, data.draw(st.lists(st.integers(0, 300), max_size=8)))))
    shown = re.sub(r"\s", "", shown)  # a long word is wrapped
    # The language of a block of code is not shown, and a line of marks around a table's head is a rule.
    hidden = set(re.findall(r"w\d+w", " ".join(re.findall(r"[`~]{3,}[^\n]*", text))))
    assert [word for word in words if word not in shown and word not in hidden] == []


LONG = "value = f('" + "word " * 30 + "{x}') # and what it is"
CODE = {
    "of its own": f"```python\n{LONG}\n```\n",
    "in an item": f"1. Do this:\n\n   ```python\n   import os\n   {LONG}\n   ```\n\n   then\n",
    "in an item of an item": f"- a\n  - b\n    ```\n    {LONG}\n    ```\n",
    "in a quote": f"> this:\n> ```python\n> {LONG}\n> ```\n> then\n",
    "indented": f"This:\n\n    {LONG}\n\nthen\n",
    "in an item, indented": f"- this:\n\n      {LONG}\n\n  then\n",
}


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("where", CODE)
def test_a_line_of_code_that_is_wider_than_the_terminal_is_one_line_and_there_once(where, size, colour):
    """Its colours change while it comes, and it cannot be drawn again: the cursor would have to move up."""
    text = CODE[where]
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    whole = out([text], moving=False)
    assert sum(LONG in line for line in whole.split("\n")) == 1
    assert rows(out(pieces, colour=colour), 60) == rows(whole, 60)
    assert rows(out(pieces, colour=colour, moving=False), 60) == rows(whole, 60)


def test_half_of_a_line_end_is_no_character():
    assert out(["```\n" + "x" * 70 + "\r", "\nend\r\n```\r\n"]) == "x" * 70 + "\nend\n"


NESTED = st.sampled_from(
    ["\n\n    ", "> ```\n> ", "\n  ```py\n  ", "\n> - ", "\n```\n", "'", "(", "x = 'abc' # ", "&am", "\r"]
)


@given(
    st.lists(st.one_of(MARKS, NESTED, st.just(" "), st.just(" "), st.just(" ")), min_size=5, max_size=40),
    st.integers(1, 12),
    st.sampled_from([40, 60, 80]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_each_word_stands_on_the_screen_once_whatever_the_marks(marks, size, width, colour):
    text = "".join(f"{mark}w{at}w " for at, mark in enumerate(marks))
    raw = out([text[at : at + size] for at in range(0, len(text), size)], colour=colour, width=width)
    shown = re.sub(r"[\s\u258c\u2022]", "", "".join(rows(raw, width)))
    hidden = set(re.findall(r"w\d+w", " ".join(re.findall(r"[`~]{3,}[^\n]*", text))))
    wrong = [word for at in range(len(marks)) if shown.count(word := f"w{at}w") != 1 and word not in hidden]
    assert not [word for word in wrong if re.sub(r"\W", "", shown).count(word) != 1]


@given(st.text(), st.lists(st.integers(0, 300), max_size=5))
@settings(max_examples=200)
def test_nothing_but_our_own_sequences_reaches_the_terminal(text, places):
    raw = out(cut(text, places), colour=True)
    rest = re.sub(r"\x1b\[[\d;]*m|\r\x1b\[K", "", raw)
    assert {c for c in rest if unicodedata.category(c) in ("Cc", "Cs")} <= {"\n", "\t"}


def test_entities_are_no_way_around_that():
    raw = out(["a &#x202e; &#27;[2J &#x9b;2J &#7; b"], colour=True)
    assert raw == "a \ufffd \ufffd[2J \ufffd2J \ufffd b\n"


def test_a_link_shows_where_it_leads():
    assert out(["[bank](https://evil.example)"]) == "bank (https://evil.example)\n"


def test_words_show_before_their_line_is_complete():
    read, write = os.pipe()
    rendered = Rendered(write, colour=False, moving=True, width=lambda: 60)
    rendered.feed("half a li")
    assert os.read(read, 100) == b"half a li"
    rendered.feed("ne")
    assert os.read(read, 100) == b"ne"
    rendered.end()
    assert os.read(read, 100) == b"\n"
    os.close(read)
    os.close(write)


def test_a_mark_that_is_closed_later_is_a_style_in_the_end():
    raw = out(["some **bold", " text** here"], colour=True)
    assert screen(raw) == "some \x1b[1mbold text\x1b[0m here\n"


def test_code_is_highlighted_and_never_wrapped():
    long = "x = '" + "y" * 200 + "'"
    assert screen(out([f"```python\n{long}\n```\n"])) == long + "\n"
    assert "\x1b[" in out(["```python\nimport os\n```\n"], colour=True)
    assert screen(out(["```nosuchlanguage\nimport os\n```\n"])) == "import os\n"
    assert screen(out(["```python\nnever closed"])) == "never closed\n"


def test_long_code_takes_time_in_proportion():
    lines = [f"x{at} = {at}\n" for at in range(1000)]
    shown = screen(
        out(["```python\n", *["".join(lines[at : at + 10]) for at in range(0, 1000, 10)], "```\n"])
    )
    assert shown == "".join(lines)


def test_a_cell_that_is_too_narrow_for_its_words_loses_none():
    path = "/srv/" + "".join(map(str, range(10, 60))) + "/end"
    laid_out = out([f"| path |\n|---|\n| {path} |\n"], width=40)
    assert path in "".join(laid_out.split())


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("columns", [1, 2, 5, 8, 13, 30])
@pytest.mark.parametrize("width", [1, 8, 24, 38, 60, 80, 200])
def test_a_table_with_more_columns_than_there_is_room_for_loses_none(columns: int, width: int, wide: bool):
    """Nor where each letter takes two."""
    names = [f"{'表格' if wide else 'k'}{at}" for at in range(100, 100 + 3 * columns)]
    rows = [names[at : at + columns] for at in range(0, len(names), columns)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * columns + "|")
    assert not Counter("".join(names)) - Counter(out(["\n".join(lines), "\n"], width=width))
    head = out([lines[0], "\n", lines[1], "\n"], width=width)
    assert not Counter("".join(rows[0])) - Counter(head)


TABLE = ("| a | b |", "|---|---|", "| k100 k101 | k102 k103 k104 |", "| k106 k107 | k108 k109 |")


@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize("size", [1, 2, 5, 12])
@pytest.mark.parametrize(
    "begin",
    [
        ("> ",),
        ("> > ",),
        ("- ", "  "),
        ("> 1. ", ">    "),
        ("Before it k099:\n",),
        ("> Note k099\n> ",),
        ("> Note\n>\n> ",),
    ],
)
def test_a_table_in_a_quote_or_an_item_or_behind_text_loses_no_word(begin, size, moving):
    """Its columns are as wide as its last row makes them, also where the table is not the whole block."""
    first, rest = begin[0], begin[-1].rpartition("\n")[2]
    text = first + f"\n{rest}".join(TABLE) + "\n\nAnd k110 at the end.\n"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    shown = out(pieces, moving=moving)
    for word in re.findall(r"k\d+", text):
        assert word in shown, word
    assert screen(shown).count("k109") == 1 and "|" not in screen(shown)


@pytest.mark.parametrize("depth", [5, 12, 25, 65])
@pytest.mark.parametrize("width", [30, 80])
@pytest.mark.parametrize("moving", [True, False])
def test_nothing_is_lost_however_deep_it_is(depth, width, moving):
    """A tree of directories as a list, a discussion as quotes."""
    tree = "".join(f"{'  ' * level}- dir{level}\n" for level in range(depth))
    quotes = "".join(f"{'> ' * (level + 1)}said{level}\n" for level in range(depth))
    for text, words in ((tree, "dir"), (quotes, "said")):
        size = 7 if depth < 20 else 150
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        shown = re.sub(
            r"[\s\u258c\u2022>-]", "", "".join(rows(out(pieces, width=width, moving=moving), width))
        )
        assert shown == "".join(f"{words}{level}" for level in range(depth))


@pytest.mark.parametrize("begin", ["", "> ", "- "])
def test_cells_beyond_the_head_of_a_table_and_addresses_of_images_are_there(begin):
    lines = ["| a | b |", "|---|---|", "| c | d | e **f** | g\\|h |", "| i |", ""]
    text = begin + f"\n{begin.replace('-', ' ')}".join(lines)
    shown = out([text], moving=False)
    assert "c  d | e f | g|h" in shown and shown.count("i") == 1
    told = out(["![a cat](https://x/y.png) ![](https://x/z) [![b](https://x/i)](https://x/l)"], width=100)
    assert told == "a cat (https://x/y.png) https://x/z b (https://x/i) (https://x/l)\n"


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_of_prose_or_table_is_wider_than_the_terminal(width):
    table = "| name | what it is |\n|---|---|\n| a | " + "word " * 30 + "|\n"
    for line in screen(out([DOCUMENT.replace("x.example", "x"), "\n", table], width=width)).split("\n"):
        assert len(line) + sum(unicodedata.east_asian_width(c) in "WF" for c in line) < width


# --- the options


def test_a_pipe_gets_the_answer_as_it_is(daemon):
    daemon(chat=say(*DOCUMENT))
    assert lokictl("ask", "hi").stdout.decode() == DOCUMENT


def test_render_lays_out_in_a_pipe_too_and_raw_not_on_a_terminal(daemon, terminal):
    daemon(chat=say("**bold**", " text"))
    assert lokictl("ask", "--render", "hi").stdout == b"bold text\n"
    assert lokictl("ask", "--render", "hi", env={"FORCE_COLOR": "1"}).stdout == b"\x1b[1mbold\x1b[0m text\n"
    for arguments, wanted in (([], "\x1b[1mbold\x1b[0m text"), (["--raw"], "**bold** text")):
        tty = terminal("ask", *arguments, "hi")
        assert tty.wait() == 0
        assert tty.output.decode().rpartition("\r\x1b[K")[2] == wanted + "\r\n"


def test_a_dumb_terminal_and_no_colour_get_no_sequences(daemon, terminal):
    daemon(chat=say("**bold**", " text"))
    tty = terminal("ask", "hi", env={"TERM": "dumb"})
    assert tty.wait() == 0
    assert tty.printed == b"**bold** text\r\n"
    tty = terminal("ask", "hi", env={"NO_COLOR": "1"})
    assert tty.wait() == 0
    assert tty.output.replace(b"\r\x1b[K", b"") == b"bold text\r\n"


def test_code_and_structured_answers_are_not_laid_out(daemon, terminal):
    said = "```\n*a*\n```\n"
    daemon(chat=lambda call, params: say(said)(call, params))
    tty = terminal("ask", "-c", "hi")
    assert (tty.wait(), tty.output) == (0, b"*a*\r\n")
    said = '{"a": "*a*"}'
    tty = terminal("ask", "--schema", "a str", "hi")
    assert (tty.wait(), tty.output) == (0, b'{"a": "*a*"}\r\n')


def test_both_options_at_once_make_no_sense(daemon):
    daemon(chat=say("x"))
    assert lokictl("ask", "--raw", "--render", "hi").returncode == 2


def test_without_rich_the_text_comes_as_it_is_and_render_says_what_to_install(daemon, terminal, tmp_path):
    (tmp_path / "rich.py").write_text("raise ImportError\n")
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    daemon(chat=say("**bold**"))
    tty = terminal("ask", "hi", env={"PYTHONPATH": path})
    assert tty.wait() == 0
    assert tty.output.endswith(b"**bold**\r\n")  # on a busy machine behind the sign that it waits
    done = lokictl("ask", "--render", "hi", env={"PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"pip install rich" in done.stderr


def test_the_width_of_a_pipe_is_columns_or_80(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda _: (_ for _ in ()).throw(OSError))
    for columns, wanted in (("40", 40), ("", 80), ("x", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        assert layout._columns() == wanted


@given(
    st.lists(st.integers(12, 130), min_size=1, max_size=40),
    st.sampled_from(["", "- ", "1. ", "> "]),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_no_word_is_lost_or_said_twice_however_the_terminal_is_resized(widths, begin, moving):
    words = [f"word{at}" for at in range(60)]
    shown = screen(out([begin, *(f"{word} " for word in words)], width=widths, moving=moving))
    assert re.findall(r"word\d+", shown) == words


@pytest.mark.external
def test_resizing_in_mid_answer_overwrites_and_loses_nothing(daemon, tmp_path):
    if not shutil.which("tmux"):
        pytest.skip("no tmux here")
    words = [f"word{at}" for at in range(120)]

    def chat(call, params):
        call.accepted()
        for at, word in enumerate(words):
            call.text(f"{word} ")
            if at in (30, 60, 90):
                shown.wait_for(word)
                shown.resize({30: 40, 60: 100, 90: 60}[at])
        return say()(call, params)

    daemon(chat=chat)
    command = [sys.executable, "-m", "lokictl", "ask", "hi"]
    shown = Screen(tmp_path, command, environment(LANG="C", NO_COLOR="1"))
    try:
        shown.wait_for("word119")
        # A row that is wider than the terminal has become is broken by the terminal, within a word too.
        assert "".join(words) in "".join("".join(shown.lines(history=True)).split())
    finally:
        shown.close()


@pytest.mark.parametrize("line", [" " * 200_000 + "x", "```" + " " * 200_000 + "x`"])
def test_a_line_of_many_spaces_is_laid_out(line):
    """To look at it again from each of its characters takes minutes."""
    assert screen(out(["words\n", line, "\n\nend"])).endswith("end\n")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 8 + " &amp; one two",
        "say `one\ntwo\nthree\n```\ncode\n```\nend",
        "say ` &amp; one\ntwo three\nfour five b``` end",
        "one\n1. \r\n",
    ],
)
def test_the_beginning_of_an_entity_a_fence_or_a_line_end_is_neither_letters_nor_a_mark(text):
    assert screen(out(text, width=12)).split() == screen(out([text], width=12)).split()


@pytest.mark.parametrize(
    ("took", "terminal", "pauses"),
    [(0.005, True, []), (0.02, True, [0.06]), (5, True, [0.2]), (5, False, [])],
)
def test_pieces_of_a_long_block_are_laid_out_together(monkeypatch, took, terminal, pauses):
    now, slept = 0.0, []

    class Slow:
        def feed(self, text):
            nonlocal now
            now += took

    monkeypatch.setattr(layout.time, "perf_counter", lambda: now)
    monkeypatch.setattr(layout.time, "sleep", slept.append)
    shown = layout.Markdown(1, terminal=terminal, required=False)
    shown._prepared, shown._rendered = True, Slow()
    shown.feed("a")
    assert slept == pytest.approx(pauses)
