"""Errors of the daemon, as a person reads them."""

from __future__ import annotations

import pytest

from lokictl.failure import Failure


@pytest.mark.parametrize(
    ("client", "message", "shown"),
    [
        ("openai", "not accepted: see https://platform.openai.com", "openai: not accepted: see https://"),
        ("a", "the provider failed", "a: the provider failed"),
        ("a", "client 'a' is switched off", "client 'a' is switched off"),
        ("a", "no model is called 'a:m'", "no model is called 'a:m'"),
        ("a", "a: told already", "a: told already"),
    ],
)
def test_an_error_names_the_client_once(client: str, message: str, shown: str) -> None:
    error = {"code": "provider_error", "message": message, "client": client}
    assert Failure.from_error(error).message.startswith(shown)
