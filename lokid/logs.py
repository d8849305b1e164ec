"""The log: lines on standard error, one per event, without a secret.

No line holds a header, a body or a prompt: nobody passes one. This module is the second fence. It replaces
every registered secret by ``[secret]`` wherever it appears, turns control characters into spaces (no
forged lines, no terminal escapes), and of an exception shows its type and where it was raised, never its
text: the texts of foreign exceptions like to quote what they choked on. The same holds for exceptions that
nobody catches, in threads and finalizers, which Python itself would print with all their words.

``LOKID_LOG`` is ``debug``, ``info`` (default), ``warning`` or ``error``. It moves lokid's own loggers;
libraries speak from ``warning`` on, because HTTP libraries log whole URLs at ``info``.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import select
import sys
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

    from lokid.hiding import Needles

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""sd-daemon(3): the journal reads ``<N>`` at the start of a line as its priority."""

MIN_SECRET = 8
"""Shorter registered values would blank ordinary words of the log; real keys are far longer."""

MAX_SECRETS = 4096
"""Tokens rotate about hourly, so old ones must leave again; a configuration has far fewer keys."""

MAX_LINE = 8192
"""Characters; the journal splits lines at 48 KiB, and no sentence of ours is near this."""

FRAMES = 4
"""Frames of an exception that are shown, innermost first: enough to find the place in one line."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_KEY_SHAPES = re.compile(
    # Patterns of keys that were never registered, as a provider may echo one in an error: OpenAI and
    # Anthropic, Google, AWS, Google OAuth, JSON Web Tokens, bearer headers, keys in a query.
    r"\bsk-[\w-]{8,}|\bAIza[\w-]{20,}|\bAKIA[A-Z0-9]{12,}|\bya29\.[\w.-]+|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|(?<=Bearer )\S+|(?<=[?&]key=)[^&\s]+"
)

_secrets: dict[str, tuple[tuple[str, ...], set[str]]] = {}
"""Of each its ``forms``, and the same for ``hiding``: made where it is registered, which is in a thread when
there are many."""

_forms: Needles | None = None
"""All forms of all of them."""

_needles: Needles | None = None
"""The same, for ``hiding``."""

_lock = threading.RLock()
"""Threads register too, and a finalizer that fails may log in the middle of anything."""

_sealed = False


def register(secret: str) -> None:
    """From now on no line shows ``secret``, in any of its ``forms``."""
    global _forms, _needles
    if len(secret) < MIN_SECRET or secret in _secrets:
        return
    from lokid import hiding  # before the socket is bound nobody needs it

    texts = forms(secret)
    needles = hiding.needles(texts)
    with _lock:
        if _sealed or secret in _secrets:
            return
        if _forms is None or _needles is None:
            _forms, _needles = hiding.Needles(), hiding.Needles()
        while len(_secrets) >= MAX_SECRETS:
            old, bare = _secrets.pop(next(iter(_secrets)))
            _forms.drop(old)
            _needles.drop(bare)
        _secrets[secret] = texts, needles
        _forms.add(texts)
        _needles.add(needles)


def seal() -> None:
    """Forgets all of them, and takes no new ones until ``unseal``: lokid is locked, and keeps none itself."""
    global _forms, _needles, _sealed
    with _lock:
        _sealed = True
        _secrets.clear()
        _forms = _needles = None


def unseal() -> None:
    global _sealed
    with _lock:
        _sealed = False


def forms(secret: str) -> tuple[str, ...]:
    """How others write ``secret`` when they repeat it: as it is, in URLs, in JSON, in a repr, and in base64
    with anything before and after it (``user:secret`` of a basic authorization), also quoted first (RFC 6749
    2.3.1), and in hexadecimal."""
    from urllib.parse import quote, quote_plus  # before the socket is bound nobody needs it

    data = secret.encode(errors="surrogateescape")
    quoted, spaced = quote(data, safe=""), quote_plus(data)
    texts = [secret, quoted, spaced, quote(data), quote(data, safe=_IN_URLS)]
    texts += [re.sub("%..", lambda code: code[0].lower(), text) for text in texts[1:]]
    texts += [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    texts += [text.replace("/", "\\/") for text in texts]
    for each in dict.fromkeys((data, quoted.encode(), spaced.encode())):
        for before in range(3):
            texts += _within_base64(each, before)
    texts += [data.hex(), data.hex().upper()]
    return tuple(dict.fromkeys(texts))


_IN_URLS = "!$&'()*+,/:;=?@~"


def _within_base64(data: bytes, before: int) -> Iterator[str]:
    """Both alphabets, without the characters that hold bits of what stands before and after."""
    whole = data[: len(data) - (before + len(data)) % 3]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(bytes(before) + whole)[(0, 2, 3)[before] :].decode()


def hide(text: str, mark: str = "[secret]") -> str:
    """``text`` with ``mark`` in the place of every registered secret, however it is written."""
    # Without the lock: a prompt of megabytes takes seconds, and the next line of the log would wait for it.
    known, needles = _forms, _needles
    if known is None or needles is None:
        return text
    from lokid import hiding

    for form in known.within(text):
        text = text.replace(form, mark)
    return hiding.hide(text, needles, mark)


def redact(text: str) -> str:
    """``text`` as it may be shown: without secrets, what looks like one, and control characters."""
    text = hide(text)
    return _CONTROL.sub(" ", _KEY_SHAPES.sub("[secret]", text))[:MAX_LINE]


def place(error: BaseException) -> str:
    """Type and origin of ``error`` in one line, without its text; members of a group follow in brackets."""
    frames = list(_frames(error.__traceback__))[-FRAMES:]
    where = " < ".join(reversed(frames)) or "nowhere"
    inner = ""
    if isinstance(error, BaseExceptionGroup):
        inner = " [" + "; ".join(place(member) for member in error.exceptions[:FRAMES]) + "]"
    elif error.__cause__ is not None:
        inner = f", caused by {type(error.__cause__).__name__}"
    return f"{type(error).__name__} at {where}{inner}"


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        short = "/".join(code.co_filename.rsplit(os.sep, 2)[-2:])
        yield f"{short}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next


class _Line(logging.Formatter):
    """``journal``: priority prefix and no time, both are the journal's business."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {place(record.exc_info[1])}"
        line = f"{record.name}: {redact(text)}"
        if self._journal:
            return f"<{PRIORITIES.get(record.levelno, 6)}>{line}"
        at = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}"
        return f"{at} {record.levelname.lower()} {line}"


