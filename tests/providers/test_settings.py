from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from lokid.providers.settings import (
    ClientSettings,
    CommandSecret,
    Extra,
    FileSecret,
    ModelSettings,
    RequestPatch,
)


def client(**keys: object) -> ClientSettings:
    return ClientSettings.model_validate({"type": "x", **keys})


def test_a_secret_is_a_text_a_command_or_a_file() -> None:
    assert client(api_key="k").api_key == SecretStr("k")
    assert client(api_key={"command": ["a", "b"]}).api_key == CommandSecret(command=("a", "b"))
    assert client(api_key={"file": "p"}).api_key == FileSecret(file="p")


def test_settings_are_their_own_input() -> None:
    for key in (SecretStr("k"), CommandSecret(command=("a",)), FileSecret(file="p"), None):
        made = client(api_key=key)
        assert ClientSettings.model_validate(dict(made)) == made


@pytest.mark.parametrize(
    "key", [1, ["k"], {}, {"path": "p"}, {"file": ""}, {"command": []}, {"command": "ls"}]
)
def test_anything_else_is_no_secret(key: object) -> None:
    with pytest.raises(ValidationError):
        client(api_key=key)


def test_errors_hold_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        client(api_key=["canary"], api_base="canary", canary_key=1, models=[{"name": 1, "type": "canary"}])
    assert "canary" not in str(caught.value).replace("canary_key", "")


@pytest.mark.parametrize("proxy", [None, "", "-", " - "])
def test_no_proxy_is_written_in_several_ways(proxy: str | None) -> None:
    assert Extra.model_validate({"proxy": proxy}).proxy is None


def test_a_proxy_is_a_secret() -> None:
    extra = Extra.model_validate({"proxy": "http://u:canary@p:1"})
    assert extra.proxy == SecretStr("http://u:canary@p:1")
    assert "canary" not in repr(extra)


@pytest.mark.parametrize("name", ["", "a", "A1", "my-own.server_2", "4o", "a" * 100])
def test_a_name_is_a_word(name: str) -> None:
    assert client(name=name).name == name


@pytest.mark.parametrize("name", ["a:b", "a b", "-a", ".a", "a/b", "é", "a\n", "a" * 101])
def test_a_name_is_nothing_else(name: str) -> None:
    with pytest.raises(ValidationError):
        client(name=name)


def test_true_is_no_number_and_infinity_no_price() -> None:
    for model in ({"input_price": True}, {"input_price": float("inf")}, {"max_input_tokens": True}):
        with pytest.raises(ValidationError):
            ModelSettings.model_validate({"name": "m", **model})


def test_the_provider_knows_a_model_by_its_real_name() -> None:
    assert ModelSettings(name="a").wire_name == "a"
    assert ModelSettings(name="a", real_name="b").wire_name == "b"


def test_the_port_placeholder_needs_a_launched_server() -> None:
    with pytest.raises(ValidationError, match="launch"):
        client(api_base="http://localhost:{port}")


def test_a_patch_prints_neither_url_nor_body_nor_header() -> None:
    patch = RequestPatch.model_validate(
        {"url": "https://a/?canary", "body": {"x": "canary"}, "headers": {"x": "canary"}}
    )
    assert "canary" not in repr(patch)
