from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from lokid.config import Config, Vault, parse, vault_settings
from lokid.config.parse import MEND
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import CommandSecret, FileSecret

NOTHING: Mapping[str, str] = {}


def good(
    text: str,
    lookup: Mapping[str, str] = NOTHING,
    environ: Mapping[str, str] = NOTHING,
    *,
    mend: str = MEND,
) -> Config:
    found = parse(text, "f", lookup=lookup, environ=environ, mend=mend)
    assert isinstance(found, Config), [str(problem) for problem in found]
    return found


def bad(text: str, lookup: Mapping[str, str] = NOTHING, environ: Mapping[str, str] = NOTHING) -> list[str]:
    found = parse(text, "f", lookup=lookup, environ=environ)
    assert isinstance(found, tuple)
    return [str(problem) for problem in found]


def key(config: Config, client: str = "openai") -> str:
    found = config.client(client)
    assert found is not None
    assert isinstance(found.api_key, SecretStr)
    return found.api_key.get_secret_value()


def test_a_small_file_is_enough() -> None:
    config = good("clients:\n  - type: openai\n    api_key: sk-1\n")
    assert config.path == "f"
    assert config.model is None
    assert [client.name for client in config.clients] == ["openai"]
    assert config.missing == {}
    assert config.warnings == ()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_every_type_validates_with_nothing_but_its_type(kind: str) -> None:
    config = good(f"clients: [{{type: {kind}}}]")
    assert isinstance(config.clients[0], PROVIDERS[kind].settings)
    assert config.clients[0].name == kind


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
modelx: a
clients:
  - type: opnai
  - type: claude
    api_kye: sk-aa
    region: x
    api_key: {kommand: [a]}
  - name: x
  - type: ollama
  - just text
  - type: gemini
    models: [{nme: x}]
