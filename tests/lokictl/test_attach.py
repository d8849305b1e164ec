"""``-f``: texts are quoted with their name, images attached, and everything else refused with a reason."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from lokictl import attach
from lokictl.failure import Failure
from tests.fakes.rpc_daemon import say
from tests.fakes.terminal import lokictl

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def test_texts_are_quoted_with_their_name_between_prompt_and_standard_input(daemon, tmp_path):
    fake = daemon(chat=say("ok"))
    (tmp_path / "a.md").write_text("one\n```sh\nls\n```\n")
    (tmp_path / "b.txt").write_text("two")
    done = lokictl("ask", "-f", f"{tmp_path}/a.md", "-f", f"{tmp_path}/b.txt", "compare", stdin=b"three\n")
    assert done.returncode == 0, done.stderr
    assert fake.params()["prompt"] == (
        f"compare\n\n{tmp_path}/a.md:\n````\none\n```sh\nls\n```\n````\n\n{tmp_path}/b.txt:\n```\ntwo\n```\n\nthree\n"
    )


def test_images_are_attached_by_what_they_are_not_by_their_name(daemon, tmp_path):
    fake = daemon(chat=say("ok"))
    (tmp_path / "photo.txt").write_bytes(PNG)
    lokictl("ask", "-f", f"{tmp_path}/photo.txt", "what is it?")
    assert fake.params()["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is it?"},
                {"type": "image", "media_type": "image/png", "data": PNG},
            ],
        }
    ]


def test_an_image_may_come_through_the_pipe_and_needs_no_words(daemon):
    fake = daemon(chat=say("ok"))
    assert lokictl("ask", stdin=PNG).returncode == 0
    assert fake.params()["messages"][0]["content"] == [
        {"type": "image", "media_type": "image/png", "data": PNG}
    ]


def test_piped_bytes_that_are_neither_are_text_with_replacements(daemon):
    fake = daemon(chat=say("ok"))
    lokictl("ask", stdin=b"gr\xfc\xdfe")
    assert fake.params()["prompt"] == "gr\ufffd\ufffde"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"text", None),
    ],
)
def test_images_are_known_by_their_first_bytes(data, kind):
    assert attach.media_type(data) == kind


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("missing", None, "cannot read"),
        ("a.pdf", b"%PDF-1.7", "is a PDF"),
        ("binary", b"a\0b", "neither text"),
        ("latin", b"gr\xfc\xdfe", "neither text"),
        (".", None, "is a directory"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason(tmp_path, name, data, message):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(Failure, match=message) as caught:
        attach.load(str(path))
    assert caught.value.exit_status == 2


def test_files_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(attach, "MAX_BYTES", 10)
    (tmp_path / "a").write_text("x" * 11)
    with pytest.raises(Failure, match="larger than"):
        attach.load(str(tmp_path / "a"))


BROKEN_OFF = {
    "/short": b"content-length: 1000\r\n\r\nshort",
    "/chunk": b"transfer-encoding: chunked\r\n\r\n5\r\nshort\r\n3e8\r\nshort",
}


@pytest.fixture
def site() -> Iterator[str]:
    """A web site on loopback."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/missing":
                self.send_error(404)
                return
            if self.path in BROKEN_OFF:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n" + BROKEN_OFF[self.path])
                return
            self.send_response(302 if self.path == "/away" else 200)
            if self.path == "/away":
                self.send_header("Location", "http://example.org/")
            self.end_headers()
            self.wfile.write(PNG if self.path == "/png" else "Grüße".encode())

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_urls_are_fetched_here(site):
    assert attach.load(f"{site}/text") == ("text", "Grüße")
    assert attach.load(f"{site}/png") == ("image/png", PNG)


@pytest.mark.parametrize(
    ("path", "message"), [("/missing", "HTTP status 404"), ("/away", "only https:// is fetched")]
)
def test_a_failing_or_leaking_url_is_an_error(site, path, message):
    with pytest.raises(Failure, match=message):
        attach.load(site + path)


@pytest.mark.parametrize("path", BROKEN_OFF)
def test_a_page_that_breaks_off_is_an_error_and_not_a_short_page(site, path):
    with pytest.raises(Failure, match="the answer broke off"):
        attach.load(site + path)


@pytest.mark.parametrize("url", ["http://example.org/", "https://127.0.0.1:1/", "https://", "http://[::1"])
def test_plain_http_and_dead_addresses_are_errors(url):
    with pytest.raises(Failure, match=r"only https|cannot fetch") as caught:
        attach.load(url)
    assert caught.value.exit_status == 2


def test_schema_is_json_or_its_file(tmp_path):
    path = tmp_path / "s.json"
    path.write_text('{"type": "object"}')
    assert attach.schema(str(path)) == attach.schema(' {"type": "object"}') == {"type": "object"}


@pytest.mark.parametrize("value", ["{no", "/nonexistent"])
def test_a_bad_schema_is_a_mistake_of_the_caller(value):
    with pytest.raises(Failure) as caught:
        attach.schema(value)
    assert caught.value.exit_status == 2


def test_a_schema_is_an_object(tmp_path):
    (tmp_path / "s").write_text("[1]")
    with pytest.raises(Failure, match="is an object"):
        attach.schema(str(tmp_path / "s"))


@pytest.mark.parametrize(
    ("short", "properties"),
    [
        ("name, age int", {"name": {"type": "string"}, "age": {"type": "integer"}}),
        ("ok bool", {"ok": {"type": "boolean"}}),
        ("name,", {"name": {"type": "string"}}),
        ("weight float: in kg\nbio: one sentence", {
            "weight": {"type": "number", "description": "in kg"},
            "bio": {"type": "string", "description": "one sentence"},
        }),
    ],
)  # fmt: skip
def test_a_schema_can_be_written_as_fields(daemon, short, properties):
    fake = daemon(chat=say("{}"))
    assert lokictl("ask", "--schema", short, "hi").stdout == b"{}\n"
    assert fake.params()["response_schema"] == {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.mark.parametrize("short", ["name, age number of years", "name, age integr"])
def test_a_field_that_makes_no_sense_is_named(daemon, short):
    daemon(chat=say("{}"))
    done = lokictl("ask", "--schema", short, "hi")
    assert done.returncode == 2
    assert b"age" in done.stderr
