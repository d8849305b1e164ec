from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lokid.config import nodes
from lokid.config.nodes import Mapping, Scalar, Sequence, read


def tree(text: str) -> nodes.Node:
    root, problems = read(text, "f")
    assert root is not None, problems
    assert not problems
    return root


def problems(text: str) -> list[str]:
    _, found = read(text, "f")
    assert found
    return [str(problem) for problem in found]


def plain(node: nodes.Node) -> Any:
    match node:
        case Mapping(entries=entries):
            return {key: plain(entry.node) for key, entry in entries.items()}
        case Sequence(items=items):
            return [plain(item) for item in items]
    return node.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", "x"),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("4.1", 4.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("2.", 2.0),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
        ("gpt-4.1", "gpt-4.1"),
        ("4o-mini", "4o-mini"),
        ("2024-preview", "2024-preview"),
        ("12:99", "12:99"),
        ("y", "y"),
    ],
)
def test_plain_scalars_are_what_they_look_like(text: str, value: object) -> None:
    node = nodes.plain_scalar(1, 1, text)
    assert (node.value, type(node.value), node.doubt) == (value, type(value), None)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("yes", "true or false"),
        ("No", "true or false"),
        ("ON", "true or false"),
        ("off", "true or false"),
        ("12:30", "a number in base 60"),
        ("1:30:00.5", "a number in base 60"),
        ("2024-10-21", "a date"),
        ("2024-10-21T10:00:00Z", "a date"),
        ("010", "an octal number"),
        ("0o17", "an octal number"),
        ("0x1F", "a hexadecimal number"),
        ("0b101", "a binary number"),
        ("1_000", "a number"),
        ("089", "a number"),
        ("1" * 50, "a number"),
        ("1e999", "a number"),
        (".inf", "a number that is not finite"),
        ("-.INF", "a number that is not finite"),
        (".nan", "a number that is not finite"),
    ],
)
def test_a_scalar_that_yaml_readers_take_differently_is_doubtful(text: str, doubt: str) -> None:
    node = nodes.plain_scalar(1, 1, text)
    assert node.doubt == doubt
    assert nodes.kind(node) == doubt
    assert node.text == text


@pytest.mark.parametrize("text", ["'010'", '"yes"', "!!str 12:30", "! 4.1", "|-\n  no"])
def test_quoted_and_tagged_text_is_text(text: str) -> None:
    node = tree(f"a: {text}")
    assert isinstance(node, Mapping)
    assert isinstance(node.entries["a"].node, Scalar)
    assert isinstance(node.entries["a"].node.value, str)
    assert node.entries["a"].node.doubt is None


def test_every_node_knows_its_place_in_characters() -> None:
    root = tree("# ü\nä: [ö, {x: 'ß'}]\nb:\n  - c: 1\n")
    assert isinstance(root, Mapping)
    entry = root.entries["ä"]
    assert (entry.line, entry.column) == (2, 1)
    assert isinstance(entry.node, Sequence)
    first, second = entry.node.items
    assert (first.line, first.column) == (2, 5)
    assert isinstance(second, Mapping)
    assert (second.entries["x"].column, second.entries["x"].node.column) == (9, 12)
    inner = root.entries["b"].node
    assert isinstance(inner, Sequence)
    assert (inner.items[0].line, inner.items[0].column) == (4, 5)


def test_places_are_the_same_with_a_byte_order_mark_and_windows_line_ends() -> None:
    root = tree("\ufeffa: 1\r\nb: 2\r\n")
    assert isinstance(root, Mapping)
    assert [(entry.line, entry.column) for entry in root.entries.values()] == [(1, 1), (2, 1)]


def test_places_are_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "config.example.yaml").read_text()
    with_libyaml = tree(text)
    monkeypatch.setattr(nodes, "_LOADER", yaml.SafeLoader)
    assert tree(text) == with_libyaml


def test_kinds_are_words_for_people() -> None:
    root = tree("[{a: b}, [], x, 1, ~, true]")
    assert isinstance(root, Sequence)
    assert [nodes.kind(item) for item in root.items] == [
        "a mapping",
        "a list",
        "text",
        "a number",
        "empty",
        "true or false",
    ]


def test_a_second_equal_key_names_both_places() -> None:
    assert problems("a:\n  x: 1\n  'x': 2\n") == [
        "f:3:3: a.x: is already there in line 2, column 3; keep one of the two"
    ]
    assert problems("- {x: 1, x: 2}") == [
        "f:1:10: [0].x: is already there in line 1, column 4; keep one of the two"
    ]


def test_a_key_is_its_text_whatever_yaml_reads_it_as() -> None:
    assert plain(tree("{4.1: a, no: b, 2024-10-21: c, ~: d}")) == {
        "4.1": "a",
        "no": "b",
        "2024-10-21": "c",
        "~": "d",
    }


