from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from lokid.config import Config, overrides, parse, variables
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import RequestPatch

CLIENTS = "clients:\n- type: openai-compatible\n  name: my-own.server\n  api_base: https://a\n"


def load(text: str, environ: Mapping[str, str]) -> Config:
    found = parse(text, "f", lookup={}, environ=environ)
    assert isinstance(found, Config), [str(problem) for problem in found]
    return found


def problems(text: str, environ: Mapping[str, str]) -> list[str]:
    found = parse(text, "f", lookup={}, environ=environ)
    assert isinstance(found, tuple)
    return [str(problem) for problem in found]


def test_the_name_in_capitals_with_underscores_begins_the_variable() -> None:
    assert overrides.variable("my-own.server_2", "api_key") == "MY_OWN_SERVER_2_API_KEY"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("openai", {"organization_id", "project_id"}),
        ("openai-compatible", set()),
        (
            "azure-openai",
            {"api_version", "access_token", "tenant_id", "client_id", "client_secret", "authority", "scope"},
        ),
        ("claude", {"api_version"}),
        ("gemini", {"quota_project_id"}),
        ("vertexai", {"project_id", "location", "quota_project_id", "access_token", "adc_file"}),
        ("bedrock", {"region", "access_key_id", "secret_access_key", "session_token", "profile"}),
        ("cohere", set()),
    ],
)
def test_every_key_whose_value_is_one_text_has_a_variable(kind: str, fields: set[str]) -> None:
    assert set(overrides.fields(PROVIDERS[kind].settings)) == {"api_key", "api_base"} | fields


def test_a_variable_beats_the_file() -> None:
    environ = {"MY_OWN_SERVER_API_KEY": "k", "MY_OWN_SERVER_API_BASE": "http://localhost:1/v1/"}
    (client,) = load(CLIENTS + "  api_key: {{ABSENT}}\n", environ).clients
    assert client.api_key == SecretStr("k")
    assert client.api_base == "http://localhost:1/v1"
    assert load(CLIENTS + "  api_key: {{ABSENT}}\n", environ).missing == {}


def test_a_variable_is_taken_as_it_is() -> None:
    (client,) = load(CLIENTS, {"MY_OWN_SERVER_API_KEY": "{{X}}: [y"}).clients
    assert client.api_key == SecretStr("{{X}}: [y")


def test_an_empty_variable_is_an_unset_one() -> None:
    assert load("clients: [{type: openai}]", {"OPENAI_API_KEY": ""}).missing
    assert not load("clients: [{type: openai}]", {"OPENAI_API_KEY": "k"}).missing


def test_a_bad_value_is_told_by_the_name_of_its_variable() -> None:
    environ = {"MY_OWN_SERVER_API_BASE": "http://canary.example"}
    assert problems(CLIENTS, environ) == [
        (
            "environment: MY_OWN_SERVER_API_BASE: plain http:// is allowed to this machine only"
            " (localhost, 127.0.0.1, [::1]); use https://"
        )
    ]


def test_a_patch_of_the_environment_has_the_shape_of_the_clients_patch() -> None:
    value = '{"gpt-.*": {"body": {"a": 1, "b": null}, "headers": {"x": "y", "z": null}, "url": "https://b"}}'
    config = load(CLIENTS, {"LOKID_PATCH_MY_OWN_SERVER_CHAT_COMPLETIONS": value, "UNRELATED": "{"})
    patch = RequestPatch(body={"a": 1, "b": None}, headers={"x": SecretStr("y"), "z": None}, url="https://b")
    assert config.patch_overrides == {"my-own.server": {"chat_completions": {"gpt-.*": patch}}}
    both = {f"LOKID_PATCH_MY_OWN_SERVER_{api}": "'.*': {}" for api in ("EMBEDDINGS", "RERANK")}
    assert load(CLIENTS, both).patch_overrides == {
        "my-own.server": {"embeddings": {".*": RequestPatch()}, "rerank": {".*": RequestPatch()}}
    }
    assert load(CLIENTS, {"LOKID_PATCH_MY_OWN_SERVER_RERANK": ""}).patch_overrides == {}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("{canary", "1:1: {}: not valid YAML: a mapping in {...} that is not closed, or lacks a comma"),
        ("canary", "1:1: {}: rerank: must be a mapping (key: value), and is read as text"),
        ("{'.*': {bodyy: canary}}", "1:9: {}: rerank.'.*'.bodyy: unknown key; did you mean `body`?"),
        (
            "{'(': {}}",
            "1:7: {}: rerank.'(': is not a regular expression (missing ), unterminated subpattern)",
        ),
        (
            "{'.*': {body: {a: on}}}",
            "1:19: {}: rerank.'.*'.body.a: is read as true or false by some YAML readers",
        ),
        ("#", "1:1: {}: the file is empty"),
    ],
)
def test_a_broken_patch_is_told_by_its_name_and_never_by_its_value(value: str, problem: str) -> None:
    name = "LOKID_PATCH_MY_OWN_SERVER_RERANK"
    found = problems(CLIENTS, {name: value})
    assert len(found) == 1
    assert found[0].startswith(f"environment:{problem.replace('{}', name, 1)}")
    assert "canary" not in found[0]


def test_a_patch_that_no_client_reads_is_a_warning() -> None:
    environ = {"LOKID_PATCH_MY_SERVER_RERANK": "{}", "LOKID_PATCH_X": "canary"}
    assert [str(warning) for warning in load(CLIENTS, environ).warnings] == [
        (
            "environment: LOKID_PATCH_MY_SERVER_RERANK: no client reads this variable;"
            " did you mean `LOKID_PATCH_MY_OWN_SERVER_RERANK`?"
        ),
        "environment: LOKID_PATCH_X: no client reads this variable",
    ]


def test_the_variables_of_all_clients_are_known() -> None:
    config = load("clients: [{type: openai}, {type: cohere, name: c}]", {})
    assert variables(config) == {
        "OPENAI_API_KEY",
        "OPENAI_API_BASE",
        "OPENAI_ORGANIZATION_ID",
        "OPENAI_PROJECT_ID",
        "C_API_KEY",
        "C_API_BASE",
    }


def test_variables_that_others_agreed_on_give_what_nothing_else_does() -> None:
    text = "clients: [{type: bedrock}, {type: bedrock, name: named, region: eu-west-1}]"
    environ = {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2", "BEDROCK_REGION": ""}
    config = parse(text, "c.yaml", lookup={}, environ=environ)
    assert isinstance(config, Config)
    assert [client.region for client in config.clients] == ["us-west-2", "eu-west-1"]  # type: ignore[attr-defined]
    own = parse(text, "c.yaml", lookup={}, environ=environ | {"BEDROCK_REGION": "eu-north-1"})
    assert isinstance(own, Config) and own.clients[0].region == "eu-north-1"  # type: ignore[attr-defined]


def test_a_bad_value_of_such_a_variable_is_told_by_its_name() -> None:
    problems = parse("clients: [{type: bedrock}]", "c.yaml", lookup={}, environ={"AWS_REGION": "canary !"})
    assert isinstance(problems, tuple) and "AWS_REGION" in str(problems[0]) and "canary" not in str(problems)