limit: {}
"""
    types = ", ".join(PROVIDERS)
    assert bad(text) == [
        "f:1:1: modelx: unknown key; did you mean `model`?",
        "f:3:11: clients[0].type: unknown type; did you mean `openai`?",
        "f:5:5: clients[1].api_kye: unknown key; did you mean `api_key`?",
        "f:6:5: clients[1].region: unknown key; it is a key of bedrock clients",
        "f:7:14: clients[1].api_key: must be a text, {command: [...]}, {file: path} or {keyring: [...]}",
        f"f:8:5: clients[2].type: is required; the types are {types}",
        "f:9:11: clients[3].type: unknown type; did you mean `openai-compatible`?",
        "f:10:5: clients[4]: must be a mapping with `type:`, and is text",
        "f:12:14: clients[5].models[0].name: is required",
        "f:12:15: clients[5].models[0].nme: unknown key; did you mean `name`?",
        "f:13:1: limit: unknown key; did you mean `limits`?",
    ]


def test_an_unknown_key_without_likeness_lists_what_is_known() -> None:
    assert bad("zzz: 1\nclients: []") == [
        "f:1:1: zzz: unknown key; known are budget, clients, extra_socket, limits, model, vault"
    ]
    assert bad("vault: {zzz: 1}\nclients: []") == [
        "f:1:9: vault.zzz: unknown key; known are file, identity, recipients"
    ]
    assert bad("clients: [{type: zzz}]")[0].endswith(f"unknown type; the types are {', '.join(PROVIDERS)}")
    assert "unknown type; the types" in bad("clients: [{type: [a]}]")[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a", "f:1:1: must be a mapping with `clients:` at its top"),
        (
            "model: a:b",
            "f:1:1: clients: is required: the list of clients; to configure none write `clients: []`",
        ),
        (
            "clients:",
            "f:1:1: clients: is required: the list of clients; to configure none write `clients: []`",
        ),
        ("clients: {a: b}", "f:1:10: clients: must be a list, and is a mapping"),
        ("clients: []\nlimits: 3", "f:2:9: limits: must be a mapping (key: value), and is read as a number"),
        ("clients: []\nmodel: [a]", "f:2:8: model: must be text, and is a list"),
        ("clients: []\nmodel: no", "f:2:8: model: must be text, and is read as true or false; quote it"),
        ("clients: []\nlimits: {max_frame_mib: 0}", "f:2:25: limits.max_frame_mib: must be at least 1"),
    ],
)
def test_the_top_level_is_checked(text: str, problem: str) -> None:
    assert bad(text) == [problem]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("name: no", "name: must be text, and is read as true or false; quote it"),
        ("name: 12:30", "name: is read as a number in base 60 by some YAML readers; quote it"),
        ("name: 2024-01-01", "name: is read as a date by some YAML readers; quote it"),
        ("name: 010", "name: is read as an octal number by some YAML readers; quote it"),
        ("name: 4.1", "name: must be text, and is read as a number; quote it"),
        ("name: a b", "name: must begin with a letter or digit and hold only"),
        ("models: [{name: 4.1}]", "models[0].name: must be text, and is read as a number; quote it"),
        ("models: [yes]", "models[0]: must be a mapping (key: value), and is read as true or false"),
        ("models: {a: b}", "models: must be a list, and is a mapping"),
        ("models: [a, {name: a}]", "models[1].name: a second chat model of that name"),
        ("models: [{name: a, type: image}]", "models[0].type: must be 'chat', 'embedding' or 'reranker'"),
        ("models: [{name: a, no_stream: maybe}]", "models[0].no_stream: must be true or false"),
        ("models: [{name: a, no_stream: [a]}]", "models[0].no_stream: must be true or false, and is a list"),
        ("models: [{name: a, max_input_tokens: 1.5}]", "models[0].max_input_tokens: must be a whole number"),
        ("models: [{name: a, max_input_tokens: x}]", "models[0].max_input_tokens: must be a whole number"),
        ("models: [{name: a, input_price: x}]", "models[0].input_price: must be a number"),
        ("models: [{name: a, input_price: -1}]", "models[0].input_price: must be at least 0"),
        ("models: [{name: a, input_price: []}]", "models[0].input_price: must be a number, and is a list"),
        ("models: [{name: ''}]", "models[0].name: must not be empty"),
        ("extra: {timeout: 0}", "extra.timeout: must be more than 0"),
        ("extra: {timeout: yes}", "extra.timeout: must be a number, and is read as true or false"),
        ("extra: {max_retries: 11}", "extra.max_retries: must be at most 10"),
        (
            "extra: {proxy: 'ftp://x'}",
            "extra.proxy: must start with http:// or https:// or socks5:// or socks5h://",
        ),
        ("api_key: {command: []}", "api_key.command: must not be empty"),
        ("api_key: {command: op read}", "api_key.command: must be a list, and is read as text"),
        ("api_key: {command: [a], timeoutt: 3}", "api_key.timeoutt: unknown key; did you mean `timeout`?"),
        ("api_key: 123", "api_key: must be a text, {command: [...]}, {file: path} or {keyring: [...]}"),
        ("auth: oath", "auth: must be 'oauth'"),
        ("oauth: {token_url: 'http://x'}", "oauth.token_url: plain http:// is allowed to this machine only"),
        ("api_base: http://example.com/v1", "api_base: plain http:// is allowed to this machine only"),
        ("patch: {chat_completions: {'(': {}}}", "patch.chat_completions.'(': is not a regular expression"),
        (
            "patch: {rerank: {'a{9999999999}': {}}}",
            "patch.rerank.'a{9999999999}': is not a regular expression",
        ),
        ("patch: {embeddingz: {}}", "patch.embeddingz: unknown key; did you mean `embeddings`?"),
        (
            "patch: {rerank: {'.*': {bodyy: {}}}}",
            "patch.rerank.'.*'.bodyy: unknown key; did you mean `body`?",
        ),
        ("patch: {rerank: {'.*': {headers: {x-a: 1}}}}", "patch.rerank.'.*'.headers.x-a: must be text"),
        (
            "patch: {rerank: {'.*': {body: {x: no}}}}",
            "patch.rerank.'.*'.body.x: is read as true or false by some",
        ),
        ("patch: {rerank: {'.*': {body: [1]}}}", "patch.rerank.'.*'.body: must be a mapping (key: value)"),
        ("patch: {rerank: {'.*': {url: 'http://x'}}}", "patch.rerank.'.*'.url: plain http:// is allowed"),
        ("launch: {command: [x]}", "launch: unknown key; it is a key of openai-compatible clients"),
    ],
)
def test_every_mistake_in_an_entry_has_its_place_and_plain_words(entry: str, problem: str) -> None:
    found = bad(f"clients:\n  - type: openai\n    {entry}\n")
    assert len(found) == 1
    place, _, rest = found[0].partition(": ")
    assert place.startswith("f:3:")
    assert rest.startswith(f"clients[0].{problem}")


def test_the_place_is_the_key_of_an_unknown_key_and_else_the_value() -> None:
    assert bad("clients:\n  - type: openai\n    extra:\n      proxi: x\n      timeout: x\n") == [
        "f:4:7: clients[0].extra.proxi: unknown key; did you mean `proxy`?",
        "f:5:16: clients[0].extra.timeout: must be a number",
    ]


def test_no_problem_ever_holds_a_value() -> None:
    text = """\
