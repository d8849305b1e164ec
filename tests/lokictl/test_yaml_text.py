"""What lokictl writes as YAML, a YAML package reads as what it was."""

from __future__ import annotations

import pytest
import yaml

from lokictl import yaml_text

ENTRY = {
    "name": "local",
    "api_base": "http://127.0.0.1:{port}/v1",
    "models": [{"name": "m", "type": "chat", "input_price": 0.0, "no_stream": False}, {"name": "n"}],
    "launch": {
        "command": ["/a b/python", "-P", "--port", "{port}", "8192", "--", "0.2"],
        "idle_timeout": 600.0,
    },
    "empty": [],
    "nothing": {},
    "none": None,
}
TEXTS = [
    "", " ", "yes", "No", "null", "~", "-", "--", "-x", "- x", "a: b", "a #b", "#a", "{a}", "[a]", "&a", "*a",
    "!a", "%a", "@a", "`a`", "'a'", '"a"', "1", "1e3", "0x1f", "1_000", "2026-11-28", "12:30", ".5", ".inf",
    "é", "a\nb", "\u2028", "\ud7ff", "C:\\x", "a:b", "http://x", "?", "? a", "|", ">", "<<", "true", "on",
    "=", "Y",
]  # fmt: skip


def test_an_entry_comes_back_as_it_was():
    written = "\n".join(yaml_text.lines([ENTRY], 2))
    assert yaml.safe_load(written) == [ENTRY]
    assert max(map(len, written.splitlines())) < 60


def test_it_looks_as_if_a_person_had_written_it():
    assert list(yaml_text.lines([{"name": "a", "launch": {"command": ["/bin/x", "-P"], "wait": 60.0}}])) == [
        "- name: a",
        "  launch:",
        "    command:",
        "      - /bin/x",
        "      - -P",
        "    wait: 60",
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_stays_that_text(text):
    assert yaml.safe_load(f"- {yaml_text.scalar(text)}\n") == [text]
    assert yaml.safe_load(f"key: {yaml_text.scalar(text)}\n") == {"key": text}
