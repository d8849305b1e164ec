"""``--schema`` is a promise to the script behind the pipe: what breaks it is printed, and is no success."""

from __future__ import annotations

import json

import pytest

from lokictl.failure import Failure
from lokictl.fits import check
from tests.fakes.rpc_daemon import result, say
from tests.fakes.terminal import lokictl

PERSON = "name, age int"


def test_an_answer_that_fits_is_a_success(daemon):
    daemon(chat=say('{"name": "Ann",', ' "age": 3}'))
    done = lokictl("ask", "--schema", PERSON, "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"name": "Ann", "age": 3}\n', b"")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Sure! Here it is.", b"is not the JSON that --schema wants"),
        ("", b"is not the JSON that --schema wants"),
        ('{"name": "Ann", "age": 3', b"is not the JSON that --schema wants"),
        ('{"name": "Ann", "age": NaN}', b"is not the JSON that --schema wants"),
        ('```json\n{"name": "Ann", "age": 3}\n```', b"hint: -c prints only the block of code"),
        ('{"name": "Ann"}', b"does not fit --schema: age is missing"),
        ('{"name": "Ann", "age": "secret"}', b"does not fit --schema: age is not of the type integer"),
        ('["secret"]', b"does not fit --schema: it is not of the type object"),
        ('{"name": "Ann", "age": 3, "secret": 1}', b"has a field that the schema does not know"),
        ("[" * 9000 + "]" * 9000, b"nested too deep"),
    ],
)
def test_an_answer_that_does_not_fit_is_printed_and_is_no_success(daemon, text, why):
    daemon(chat=say(text))
    done = lokictl("ask", "--schema", PERSON, "x")
    assert (done.returncode, done.stdout) == (1, text.encode() + b"\n")
    assert why in done.stderr and b"secret" not in done.stderr


def test_a_block_of_code_is_judged_where_it_alone_is_printed(daemon):
    daemon(chat=say('Here:\n```json\n{"name": "Ann", "age": 3}\n```\n'))
    assert lokictl("ask", "-c", "--schema", PERSON, "x").returncode == 0


@pytest.mark.parametrize("option", ["--json", "--jsonl"])
def test_the_promise_holds_whatever_is_printed_around_the_answer(daemon, option):
    daemon(chat=lambda *_: result("{}", finish_reason="length"))
    done = lokictl("ask", option, "--schema", PERSON, "x")
    assert done.returncode == 1 and b'"text": "{}"' in done.stdout


def test_a_request_that_is_only_shown_is_not_judged(daemon):
    daemon(chat=lambda *_: {"url": "http://x", "headers": {}})
    assert lokictl("ask", "--dry-run", "--schema", PERSON, "x").returncode == 0


SCHEMAS = [
    ({"type": "array", "items": {"type": "object", "required": ["a"]}}, [{"a": 1}], [{"a": 1}, {}]),
    ({"properties": {"a": {"properties": {"b": {"type": "string"}}}}}, {"a": {"b": ""}}, {"a": {"b": 1}}),
    ({"type": ["string", "null"]}, None, 1),
    ({"type": "integer"}, 2.0, True),
    ({"type": "number"}, 2, "2"),
    ({"enum": ["a", 1]}, 1, True),
    ({"const": 0}, 0, False),
    ({"name": "n", "schema": {"type": "string"}}, "a", 1),
]


@pytest.mark.parametrize(("schema", "good", "bad"), SCHEMAS)
def test_shapes_are_looked_at_in_every_depth(schema, good, bad):
    check(json.dumps(good), schema, result())
    with pytest.raises(Failure) as caught:
        check(json.dumps(bad), schema, result())
    assert caught.value.exit_status == 1


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "nullable": True}, None),
        ({"type": "date"}, 1),
        ({"type": 3, "required": 3, "properties": 3, "items": 3, "enum": 3}, {"a": [1]}),
        ({"anyOf": [{"type": "string"}]}, 1),
        ({"items": [{"type": "string"}]}, [1]),
        ({"properties": {"a": True}, "required": True}, {"a": 1}),
        ({"additionalProperties": False, "patternProperties": {".": {}}}, {"a": 1}),
    ],
)
def test_what_is_not_surely_wrong_passes(schema, value):
    check(json.dumps(value), schema, result())


def test_what_is_no_schema_is_not_judged():
    check('{"a": 1}', {"type": "object", "required": [["a"], 5, None]}, {"finish_reason": "stop"})