clients:
  - type: openai
    name: canary name
    api_key: [canary]
    api_base: http://canary.example/?canary#canary
    organization_id: {canary: 1}
    extra: {proxy: 'canary://canary:canary@canary', timeout: canary, ca_file: [canary]}
    models: [{name: a, type: canary, input_price: canary, no_stream: canary}, 'canary']
    patch: {rerank: {'.*': {url: 'canary', headers: {a: [canary]}, body: canary}}}
  - type: canary
  - canary
"""
    assert "canary" not in "".join(bad(text)).replace("organization_id.canary", "")


@pytest.mark.parametrize(
    "line",
    [
        "api_key sk-canary: x",
        "'api_key:canary': x",
        "sk-Canary0a1b2c: x",
        "? canary" + "a" * 60 + "\n    : x",
        "extra{ 'http://canary@x', ca_file: x",
    ],
)
def test_a_value_that_became_a_key_is_not_told(line: str) -> None:
    found = bad(f"clients:\n  - type: openai\n    {line}\n")
    assert "(not a word): unknown key" in found[0]
    assert "canary" not in found[0].lower()


def test_a_value_that_looks_like_another_type_where_one_is_wanted_is_taken() -> None:
    config = good(
        "clients: [{type: openai, models: [{name: a, no_stream: yes, supports_vision: off,"
        " max_input_tokens: '{{N}}'}], extra: {timeout: 1e3}}]",
        lookup={"N": "12"},
    )
    (client,) = config.clients
    assert client.models is not None
    model = client.models[0]
    assert (model.no_stream, model.supports_vision, model.max_input_tokens) == (True, False, 12)
    assert client.extra.timeout == 1000


def test_null_and_empty_text_mean_not_said_but_not_inside_patches() -> None:
    config = good(
        "model:\nvault: {file: null}\n"
        "clients: [{type: openai, auth: null, api_base: '', patch: null, extra: {proxy: },"
        " models: [{name: a, patch: {headers: {x: null}, body: {y: null}}}]}]"
    )
    (client,) = config.clients
    assert config.model is None
    assert client.api_base is None
    assert client.models is not None
    assert client.models[0].patch is not None
    assert client.models[0].patch.headers == {"x": None}
    assert client.models[0].patch.body == {"y": None}


def test_a_model_may_be_only_a_name() -> None:
    config = good("clients: [{type: openai, models: [a, {name: b}, {name: a, type: embedding}]}]")
    assert [model.name for model in config.clients[0].models or ()] == ["a", "b", "a"]


def test_two_clients_of_one_name_are_refused() -> None:
    assert bad("clients: [{type: openai}, {type: claude, name: openai}]") == [
        (
            "f:1:48: clients[1].name: a second client of that name (by default the type);"
            " give one of them another `name`"
        )
    ]
    assert bad("clients:\n- type: openai\n- type: openai\n")[0].startswith("f:3:3: clients[1].name: a second")


def test_two_clients_that_read_the_same_variables_are_refused() -> None:
    assert bad("clients: [{type: openai, name: a-b}, {type: claude, name: A.b}]") == [
        (
            "f:1:59: clients[1].name: another client reads the same environment variables (A_B_...);"
            " rename one of them"
        )
    ]


def test_keys_of_aichat_and_loki_are_warnings() -> None:
    config = good("temperature: 010\nwrap: no\nrag_template: '{{X}}'\nclients: []")
    assert [str(warning) for warning in config.warnings] == [
        "f:1:1: temperature: is not used by lokid",
        "f:2:1: wrap: is not used by lokid",
        "f:3:1: rag_template: is not used by lokid",
    ]


def test_a_default_model_of_no_client_is_a_warning() -> None:
    config = good("model: opnai:gpt\nclients: [{type: openai}]")
    assert config.model == "opnai:gpt"
    assert [str(warning) for warning in config.warnings] == [
        "f:1:8: model: no client of this file has that name; did you mean `openai`?"
    ]
    assert good("model: openai:gpt\nclients: [{type: openai}]").warnings == ()


@pytest.mark.parametrize("key", ["$OPENAI_API_KEY", "${OPENAI_API_KEY}"])
def test_a_variable_of_the_shell_in_the_place_of_a_key_is_a_warning(key: str) -> None:
    [warning] = good(f"clients: [{{type: openai, api_key: '{key}'}}]").warnings
    assert str(warning).startswith("f:1:35: clients[0].api_key: is sent as it stands")
    assert "OPENAI" not in str(warning)
    assert good(f"clients: [{{type: openai, api_key: 'a{key}'}}]").warnings == ()


def test_secrets_are_texts_commands_or_files() -> None:
    config = good(
        "clients:\n- {type: openai, api_key: k}\n"
        "- {type: claude, api_key: {command: [op, read, x], timeout: 5}}\n"
        "- {type: cohere, api_key: {file: ~/key}}\n"
    )
    assert key(config) == "k"
    assert config.clients[1].api_key == CommandSecret(command=("op", "read", "x"), timeout=5)
    assert config.clients[2].api_key == FileSecret(file="~/key")


def test_a_secret_is_filled_in_after_parsing() -> None:
    hostile = "a: [b]\n- {c} # 'd' \"e\" {{KEY}}"
    config = good("clients:\n  - type: openai\n    api_key: {{KEY}}", lookup={"KEY": hostile})
    assert key(config) == hostile


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_secret_arrives_unchanged(secret: str) -> None:
    text = "clients: [{type: openai, api_key: '{{K}}', patch: {rerank: {'.*': {headers: {h: 'x{{K}}'}}}}}]"
    config = good(text, lookup={"K": secret})
    assert key(config) == secret
    headers = config.clients[0].patch.rerank[".*"].headers
    assert headers == {"h": SecretStr(f"x{secret}")}
    places = (("api_key",), ("patch", "rerank", ".*", "headers", "h"))
    assert config.interpolated["openai"] == dict.fromkeys(places, ("K",))


def test_a_missing_name_disables_its_client_and_no_other() -> None:
    config = good("clients: [{type: openai, api_key: '{{A}}'}, {type: claude, api_key: k}]")
    assert config.missing == {"openai": ("A (lokictl secret set A)",)}
    assert key(config) == "{{A}}"


def test_a_missing_name_where_no_text_fits_disables_too() -> None:
    config = good(
        "clients: [{type: openai, api_key: k, api_base: '{{BASE}}',"
        " models: ['{{M}}', {name: a, max_input_tokens: '{{N}}'}]}]"
    )
    assert config.missing["openai"] == tuple(
        f"{name} (lokictl secret set {name})" for name in ("BASE", "M", "N")
    )
    client = config.clients[0]
    assert client.api_base is None
    assert [model.name for model in client.models or ()] == ["{{M}}", "a"]


def test_a_key_that_needs_a_missing_name_is_told_once() -> None:
    config = good("clients: [{type: bedrock, region: '{{R}}'}]")
    assert config.missing == {"bedrock": ("R (lokictl secret set R)",)}


def test_a_key_named_like_the_kind_of_a_secret_is_unknown_all_the_same() -> None:
    found = bad("clients: [{type: openai, api_key: {command: [x], a command: [canary]}}]")
    assert len(found) == 1
    assert "clients[0].api_key.(not a word): unknown key" in found[0]


def test_a_missing_name_hides_no_other_mistake() -> None:
    assert bad("clients: [{type: openai, api_base: '{{B}}', extra: {timeout: x}}]") == [
        "f:1:62: clients[0].extra.timeout: must be a number"
    ]


def test_a_missing_name_outside_clients_is_a_problem() -> None:
    assert bad("vault: {file: '{{F}}'}\nclients: []") == [
        "f:1:15: vault.file: nothing gives F: not in the daemon's environment or .env"
    ]
    assert good("vault: {file: '{{F}}'}\nclients: []", lookup={"F": "/v"}).vault.file == "/v"


def test_a_secret_in_the_place_of_its_name_is_not_shown() -> None:
    assert bad("vault: {file: '{{sk-proj-0451}}'}\nclients: []") == [
        "f:1:15: vault.file: nothing gives (not a word): not in the daemon's environment or .env"
    ]


def test_a_trap_outside_clients_is_a_problem() -> None:
    assert bad("model: 1:30\nclients: []") == [
        "f:1:8: model: is read as a number in base 60 by some YAML readers; quote it"
    ]


@pytest.mark.parametrize(
    ("entry", "missing"),
    [
        ("type: openai", ("api_key",)),
        ("type: openai, api_key: ''", ("api_key",)),
        ("type: openai-compatible, name: mistral", ()),
        ("type: openai-compatible", ("api_base",)),
        ("type: azure-openai", ("api_key", "api_base")),
        ("type: azure-openai, api_base: 'https://r.example', access_token: t", ()),
        ("type: azure-openai, api_base: 'https://r.example', api_key: ''", ("api_key",)),
        ("type: claude, auth: oauth", ()),
        ("type: gemini", ("api_key",)),
        ("type: vertexai", ("project_id", "location")),
        ("type: bedrock", ("region",)),
        ("type: bedrock, region: r, access_key_id: a", ("secret_access_key",)),
        ("type: bedrock, region: r, session_token: a", ("access_key_id", "secret_access_key")),
        ("type: bedrock, region: r, access_key_id: a, secret_access_key: b", ()),
        ("type: bedrock, region: r, api_key: a", ()),
        ("type: cohere, api_key: k", ()),
    ],
)
def test_a_client_says_what_it_lacks_and_how_to_give_it(entry: str, missing: tuple[str, ...]) -> None:
    config = good(f"clients: [{{{entry}}}]")
    name = config.clients[0].name.upper().replace("-", "_")
    assert config.missing.get(config.clients[0].name, ()) == tuple(
        f"{key} (lokictl secret set {name}_{key.upper()})"
        if "key" in key
        else f"{key} (set it in the configuration, or as {name}_{key.upper()} in the environment)"
        for key in missing
    )


def test_what_mends_a_missing_secret_is_the_callers_to_say() -> None:
    config = good("clients: [{type: openai}, {type: claude, api_key: '{{A}}'}]", mend="ask for {name}")
    assert config.missing == {"openai": ("api_key (ask for OPENAI_API_KEY)",), "claude": ("A (ask for A)",)}


def test_a_key_that_nothing_else_gives_is_looked_up_under_its_variable() -> None:
    text = "clients: [{type: openai}, {type: claude, api_key: own}, {type: gemini}]"
    lookup = {"OPENAI_API_KEY": "o", "CLAUDE_API_KEY": "c", "GEMINI_API_KEY": "g"}
    config = good(text, lookup=lookup, environ={"GEMINI_API_KEY": "e"})
    assert [one.api_key.get_secret_value() for one in config.clients] == ["o", "own", "e"]
    assert config.missing == {}
    assert config.interpolated == {"openai": {("api_key",): ("OPENAI_API_KEY",)}, "claude": {}, "gemini": {}}
    assert config.overridden == {"GEMINI_API_KEY": ("GEMINI_API_KEY",)}


def test_a_variable_in_the_place_of_secrets_is_noted_with_their_names() -> None:
    text = (
        "clients: [{type: openai, api_key: '{{A}}{{B}}', api_base: 'https://{{C}}'},"
        " {type: claude, api_key: k}]"
    )
    environ = {"OPENAI_API_KEY": "e", "CLAUDE_API_KEY": "e"}
    config = good(text, lookup={"A": "a", "C": "c", "CLAUDE_API_KEY": "c"}, environ=environ)
    assert config.overridden == {"OPENAI_API_KEY": ("A", "B")}
    assert config.interpolated == {"openai": {("api_base",): ("C",)}, "claude": {}}
    assert config.missing == {}


RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def test_where_the_vault_is_can_be_read_before_the_secrets_are_there() -> None:
    text = (
        f"clients: [{{type: x, k: '{{{{S}}}}'}}]\nvault: {{file: '{{{{D}}}}/v', recipients: [{RECIPIENT}]}}"
    )
    assert vault_settings(text, "f", {"D": "/d"}) == Vault(file="/d/v", recipients=(RECIPIENT,))
    for other in ("", "clients: []", "vault: [", "vault", "vault: {file: []}", "other: vault"):
        assert vault_settings(other, "f", {}) == Vault()


@pytest.mark.parametrize("key", [RECIPIENT, "ssh-ed25519 AAAAC3 me@here", "ssh-rsa AAAA"])
def test_public_keys_are_recipients(key: str) -> None:
    assert good(f"vault: {{recipients: ['{key}']}}\nclients: []").vault.recipients == (key,)


@pytest.mark.parametrize("key", ["age1x", "AGE-SECRET-KEY-1", f"{RECIPIENT}q", "ssh-dss AAAA"])
def test_what_is_no_public_key_is_no_recipient(key: str) -> None:
    assert bad(f"vault: {{recipients: ['{key}']}}\nclients: []") == [
        "f:1:22: vault.recipients[0]: must be a public key for age: age1... or ssh-ed25519 ... or ssh-rsa ..."
    ]


def test_an_empty_secret_is_a_missing_one() -> None:
    assert "openai" in good("clients: [{type: openai, api_key: '{{K}}'}]", lookup={"K": ""}).missing


def test_the_port_of_a_launched_server_needs_a_launch() -> None:
    base = "api_base: 'http://127.0.0.1:{port}/v1'"
    assert bad(f"clients: [{{type: openai-compatible, {base}}}]") == [
        "f:1:11: clients[0]: {port} in api_base is the port of a server that `launch` starts; there is none"
    ]
    good(f"clients: [{{type: openai-compatible, {base}, launch: {{command: [x]}}}}]")


def test_nothing_prints_a_secret() -> None:
    config = good(
        "clients: [{type: openai, api_key: 'canary', api_base: 'https://{{K}}.example', extra: {proxy: 'http://a:canary@b'},"
        " patch: {rerank: {'.*': {url: 'https://x/?k={{K}}', body: {x: '{{K}}'}, headers: {x: canary}}}}}]",
        lookup={"K": "canary"},
    )
    assert "canary" not in repr(config)
    assert "canary" not in repr(config.clients)


def test_ten_times_the_models_take_about_ten_times_as_long() -> None:
    model = (
        "      - {{name: m{}, max_input_tokens: 128000, max_output_tokens: 8192, input_price: 2.5,"
        " output_price: 10, supports_vision: true}}\n"
    )

    def cost(models: int) -> float:
        text = "clients:\n  - type: openai\n    models:\n" + "".join(map(model.format, range(models)))
        took = []
        for _ in range(3):
            began = time.process_time()
            good(text)
            took.append(time.process_time() - began)
        return min(took)

    assert cost(1000) < 40 * cost(100)  # were each compared with each, it would be a hundred times


@given(st.text(alphabet=st.sampled_from("clients: \n-{}[]type:openai'#name")))
def test_any_text_gives_a_configuration_or_problems(text: str) -> None:
    found = parse(f"clients:\n  - type: openai\n    {text}", "f", lookup={}, environ={})
    assert isinstance(found, Config) or found


def test_a_secret_that_holds_a_nul_character_is_as_good_as_none() -> None:
    text = 'clients: [{type: openai, api_key: {command: [pass, "{{A}}", "{{B}}"]}}]'
    config = parse(text, "f", lookup={"A": "x\0y", "B": "b"}, environ={})
    assert isinstance(config, Config)
    assert config.missing["openai"] == ("A (lokictl secret set A)",)
    assert "\0" not in repr(config)


def test_braces_that_hold_no_name_are_text() -> None:
    text = (
        "clients:\n  - {type: openai, api_key: k, models: [{name: m, system_prompt_prefix: 'a {{ b c }}'}]}\n"
    )
    [client] = good(text).clients
    assert client.models[0].system_prompt_prefix == "a {{ b c }}"