REFUSED = """
a: 1\\n---\\nb: 2 | 2:1: | a second document (---) in one file; lokid reads one
a: !!python/object:os.system x | 1:4: a: | tags (!...) are not used here; leave it out
a: !mine {} | 1:4: a: | tags (!...) are not used here; leave it out
a: !!int 1 | 1:4: a: | tags (!...) are not used here; leave it out
a: *b | 1:4: a: | an alias (*name) to an anchor (&name) that does not come before it
a: &b [*b] | 1:8: a[0]: | an alias to something that it is part of
x: {<<: {a: 1}} | 1:5: x.<<: | merging (<<) is not supported
? [a]\\n: b | 1:3: | a key must be text, not a list or a mapping
? {a: b}\\n: c | 1:3: | a key must be text, not a list or a mapping
a: {{N}: 1} | 1:4: a: | a key must be text, not a list or a mapping
a: {{N}, b: 1} | 1:4: a: | a key must be text, not a list or a mapping
a: b: c | 1:5: | not valid YAML: a second ': ' on one line, or wrong indentation
a: b\\nc\\nd: e | 2:1: | not valid YAML: a key without ': ' after it
a:\\n\\t- b | 2:1: | not valid YAML: a tab, or another character that cannot begin a value
a: %b | 1:4: | not valid YAML: a tab, or another character that cannot begin a value
a: 'b | 1:4: | not valid YAML: a quoted text that is not closed
a: [b | 1:4: | not valid YAML: a list in [...] that is not closed, or lacks a comma
a: {b: c | 1:4: | not valid YAML: a mapping in {...} that is not closed, or lacks a comma
a: "\\\\q" | 1:5: | not valid YAML: an unknown \\ escape in double quotes
a:\\n  - b\\n  c: d | 3:3: | not valid YAML: text where a list entry is due
a: - b | 1:4: | not valid YAML: a list entry on the line of its key
a: 'x' y | 1:8: | not valid YAML: wrong indentation, or text after a closing quote
 a: 1\\nb: 2 | 2:1: | not valid YAML: wrong indentation, or text after the end
a: * b | 1:5: | not valid YAML: an & or * that begins no anchor or alias
%YAML 9.9\\n---\\na: 1 | 1:1: | not valid YAML here
a: 1\\nb: \\0 | 2:4: | a control character or half a surrogate pair
a: \\ud800 | 1:4: | a control character or half a surrogate pair
"""


@pytest.mark.parametrize("row", REFUSED.strip("\n").splitlines())
def test_a_text_that_cannot_be_read_says_where_and_why(row: str) -> None:
    text, place, words = (part.rstrip() for part in row.split(" | "))
    escapes = {"\\n": "\n", "\\t": "\t", "\\0": "\0", "\\ud800": "\ud800", "\\\\": "\\"}
    for escape, character in escapes.items():
        text = text.replace(escape, character)
    assert problems(text)[0].startswith(f"f:{place} {words}")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~", "\ufeff\r\n"])
def test_an_empty_file_is_a_problem_and_not_an_empty_configuration(text: str) -> None:
    assert problems(text) == ["f:1:1: the file is empty; to configure no clients write `clients: []`"]


def test_syntax_errors_never_quote_the_text() -> None:
    for text in (
        "api_key: sk-canary: x",
        "api_key: 'sk-canary",
        "api_key: [sk-canary",
        "*sk-canary: 1",
        "&sk-canary",
    ):
        assert "canary" not in "".join(problems(text))


def test_an_unquoted_secret_name_in_braces_is_text() -> None:
    assert plain(tree("a: {{NAME}}\nb: x-{{N}}")) == {"a": "{{NAME}}", "b": "x-{{N}}"}


def test_an_alias_is_the_value_again() -> None:
    assert plain(tree("a: &x [1, 2]\nb: *x\nc: &y t\nd: *y")) == {
        "a": [1, 2],
        "b": [1, 2],
        "c": "t",
        "d": "t",
    }


def test_aliases_cannot_make_a_small_file_large() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "aliases that repeat more than 10,000 values" in problems("\n".join(lines))[-1]


def test_depth_is_bounded_also_through_aliases() -> None:
    deep = nodes.MAX_DEPTH
    tree("[" * deep + "]" * deep)
    assert "nested deeper than 32 levels" in problems("[" * (deep + 1))[0]
    assert "nested deeper than 32 levels" in problems("[" * 200_000)[0]
    half = f"[{'[' * 20}{']' * 20}]".replace("[", "&a [", 1)
    assert "nested deeper than 32 levels" in problems(f"- {half}\n- {'[' * 20}*a{']' * 20}")[0]


def test_length_is_bounded() -> None:
    assert problems("#" * (nodes.MAX_CHARACTERS + 1)) == ["f: the file is longer than 16 MiB"]


# Line and paragraph separators fold like line ends in YAML, and the noncharacters are refused.
text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cn"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@given(json_values.filter(lambda value: value is not None))
def test_json_is_read_as_what_it_is(value: object) -> None:
    written = json.dumps(value, ensure_ascii=False)
    if "'<<'" in written or '"<<"' in written:
        return
    root = tree(written)
    assert plain(root) == value


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t\u2028é{{N}}01.")))
def test_any_text_is_read_or_refused(text: str) -> None:
    root, found = read(text, "f")
    assert root is not None or found
    for problem in found:
        assert problem.line >= 1
        assert problem.column >= 1


@pytest.mark.parametrize("written", ['a: "x\\0y"', '- ["\\x00"]', '"\\0": 1', '"\\u0000"'])
def test_a_nul_character_is_refused_and_goes_no_further(written: str) -> None:
    root, found = read(written, "f")
    assert "NUL character" in found[0].message
    assert "\0" not in repr(root)
