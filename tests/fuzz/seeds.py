"""``python -m tests.fuzz.seeds``: adds to every corpus what the tests' own tables hold."""

from __future__ import annotations

import json
from pathlib import Path

from lokictl import packing
from tests.fakes.frames import event, exception, frame, text
from tests.fakes.http1 import CHUNKED, OK
from tests.fuzz.answer_targets import READINGS
from tests.fuzz.table import TARGETS, corpus, keep

ROOT = Path(__file__).parents[2]

CONFIGS = (
    "model: a:b\nclients:\n  - type: openai\n    api_key: @@\n    models: [m, {name: n, type: embedding}]\n",
    "clients:\n- {type: openai-compatible, name: c, api_base: 'http://[::1]:1/v1', api_key: '{{NAME}}'}\n",
    "clients:\n- type: cohere\n  patch:\n    chat_completions:\n      x: {headers: {x: @@}, body: {a: ~}}\n",
    "clients:\n- type: claude\n  patch:\n    embeddings:\n      'x.*':\n        url: https://e.example/@@\n",
    "clients:\n- type: bedrock\n  region: r\n  secret_access_key: @@\n  session_token: @@\n  api_key: @@\n",
    "clients:\n- {type: openai, api_key: {command: [a, '@@']}, extra: {proxy: 'http://u:@@@h:1'}}\n",
    "clients:\n- {type: openai, api_key: {file: @@}, extra: {ca_file: x, max_connections: 0x1F}}\n",
    "clients:\n- {type: gemini, auth: oauth, oauth: {client_id: i, client_secret: @@, scopes: [a]}}\n",
    "clients:\n- {type: azure-openai, api_base: 'https://u:@@@h', api_version: '2024-10-21'}\n",
    "clients:\n- {type: vertexai, project_id: p, location: l, adc_file: @@}\n- {type: cohere, name: '@@'}\n",
    "vault: {file: a, identity: b, recipients: ['age1@@']}\nclients: []\nlimits: {max_frame_mib: 1}\n",
    'clients: []\nbudget: {usd_per_day: 1e3}\n\0{"x.*": {"headers": {"k": "@@"}, "body": {}}}',
    'clients:\n- {type: openai, name: c}\n\0{"@@": {"url": 1}}',
    "clients:\n- &a {type: openai, api_key:@@}\n- *a\n",
    "clients:\n\t- @@\n",
    "a: @@\na: @@\n? [x]\n: y\n",
    "clients: [{type: @@, launch: {command: [@@], ready_timeout: @@}}]\n",
    "%YAML 1.1\n---\n!!python/object:x {}\n...\n",
    "clients: 'unclosed @@\n",
    "",
)

YAMLS = (
    "a: {b: [1, 2.5, ~, true, yes, 0x1F, 1_000, 12:30, 2026-01-01, .inf, 1e999]}\nc: |\n  x\n  y\n",
    "a: &a [&b {x: y}, *b]\nb: *a\n<<: *a\n",
    "a: \"\\u00e9\\x41\\n\"\n'b': {{NAME}}\n{{NAME}}: >-\n  folded\n  text\n",
    "? {a: b}\n: [c]\n? - d\n: !!str 1\n--- \nx: y\n",
    "[" * 33 + "]" * 33,
    "a: &a {b: *a}\n",
    "clients:\n- models:\n  - a\n  - {name: b, input_price: 1.5, patch: {body: {x: [~, 1e3]}}}\n  - 0x1\n",
    "clients: [{models: [a, {b: [c], b: d}, &x e, *x]}, {models: {{NAME}}}]\n",
    "\ufeffa: \u2028 b\n\x85c: d\n",
)

DOTENVS = ("A=1\nexport B='x' # y\nC=\"a\\n@@\"\n", "@@\n", "A='@@\n", "=@@", "A B=@@", "\ufeffA=#\n\n# c\n")

VAULTS = ('{"NAME": "@@"}', '{"a b": "@@"}', '{"A": 1}', '{"A": "x", "A": "@@"}', "[", "{}", '{"A": ""}')

PATCHES = (
    ('{"a": "b"}', '{"a": null}'),
    ('{"a": {"b": "c"}}', '{"a": {"b": "d", "c": null}}'),
    ('["a"]', '{"a": {"b": {"c": null}}}'),
    ('{"e": null}', '{"a": 1}'),
    ('{"a": [1]}', "[1]"),
)

WAITS = (
    "120\n3000\nWed, 21 Oct 2026 07:28:00 GMT\n1800000060",
    "Fri, 31 Dec 1999 23:59:59 GMT\n\nFri, 31 Dec 1999 23:59:09 GMT\n1800000060000",
    "1.5\n0.5",
    "-1\nnan\n\n1e9",
)

REFUSALS = (
    "retry-after:3\nx-request-id:@@\0"
    + json.dumps({"error": {"message": "key @@ bad", "type": "a", "code": 1}}),
    "\0"
    + json.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "3s"}]}}),
    "content-type:text/html\0<html><title>@@</title>",
    "x-amzn-errortype:ThrottlingException:http://x\0" + json.dumps({"message": "@@", "__type": "a#b"}),
    "\0" + json.dumps({"message": "invalid api token @@"}),
    "\0" + json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "@@"}}),
)