class _Handler(logging.StreamHandler[TextIO]):
    """Lines that nobody reads hold up nobody: of a terminal that was stopped (Ctrl-S), a pager."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._left_out = 0
        self._terminal = _opened(stream)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n"
            if self._left_out:
                line = f"{self._left_out} lines of the log were left out: nobody read them\n{line}"
            for begin in range(0, len(line), _PIECE):
                if not (self._is_read() and self._write(line[begin : begin + _PIECE])):
                    self._left_out += 1
                    return
            self._left_out = 0
        except Exception:  # its reader is gone, for one
            self.handleError(record)

    def _write(self, piece: str) -> bool:
        """Whether all of it was. A terminal may have room for less than a piece, and then would wait."""
        if self._terminal is None:
            self.stream.write(piece)
            self.flush()
            return True
        data = piece.encode(self.stream.encoding, "backslashreplace")
        for _ in range(_TRIES):
            try:
                data = data[os.write(self._terminal, data) :]
            except BlockingIOError:
                if not self._is_read():
                    return False
            if not data:
                return True
        return False

    def _is_read(self) -> bool:
        """Whether a piece can be written now, or soon after everything else could."""
        try:
            ready = select.poll()
            ready.register(self.stream.fileno(), select.POLLOUT)
        except (OSError, ValueError):  # none of the system's
            return True
        return bool(ready.poll(0 if self._left_out else _PATIENCE_MS))


def _opened(stream: TextIO) -> int | None:
    """The terminal, opened once more: that writing does not wait is of an open file, and the shell has ours.
    None if it is no terminal, or that of another user."""
    try:
        if stream.isatty():
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            return os.open(f"/proc/self/fd/{stream.fileno()}", flags)
    except (AttributeError, OSError, ValueError):  # nor is one that was closed
        pass
    return None


_TRIES = 1000
"""To write a piece. Where there is room for a line feed alone a terminal says so, and takes none."""

_PIECE = 1024
"""Characters: at most what a pipe takes at once where it takes anything."""

_PATIENCE_MS = 50
"""For a reader that is slow."""


def setup(environ: Mapping[str, str]) -> None:
    """Sends the log of this process to standard error. Called once, by the daemon."""
    wanted = environ.get("LOKID_LOG", "info").lower()
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Line(journal=_is_journal(environ)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("lokid").setLevel(LEVELS.get(wanted, logging.INFO))
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "hpack", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = lambda args: _log_bug(
        f"in thread {args.thread and args.thread.name}", args.exc_value
    )
    # A log whose reader is gone must not fail a request, nor print a traceback about itself.
    logging.raiseExceptions = False
    if wanted not in LEVELS:
        logging.getLogger("lokid").warning("LOKID_LOG is none of %s; taking info", ", ".join(LEVELS))


def _uncaught(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    _log_bug("at the top", error)


def _unraisable(args: UnraisableHookArgs) -> None:
    _log_bug("where nobody can catch it", args.exc_value)


def _log_bug(where: str, error: BaseException | None) -> None:
    logging.getLogger("lokid").error("bug %s: %s", where, place(error) if error else "an exception")


def _is_journal(environ: Mapping[str, str]) -> bool:
    """systemd.exec(5): ``JOURNAL_STREAM`` is device:inode of the stream, which may be redirected by now."""
    try:
        here = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{here.st_dev}:{here.st_ino}"
