"""One line per event, and never a secret in it."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import re
import select
import sys
import termios
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid import hiding, logs

SECRET = 'pass"word/with+odd=signs'


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("lokid").level, logging.raiseExceptions)
    hooks = (sys.excepthook, sys.unraisablehook, threading.excepthook)
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = before[0], before[1]
    logging.getLogger("lokid").setLevel(before[2])
    logging.raiseExceptions = before[3]
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    logs.seal()
    logs.unseal()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_line_has_time_level_name_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup({})
    logging.getLogger("lokid.server").info("it %s", "runs")
    [line] = lines(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} info lokid\.server: it runs", line)


def test_in_the_journal_a_line_has_a_priority_and_no_time(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(2, "w", closefd=False) as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        here = os.fstat(2)
        logs.setup({"JOURNAL_STREAM": f"{here.st_dev}:{here.st_ino}"})
        for level in (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
            logging.getLogger("lokid").log(level, "x")
    assert [line[:3] for line in lines(capfd)] == ["<6>", "<4>", "<3>", "<2>"]  # type: ignore[arg-type]


def test_a_stream_that_is_no_longer_the_journal_gets_no_priorities(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.setup({"JOURNAL_STREAM": "1:1"})
    logging.getLogger("lokid").info("x")
    assert not lines(capsys)[0].startswith("<")


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", 4), ("info", 3), ("", 3), ("WARNING", 2), ("error", 1)],
)
def test_lokid_log_sets_the_level(capsys: pytest.CaptureFixture[str], level: str, shown: int) -> None:
    logs.setup({"LOKID_LOG": level} if level else {})
    for name in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("lokid.x"), name)("x")
    assert len(lines(capsys)) == shown


def test_an_unknown_level_is_told_and_is_info(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup({"LOKID_LOG": "loud"})
    logging.getLogger("lokid").info("x")
    warning, line = lines(capsys)
    assert "LOKID_LOG is none of debug, info, warning, error" in warning
    assert line.endswith("lokid: x")


def test_libraries_speak_from_warning_on_even_when_we_debug(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup({"LOKID_LOG": "debug"})
    for name in ("httpx2", "httpcore2.connection", "anyio", "urllib3"):
        logging.getLogger(name).info("GET https://example.org/?key=secret")
        logging.getLogger(name).debug("set-cookie: secret")
    assert lines(capsys) == []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logs.setup({})
        warnings.warn("old", stacklevel=1)
    assert "old" in lines(capsys)[0]


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET.replace('"', '\\"'),
        base64.b64encode(SECRET.encode()).decode(),
        quote(SECRET, safe=""),
    ],
)
def test_a_registered_secret_is_replaced_in_every_form(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.register(SECRET)
    logs.setup({})
    logging.getLogger("lokid").info("the key %s is wrong", form)
    [line] = lines(capsys)
    assert form not in line
    assert "the key [secret] is wrong" in line


@pytest.mark.parametrize(
    "key",
    [
        "sk-ant-api03-abcdefgh",
        "AIzaSyA1234567890123456789012345",
        "AKIAIOSFODNN7EXAMPLE",
        "ya29.a0AfH6SMBx",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig",
        "Bearer 0123456789",
        "https://example.org/?key=0123456789",
    ],
)
def test_what_looks_like_a_key_is_replaced_unregistered(key: str) -> None:
    assert "[secret]" in logs.redact(f"wrong: {key}!")
    assert key not in logs.redact(f"wrong: {key}!")


def test_short_values_are_not_secrets_and_old_secrets_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.register("short")
    assert logs.redact("short words") == "short words"
    monkeypatch.setattr(logs, "MAX_SECRETS", 2)
    for number in range(4):
        logs.register(f"a-long-secret-{number}")
        logs.register(f"a-long-secret-{number}")
    assert list(logs._secrets) == ["a-long-secret-2", "a-long-secret-3"]


def test_no_text_forges_a_line_or_reaches_a_terminal_raw() -> None:
    assert logs.redact("a\nb\x1b]52;c;x\x07 c\x9b2J\u2028d") == "a b ]52;c;x  c 2J d"
    assert len(logs.redact("x" * 100_000)) == logs.MAX_LINE


def raising(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


def test_an_exception_shows_where_it_was_raised_and_not_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.setup({})
    try:
        raise ValueError("a prompt")
    except ValueError:
        logging.getLogger("lokid").exception("failed")
    [line] = lines(capsys)
    assert re.search(r"failed: ValueError at tests/test_logs\.py:\d+ test_an_exception", line)
    assert "a prompt" not in line


def test_groups_and_causes_are_named() -> None:
    inner = raising(KeyError("secret"))
    inner.__cause__ = OSError("secret")
    text = logs.place(raising(ExceptionGroup("secret", [inner, raising(TypeError("secret"))])))  # type: ignore[list-item]
    assert re.fullmatch(
        r"ExceptionGroup at \S+ raising \[KeyError at .*, caused by OSError; TypeError at .*\]", text
    )
    assert "secret" not in text
    assert logs.place(ValueError()) == "ValueError at nowhere"


def test_a_log_whose_reader_is_gone_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logs.setup({})
        logging.getLogger("lokid").info("x")
        monkeypatch.undo()
        closing: Any = stream
        with contextlib.suppress(BrokenPipeError):
            closing.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, writer)  # so that closing has somewhere to write to
        os.close(null)


def stopped_terminal() -> tuple[int, int]:
    """Its two ends, and somebody has pressed Ctrl-S."""
    master, slave = os.openpty()
    termios.tcflow(slave, termios.TCOOFF)
    return master, slave


@pytest.mark.parametrize("make", [os.pipe, stopped_terminal])
def test_a_log_that_nobody_reads_holds_up_nobody(
    make: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_PATIENCE_MS", 0)
    reader, writer = make()
    long, log = "x" * 5000, logging.getLogger("lokid")
    with open(writer, "w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logs.setup({})
        for _ in range(100):  # no pipe has room for half a megabyte
            log.info(long)
        if make is stopped_terminal:
            termios.tcflow(writer, termios.TCOON)
        else:
            os.read(reader, 2**20)
        log.info("again")
        monkeypatch.undo()
        left = re.search(r"(\d+) lines of the log were left out: nobody read them\r?\n", read(reader))
    assert left is not None and 80 < int(left[1]) <= 100
    os.close(reader)


def test_nor_does_a_terminal_with_less_room_than_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ready for writing, and would wait in the middle of the line."""
    monkeypatch.setattr(logs, "_PATIENCE_MS", 0)
    log, said, waited = logging.getLogger("lokid"), "", threading.Event()
    reader, writer = os.openpty()

    def rescue() -> None:
        waited.set()
        while select.select([reader], [], [], 1)[0]:
            os.read(reader, 2**16)

    rescuing = threading.Timer(20, rescue)
    rescuing.start()
    with open(writer, "w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logs.setup({})
        for size in range(1, 1000):
            log.info("x" * size)
        while "lines of the log were left out" not in said and not waited.is_set():
            said += read(reader)
            log.info("again")
        monkeypatch.undo()
        rescuing.cancel()
        rescuing.join()
        said += read(reader)
    assert not waited.is_set()
    os.close(reader)


def read(fd: int) -> str:
    """What is there."""
    said = b""
    while select.select([fd], [], [], 0)[0]:
        said += os.read(fd, 2**16)
    return said.decode()


def test_what_is_forgotten_is_kept_nowhere() -> None:
    logs.register("a-secret-to-forget")
    assert logs.redact("it is a-secret-to-forget") == "it is [secret]"
    logs.seal()
    logs.unseal()
    assert "a-secret-to-forget" not in str(logs._secrets)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "zy"])
