from __future__ import annotations

import base64
import json

from lokid.config import Config, parse, show
from lokid.config.redact import hidden

TEXT = """\
model: openai:m
clients:
  - type: openai
    api_key: canary-1
    api_base: https://visible.example/{{PATH}}
    organization_id: '{{ORG}}'
    extra: {proxy: 'http://canary-2:canary-3@proxy.example:8080', ca_file: /visible/ca}
    models:
      - '{{MODEL}}'
      - name: m
        patch:
          url: https://visible.example/v1?key=canary-4&sig=canary-5#canary-6
          headers: {authorization: canary-7, x-gone: null}
          body: {user: visible, api_key: canary-8, nested: [{token: canary-9, max_tokens: 3}], hook: 'https://a:canary-10@h/'}
    patch:
      rerank:
        '.*': {body: {deep: ['{{DEEP}}', visible]}, headers: {x: 'a{{DEEP}}'}}
  - type: gemini
    auth: oauth
    oauth: {client_id: visible, client_secret: canary-11, token_url: 'https://visible.example/?x=canary-12'}
  - type: bedrock
    access_key_id: canary-13
    secret_access_key: canary-14
    session_token: canary-15
  - type: claude
    api_key: {command: [pass, show, visible, --token, canary-16, --api-key=canary-17, --key-file, visible]}
  - type: cohere
    api_key: {file: /visible/key}
    extra: {proxy: 'socks5://proxy.example:1'}
"""
LOOKUP = {"PATH": "canary-20", "ORG": "canary-21", "MODEL": "canary-22", "DEEP": "canary-23"}
ENVIRON = {
    "GEMINI_API_KEY": "canary-30",
    "LOKID_PATCH_CLAUDE_EMBEDDINGS": "{'.*': {headers: {x: canary-31}, body: {password: canary-32}}}",
}


def load(text: str = TEXT) -> Config:
    found = parse(text, "f", lookup=LOOKUP, environ=ENVIRON)
    assert isinstance(found, Config), [str(problem) for problem in found]
    return found


def test_no_planted_secret_is_shown() -> None:
    text = json.dumps(show(load()))
    assert "canary" not in text
    assert text.count("visible") >= 8


def test_what_is_no_secret_is_shown_with_its_defaults() -> None:
    openai, gemini, bedrock, claude, cohere = show(load())["clients"]
    assert openai["name"] == "openai"
    assert openai["extra"]["proxy"] == "http://<secret>@proxy.example:8080"
    assert openai["extra"]["connect_timeout"] == 10
    assert openai["models"][0] == "<secret>"
    assert openai["models"][1]["patch"] == {
        "url": "https://visible.example/v1?key=<secret>&sig=<secret>#<secret>",
        "headers": {"authorization": "<secret>", "x-gone": None},
        "body": {
            "user": "visible",
            "api_key": "<secret>",
            "nested": [{"token": "<secret>", "max_tokens": 3}],
            "hook": "https://<secret>@h/",
        },
    }
    assert openai["patch"]["rerank"][".*"]["body"] == {"deep": ["<secret>", "visible"]}
    assert gemini["oauth"]["client_secret"] == "<secret>"
    assert bedrock["access_key_id"] == "<secret>"
    command = [
        "pass",
        "show",
        "visible",
        "--token",
        "<secret>",
        "--api-key=<secret>",
        "--key-file",
        "visible",
    ]
    assert claude["api_key"] == {"command": command, "timeout": 30}
    assert claude["patch_of_environment"]["embeddings"][".*"]["body"] == {"password": "<secret>"}
    assert cohere["api_key"] == {"file": "/visible/key"}
    assert cohere["extra"]["proxy"] == "socks5://proxy.example:1"


def test_the_rest_of_the_configuration_is_shown() -> None:
    shown = show(load())
    assert shown["path"] == "f"
    assert shown["model"] == "openai:m"
    assert shown["limits"] == {"max_frame_mib": 64}
    assert list(shown["missing"]) == ["bedrock"]
    assert "warnings" not in shown
    bare = show(load("temperature: 1\nclients: []"))
    assert "model" not in bare
    assert "missing" not in bare
    assert bare["warnings"][0] == "f:1:1: temperature: is not used by lokid"


def test_a_url_that_cannot_be_taken_apart_is_hidden_whole() -> None:
    shown = show(load("clients: [{type: openai, models: [{name: m, patch: {body: {u: 'http://[canary'}}}]}]"))
    assert shown["clients"][0]["models"][0]["patch"]["body"] == {"u": "<secret>"}


def test_a_value_whose_name_was_missing_is_not_shown_either() -> None:
    config = load(
        "clients: [{type: openai, api_base: '{{B}}', models: [{name: a, max_input_tokens: '{{N}}'}]}]"
    )
    (client,) = show(config)["clients"]
    assert "api_base" not in client
    assert "max_input_tokens" not in client["models"][0]


def test_what_is_not_shown_is_known_to_be_hidden() -> None:
    config = load()
    texts = list(hidden(config))
    assert {"canary-1", "canary-3", "canary-4", "canary-7", "canary-8", "canary-9"} <= set(texts)
    assert {"canary-11", "canary-13", "canary-14", "canary-15", "canary-16", "canary-17"} <= set(texts)
    assert {"canary-30", "canary-31", "canary-32"} <= set(texts)
    assert not [text for text in texts if text == "visible"]


def test_of_a_header_that_says_who_somebody_is_each_part_is() -> None:
    """A server that refuses a token repeats it without its scheme."""
    headers = {
        "authorization": "Bearer bearer-token",
        "x-gw": 'Token token="token-value", app=lokid',
        "cookie": "session=cookie-value; other=1",
        "x-basic": f"Basic {base64.b64encode(b'user:basic-password').decode()}",
        "x-features": "one-feature,another-feature",
    }
    patch = {"chat_completions": {".*": {"headers": headers}}}
    texts = set(hidden(load(json.dumps({"clients": [{"type": "openai", "patch": patch}]}))))
    assert {*headers.values(), "bearer-token", "token-value", "cookie-value", "basic-password"} <= texts
    assert not texts & {"one-feature", "another-feature"}


def test_of_a_url_each_parameter_that_is_a_key_somewhere_is() -> None:
    url = "https://h.example/a?code=of-a-function&sig=signed-by&api-version=of-the-api&encode=letters"
    patch = {"chat_completions": {".*": {"url": url}}}
    config = load(json.dumps({"clients": [{"type": "openai", "patch": patch}]}))
    assert {"of-a-function", "signed-by"} <= set(hidden(config))
    assert not {"of-the-api", "letters"} & set(hidden(config))
    shown = json.dumps(show(config))
    assert "of-a-function" not in shown and "signed-by" not in shown
