from __future__ import annotations

import re

import pytest

from lokid.providers.addresses import base_url, is_link_local, is_loopback, proxy_url, request_url


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("api.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("::2", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_by_definition(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("169.254.169.254", True),
        ("169.254.170.2", True),
        ("fe80::1", True),
        ("fd00:ec2::254", True),
        ("FD00:EC2::254", True),
        ("Metadata.Google.Internal", True),
        ("metadata.google.internal.example", False),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("fd00::1", False),
        ("", False),
    ],
)
def test_link_local_is_where_metadata_servers_are(host: str, near: bool) -> None:
    assert is_link_local(host) is near


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("https://api.example.com", "https://api.example.com"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:{port}/v1", "http://127.0.0.1:{port}/v1"),
        ("HTTPS://API.example.com", "HTTPS://API.example.com"),
        ("https://{RESOURCE}.openai.azure.com", "https://{RESOURCE}.openai.azure.com"),
    ],
)
def test_a_base_is_https_or_this_machine(url: str, base: str) -> None:
    assert base_url(url) == base


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.example.com", "plain http:// is allowed to this machine only"),
        ("http://localhost@evil.example", "must not hold a user name or password"),
        ("http://localhost.evil.example", "plain http:// is allowed to this machine only"),
        ("https://me:canary@api.example.com", "must not hold a user name or password"),
        ("https://api.example.com?key=canary", "must end with its path"),
        ("https://api.example.com/#", "must end with its path"),
        ("ftp://api.example.com", "must start with https:// or http://"),
        ("api.example.com", "must start with https:// or http://"),
        ("", "must start with https:// or http://"),
        ("https://", "it has no host"),
        ("https:///path", "it has no host"),
        ("https://api.example.com:0", "it has no host"),
        ("https://api.example.com:canary", "its host or port cannot be read"),
        ("https://[canary", "its host or port cannot be read"),
        ("http://[::1].canary.example", "is not a URL"),
        ("https://a b", "must not contain spaces"),
        (" https://a", "must not contain spaces"),
        ("https://a\n", "must not contain spaces or control"),
        ("https://a\x00", "must not contain spaces or control"),
    ],
)
def test_a_bad_base_has_its_reason_and_not_its_text(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        base_url(url)
    assert "canary" not in str(caught.value)


def test_the_url_of_a_request_may_have_parameters() -> None:
    assert request_url("https://a/b?c=d") == "https://a/b?c=d"
    with pytest.raises(ValueError, match="this machine only"):
        request_url("http://a/b?c=d")


@pytest.mark.parametrize(
    "url", ["http://u:p@proxy:3128", "https://proxy", "socks5://127.0.0.1:1080", "socks5h://p:1"]
)
def test_a_proxy_may_be_plain_and_have_a_password(url: str) -> None:
    assert proxy_url(url) == url


def test_a_proxy_has_a_scheme() -> None:
    with pytest.raises(ValueError, match="must start with http:// or https:// or socks5://"):
        proxy_url("proxy:3128")