def test_a_secret_is_found_inside_of_what_others_encode(before: str, after: str) -> None:
    logs.register(SECRET)
    text = f"{before}{SECRET}{after}"
    for encoded in (
        *(base64.b64encode(text.encode()), base64.urlsafe_b64encode(text.encode())),
        *(base64.b64encode(quote_plus(text).encode()), quote(text, safe="").lower().encode()),
        *(json.dumps(text).replace("/", "\\/").encode(), repr(text).encode()),
    ):
        assert "[secret]" in logs.hide(encoded.decode())
        assert len(logs.hide(encoded.decode()).replace("[secret]", "")) < 20


def test_of_two_secrets_the_longer_one_goes_first() -> None:
    for secret in ("shared-beginning", "shared-beginning-and-more"):
        logs.register(secret)
    assert logs.hide("it is shared-beginning-and-more", "*") == "it is *"


def test_what_nobody_catches_shows_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    class Dropped:
        def __del__(self) -> None:
            raise ValueError(SECRET)

    def fail() -> None:
        raise ValueError(SECRET)

    logs.setup({})
    Dropped()
    thread = threading.Thread(target=fail, name="mine")
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    found = lines(capsys)
    assert [re.sub(r".* bug (.*?): (\w+) at .*", r"\1: \2", line) for line in found] == [
        "where nobody can catch it: ValueError",
        "in thread mine: ValueError",
        "at the top: ValueError",
    ]
    assert SECRET not in "".join(found)


def test_thousands_of_secrets_are_found_like_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens rotate for months. What has made room is shown again, and a part of another one stays hidden."""
    monkeypatch.setattr(logs, "MAX_SECRETS", 400)
    for number in range(500):
        logs.register(f"token-{number:03}")
    logs.register("token-450-and-more")
    assert len(list(logs._needles)) > hiding.FEW
    said = "token-099 token-450 TOKEN-450-%61nd-more token-499"
    assert logs.redact(said) == "token-099 [secret] [secret] [secret]"


@given(st.lists(st.text("ab", max_size=12), max_size=6), st.integers(0, 6), st.text("ab", max_size=60))
def test_needles_are_what_is_added_and_not_dropped(texts: list[str], left: int, text: str) -> None:
    for few in (0, hiding.FEW):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(hiding, "FEW", few)
            needles = hiding.Needles(texts)
            needles.drop(texts[:left])
            long = {each for each in texts[left:] if len(each) >= hiding.SHORTEST}
            assert set(needles) == long
            found = needles.within(text)
            assert set(found) == {each for each in long if each in text}
            assert [len(each) for each in found] == sorted(map(len, found), reverse=True)


def test_a_long_text_that_is_looked_at_holds_up_no_line_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt of megabytes, of which a dry run is shown, takes seconds."""
    looking, go = threading.Event(), threading.Event()
    within = hiding.Needles.within

    def slowly(self: hiding.Needles, text: str) -> list[str]:
        if text == "long":
            looking.set()
            assert go.wait(60)
        return within(self, text)

    monkeypatch.setattr(hiding.Needles, "within", slowly)
    logs.register(SECRET)
    told: list[str] = []

    def lines() -> None:
        logs.register("another secret")
        told.append(logs.hide(f"{SECRET} and another secret"))

    threads = [threading.Thread(target=act, daemon=True) for act in (lambda: logs.hide("long"), lines)]
    threads[0].start()
    assert looking.wait(60)
    threads[1].start()
    threads[1].join(30)
    meanwhile = [*told]
    go.set()
    threads[0].join(30)
    assert meanwhile == ["[secret] and [secret]"]