OAUTHS = (
    json.dumps({"access_token": "@@", "refresh_token": "@@", "expires_in": "3600", "scope": "a"}),
    json.dumps({"error": "invalid_grant", "error_description": "@@"}),
    json.dumps({"key": "@@"}),
    json.dumps(
        {"device_code": "@@", "user_code": "A-B", "verification_uri": "https://e.example/@@", "interval": 5}
    ),
    "code=@@&state=the-state&iss=https%3A%2F%2Fas.example",
    "error=access_denied&state=the-state",
    "https://x.example/cb?code=@@&state=the-state#f",
    "@@#the-state",
)

REQUESTS = (
    [0, 7, "chat", [{"model": "c:m", "prompt": "hi", "stream": True, "x": [1, -1, 1.5, None, b"\0\xff"]}]],
    [1, 2**32 - 1, {"code": "x"}, None],
    [2, "cancel", [7]],
    [0, 1, "é", []],
    [0, 1, "embed", [{"texts": ["a"] * 20, "n": [2**63, -(2**31), 1e300]}]],
)

RESPONSES = (
    OK + b"content-length: 5\r\nx-a: b\r\nx-a: @@\r\n\r\nhello",
    OK + b"connection: close\r\n\r\nuntil the end",
    CHUNKED + b"5;a=b\r\nhello\r\n1 \r\n!\r\n0\r\nx-sum: 1\r\n\r\n",
    b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.0 200\r\ncontent-length: 1\r\n\r\nx",
    b"HTTP/1.1 304 No\r\ncontent-length: 7\r\n\r\n",
    # Of https://portswigger.net/web-security/request-smuggling and its kin, as responses.
    OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    OK + b"content-length: 5, 5\r\n\r\nhello",
    OK + b"content-length : 5\r\n\r\nhello",
    OK + b"content-length: +5\r\n\r\nhello",
    OK + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    OK + b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    OK + b"x: y\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    OK + b"x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5\r\nhelloX\r\n0\r\n\r\n",
    CHUNKED + b"0\r\nx : y\r\n\r\n",
    b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
)

REQUESTS_SENT = (
    b"POST\0/v1/chat?x=y\0api.example\0authorization\0Bearer @@\0x-a\0 b\tc ",
    b"GET\0/\0h:1\0host\0other\0content-length\x000",
    b"GET\0/ HTTP/1.1\r\nx: y\0h",
    b"POST\0/\0h\0x\0y\r\ntransfer-encoding: chunked",
    b"POST\0/\0h\0transfer-encoding\0chunked",
    b"G\xc3\x89T\0/\0h\0x\0\xc3\xa9\xe2\x82\xac\xff",
    b"GET\0/\0h\r\nx: y\0a:b\0c",
)

STREAMS = (
    b"event: x\ndata: a\n\ndata: b\r\n\r\n: c\rdata\rid: 1\r\r",
    b"\xef\xbb\xbfdata:\xe2\x80\xa8 {}\n\ndata: [DONE]",
    b"data: " + b"x" * 50 + b"\n\n",
)

FRAMES = (
    event("a", {"b": 1}) + exception("ThrottlingException", "m"),
    frame([("u", 9, bytes(16)), ("t", 8, bytes(8)), ("y", 0, b""), text("é", "x")], b"{}"),
)


def seeds() -> dict[str, list[bytes]]:
    packed = [packing.encode(request) for request in REQUESTS]
    example = (ROOT / "config.example.yaml").read_bytes()
    return {
        "rpc": [limit + each for limit in (b"\0", b"\xff") for each in (*packed, b"".join(packed))],
        "answers_read_by_lokictl": packed,
        "sse": [limit + each for limit in (b"\0", b"\xff") for each in STREAMS],
        "event_stream": [check + each for check in (b"\0", b"\1") for each in FRAMES],
        "config": [each.encode() for each in CONFIGS]
        + [b"clients:\n" + part for part in example.split(b"\n\n") if part.lstrip().startswith(b"- type")],
        "yaml": [each.encode() for each in (*CONFIGS, *YAMLS)],
        "dotenv": [each.encode() for each in DOTENVS],
        "vault": [each.encode() for each in VAULTS],
        "merge_patch": ["\0".join(pair).encode() for pair in PATCHES],
        "waits": [each.encode() for each in WAITS],
        "http1_response": [method + each for method in (b"\0", b"\1") for each in RESPONSES],
        "http1_request": list(REQUESTS_SENT),
        "answers": [bytes([number]) + each.sample for number, each in enumerate(READINGS)],
        "refusals": [bytes([first]) + each.encode() for each in REFUSALS for first in (0, 33, 61)],
        "oauth": [bytes([kind]) + each.encode() for each in OAUTHS for kind in range(5)],
    }


if __name__ == "__main__":
    made = seeds()
    assert made.keys() == TARGETS.keys()
    for name, inputs in made.items():
        keep(name, [*corpus(name), *inputs])
