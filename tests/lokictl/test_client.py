"""``lokictl.client``, what Python programs use: its page, errors, cancelling, threads."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest

from lokictl.client import (
    CallerError,
    Cancelled,
    Client,
    ConfigInvalid,
    CredentialError,
    DaemonUnavailable,
    LokidError,
    ProviderError,
    TimedOut,
    TryLater,
)
from lokid.rpc.codes import EXIT_STATUS
from tests.fakes.rpc_daemon import Gone, Refused, result, say
from tests.fakes.talking import lokid, talking
from tests.fakes.terminal import ROOT, environment

PAGE = (ROOT / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_example_of_its_page_runs_as_it_stands(tmp_path):
    """One program of all of them, in their order, against the real daemon."""
    script = tmp_path / "page.py"
    script.write_text("\n".join(BLOCKS))
    with talking() as talker, lokid():
        done = subprocess.run(
            [sys.executable, script], env=environment(), capture_output=True, text=True, timeout=50
        )
        assert done.stderr == ""
        assert talker.gone.wait(10), "the endless answer was not cancelled"
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "Why is the sky blue?",
        "Name a prime number. talker:echo stop 2e-05",
        "And the next one?",
    ]
    assert lines[3].startswith("Tell me a story. {'input_tokens': 10, 'output_tokens': 5")
    assert lines[4] == "2 [6.0, 1.0]"
    assert lines[5:7] == ["0.17 a longer document", "0.05 short"]
    assert lines[7].startswith("['talker:echo', 'talker:endless', ")
    assert re.fullmatch(r"again in 600.0 s: .*: come back later", lines[8])
    assert re.search(r"'program': 'python[\d.]* \(page\)'", lines[9])
    assert lines[10] == "talker cooling_down"


WRONG = """
Client().ask("hi", tempreature=1)
Client().ask("hi").txt
for piece in Client().chat("hi").texts(): pass
"""


def test_a_type_checker_passes_the_page_and_sees_mistakes(tmp_path):
    if find_spec("mypy") is None:
        pytest.skip("mypy is not installed: make check")
    script = "\n".join(BLOCKS)
    (tmp_path / "page.py").write_text(script + WRONG)
    options = ["--strict", "--follow-imports=silent", "--no-pretty", f"--cache-dir={tmp_path}/cache"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--config-file=", "page.py"],
        cwd=tmp_path,
        env=environment(MYPYPATH=str(ROOT), NO_COLOR="1"),
        capture_output=True,
        text=True,
        timeout=55,
    )
    *found, _summary = checked.stdout.splitlines()
    errors = [re.sub(r"^page.py:(\d+): error: ", r"\1 ", line) for line in found if ": note:" not in line]
    first = script.count("\n") + 2
    assert len(errors) == 3, checked.stdout
    assert errors[0].startswith(f'{first} Unexpected keyword argument "tempreature"')
    assert errors[1].startswith(f'{first + 1} "Answer" has no attribute "txt"')
    assert errors[2].startswith(f'{first + 2} "Answer" has no attribute "texts"')


def test_leaving_a_stream_cancels_it_however_it_is_left(daemon):
    def chat(call, _params):
        call.text("a", "b")
        call.cancelled.wait(20)
        return result("ab")

    fake = daemon(chat=chat)
    client = Client()
    with client.chat("hi", stream=True) as stream:
        assert next(stream) == {"type": "text", "text": "a"}
    for _ in client.chat("hi", stream=True):
        break
    gc.collect()
    with Client() as other:
        left = other.chat("hi", stream=True)
        assert next(left.texts()) == "a"
    for call in fake.running:
        assert call.cancelled.wait(10)
    assert len(fake.running) == 3
    for closed in (stream, left):
        assert [*closed] == []
        with pytest.raises(ValueError, match="no answer"):
            _ = closed.answer


def test_the_answer_is_there_after_the_events_and_reads_what_is_left(daemon):
    daemon(chat=say("a", "b"))
    stream = Client().chat([{"role": "user", "content": "hi"}], stream=True)
    assert str(stream.answer) == "ab"
    assert stream.answer.usage == {**stream.answer.usage, "input_tokens": 3}


def test_an_error_in_the_middle_comes_after_what_was_there(daemon):
    def chat(call, _params):
        call.text("half")
        raise Refused("incomplete_response", "it broke off", client="c", request_id="r1")

    daemon(chat=chat)
    stream, got = Client().chat("hi", stream=True), []
    with pytest.raises(ProviderError, match="it broke off") as caught:
        got.extend(stream.texts())
    assert got == ["half"]
    assert (caught.value.code, caught.value.client, caught.value.request_id) == (
        "incomplete_response",
        "c",
        "r1",
    )


KINDS = {
    1: ProviderError,
    2: CallerError,
    69: DaemonUnavailable,
    75: TryLater,
    77: CredentialError,
    78: ConfigInvalid,
    124: TimedOut,
    130: Cancelled,
}


def test_every_code_has_its_class_and_its_facts(daemon):
    codes = iter(EXIT_STATUS)

    def chat(*_):
        raise Refused(next(codes), "no", hint="do this", status=418, retry_after_s=2.5)

    daemon(chat=chat)
    for code, status in EXIT_STATUS.items():
        with pytest.raises(LokidError) as caught:
            Client().ask("hi")
        error = caught.value
        assert type(error) is KINDS[status]
        assert (error.code, error.hint, error.status, error.retry_after_s) == (code, "do this", 418, 2.5)
        assert str(error) == f"{code}: no (do this)"


def test_it_is_asked_again_before_accepted_and_never_after(daemon):
    lost = iter([False, True])

    def chat(call, params):
        if next(lost):
            call.accepted()
        raise Gone

    fake = daemon(chat=chat)
    with pytest.raises(ProviderError) as caught:
        Client().ask("hi")
    assert caught.value.code == "incomplete_response"
    assert [name for name, _ in fake.calls].count("chat") == 2


def test_without_a_daemon_it_says_so(monkeypatch):
    for client in (Client(start=False), Client()):
        with pytest.raises(DaemonUnavailable, match="lokictl daemon start"):
            client.models()
        with pytest.raises(DaemonUnavailable):
            next(client.events())
        monkeypatch.setenv("LOKICTL_AUTOSTART", "0")


def test_threads_share_a_client(daemon):
    daemon(chat=lambda _call, params: result(params["prompt"]))
    client = Client()
    with ThreadPoolExecutor(16) as threads:
        texts = threads.map(lambda number: client.ask(f"{number}").text, range(100))
        assert [*texts] == [f"{number}" for number in range(100)]


def test_it_says_who_it_is(daemon, monkeypatch):
    fake = daemon(chat=say("ok"))
    for argument, name in (
        ("/usr/bin/mailbot.py", "mailbot"),
        ("-c", "lokictl.client"),
        ("-", "lokictl.client"),
        ("", "lokictl.client"),
    ):
        monkeypatch.setattr(sys, "argv", [argument])
        Client().ask("hi")
        assert fake.params("hello")["client"] == name
    Client(name="me").ask("hi")
    assert fake.params("hello")["client"] == "me"
