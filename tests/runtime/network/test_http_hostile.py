"""What a hostile or mistaken provider, or configuration, may try."""

from __future__ import annotations

import gzip
import logging
import zlib

import pytest

from lokid.errors import ConfigInvalid, ProviderFailed
from lokid.protocols.http import HTTPRequest
from tests.fakes.asking import PATIENT, ask, failure
from tests.fakes.provider import FakeProvider, answer, bomb, raw, redirect, reset, stream

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed_and_name_their_target(http, provider, status):
    async with FakeProvider() as other:
        provider.will(redirect(f"{other.url}/steal?a=b", status))
        error = await failure(http, provider.url)
        assert isinstance(error, ProviderFailed)
        assert "redirects to 127.0.0.1" in error.message
        assert error.status == status
        assert other.connections == 0


async def test_the_target_of_a_redirect_is_one_short_line(http, provider):
    provider.will(raw(b"HTTP/1.1 302 F\r\nlocation: https://\x9b31mx" + b"y." * 20_000 + b"/\r\n\r\n"))
    message = (await failure(http, provider.url)).message
    assert "redirects to another address" in message
    assert len(message) < 500 and message.isprintable()


async def test_a_compressed_bomb_is_cut_at_64_mib(http, provider):
    provider.will(bomb())
    error = await failure(http, provider.url)
    assert isinstance(error, ProviderFailed)
    assert "larger than 64 MiB" in error.message


async def test_a_bomb_is_unpacked_a_little_at_a_time(http, provider):
    """As the smallest events, a megabyte of them would be a second in which nobody else is heard."""
    provider.will(answer(200, gzip.compress(b"\n" * 100_000), content_encoding="gzip"))
    sizes = []
    async with http.send(HTTPRequest("GET", provider.url), PATIENT) as response:
        while data := await response.read():
            sizes.append(len(data))
    assert sum(sizes) == 100_000
    assert sizes[0] <= 8 * 1024 and max(sizes[1:]) <= 2 * 1024


@pytest.mark.parametrize(
    "coding, pack", [("gzip", gzip.compress), ("GZip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_an_answer_that_is_compressed_unasked_is_unpacked(http, provider, coding, pack):
    plain = bytes(range(256)) * 10_000
    packed = pack(plain)
    provider.will(stream(packed[:5], packed[5:-5], packed[-5:], content_encoding=coding))
    assert await ask(http, provider.url) == (200, plain)


async def test_compression_that_cannot_be_unpacked_is_told_by_its_name(http, provider):
    provider.will(answer(200, b"\x1b{}", content_encoding="BR"))
    error = await failure(http, provider.url)
    assert isinstance(error, ProviderFailed)
    assert "is compressed as br" in error.message
    provider.will(answer(200, b"{}", content_encoding="utf-8"))  # which is no coding
    assert await ask(http, provider.url) == (200, b"{}")


async def test_broken_compression_says_so(http, provider):
    provider.will(answer(200, b"not gzip", content_encoding="gzip"))
    error = await failure(http, provider.url)
    assert isinstance(error, ProviderFailed)
    assert "compressed" in error.message


async def test_nothing_is_read_behind_the_end_of_compressed_data(http, provider):
    provider.will(stream(gzip.compress(b"{}"), *[b"more"] * 3, content_encoding="gzip"))
    assert "goes on after" in (await failure(http, provider.url)).message


async def test_compressed_data_that_unpacks_to_nothing_ends_at_64_mib(http, provider):
    empty = b"\0\0\0\xff\xff" * 200_000  # stored blocks of no bytes
    begin = gzip.compress(b"")[:10]
    provider.will(stream(begin, *[empty] * 70, content_encoding="gzip"))
    assert "larger than 64 MiB" in (await failure(http, provider.url)).message


async def test_endless_headers_are_refused(http, provider):
    provider.will(raw(b"HTTP/1.1 200 OK\r\n" + b"x-a: %s\r\n" % (b"a" * 200_000)))
    assert isinstance(await failure(http, provider.url), ProviderFailed)


async def test_more_than_a_hundred_headers_are_refused(http, provider):
    provider.will(answer(**{f"x{number}": "y" for number in range(101)}))
    assert "more than 100 headers" in (await failure(http, provider.url)).message


async def test_plain_http_goes_to_this_machine_only(http):
    error = await failure(http, "http://api.example.com")
    assert isinstance(error, ConfigInvalid)
    assert "http://api.example.com" in error.message


@pytest.mark.parametrize(
    "url", ["ftp://example.com", "example.com", "https://", "https://h/\0", "https://[h"]
)
async def test_other_addresses_are_refused(http, url):
    error = await failure(http, url)
    assert isinstance(error, ConfigInvalid)


@pytest.mark.parametrize("value", ["sk-secret\n", "sk-sécret", "a\r\nx: y"])
async def test_a_key_with_a_line_break_is_named_but_not_shown(http, provider, value):
    with pytest.raises(ConfigInvalid) as caught:
        async with http.send(HTTPRequest("GET", provider.url, {"x-api-key": value}), PATIENT):
            pass
    assert "x-api-key" in caught.value.message
    assert "cret" not in caught.value.message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["bad name", "n\u00e4me", "pri\u20ace"])
async def test_a_bad_header_name_does_not_show_its_value(http, provider, name):
    with pytest.raises(ConfigInvalid) as caught:
        async with http.send(HTTPRequest("GET", provider.url, {name: "sk-secret"}), PATIENT):
            pass
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_no_level_of_logging_shows_headers_or_bodies(http, provider, caplog):
    caplog.set_level(logging.DEBUG)
    provider.will(answer(200, b"the answer"), reset(), reset())
    await ask(http, provider.url, body={"prompt": "the question"})
    await failure(http, provider.url)
    for secret in ("sk-very-secret", "the question", "the answer"):
        assert secret not in caplog.text
