"""The picture of the README: it shows what is typed today, and needs nothing but itself."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tools import recording
from tools.recording import Frame

SVG = "{http://www.w3.org/2000/svg}"


def test_it_shows_the_commands_that_are_recorded() -> None:
    text = recording.PICTURE.read_text()
    words = " ".join("".join(line.itertext()) for line in ElementTree.fromstring(text).iter(f"{SVG}text"))
    for command in recording.COMMANDS:
        assert f"$ {command}" in words, "run `make recording`"
    assert not re.search(r"""(href|src)="(?!#)|url\(|@import""", text)


def test_a_frame_stands_as_long_as_it_did_and_keeps_columns_and_colours() -> None:
    frames = [
        Frame(("\x1b[32m$\x1b[0m a <b", "", "漢 \x1b[1mx\x1b[0m"), 1.0),
        Frame(("\x1b[32m$\x1b[0m a <b", "end"), 3.0),
    ]
    root = ElementTree.fromstring(recording.picture(frames))
    style = root.findtext(f"{SVG}style") or ""
    assert re.findall(r"^([\d.]+)% ", style, re.MULTILINE) == ["0.000", "25.000"]
    assert "film 4.0s step-end" in style
    lines = {line.get("id"): line for line in root.iter(f"{SVG}text")}
    assert ["".join(line.itertext()) for line in lines.values()] == ["$ a <b", "漢 x", "end"]
    assert len(list(root.iter(f"{SVG}use"))) == 4, "a line that stays is written once"
    [dollar, _] = lines["l0"]
    assert dollar.get("fill") == recording.PALETTE[2]
    [_, bold] = lines["l1"]
    assert (bold.get("x"), bold.get("font-weight")) == (f"{3 * recording.CELL:.1f}", "bold")
