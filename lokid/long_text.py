"""A long text, put together in steps: what ``"".join`` does, which makes 15 million characters with an emoji
among them in one call of 40 ms that lets no other thread run.

Strategy: look at the pieces for how long and how wide the text is, take memory for it once, which costs
nothing until it is written, and copy piece by piece. (``+=`` makes all of it anew when the first wide
character comes late.) Python has no words for that, its C API has: a text that only its maker holds may still
be written, see ``PyUnicode_CopyCharacters`` in https://docs.python.org/3/c-api/unicode.html.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

STEP = 256 * 1024
"""Characters: up to 1 MiB of fresh memory, 1 ms. What is shorter is one step."""

# Python keeps a text with one, one, two or four bytes for each character, as the widest in it needs: the last
# character of each kind, and of which kind the one is that a byte of UTF-8 begins.
_LAST = (0x7F, 0xFF, 0xFFFF, 0x10FFFF)
_KINDS = bytes(0 if byte < 0xC2 else 1 if byte < 0xC4 else 2 if byte < 0xF0 else 3 for byte in range(256))


def joined(texts: Iterable[str], between: str = "") -> str:
    """``between.join(texts)``."""
    given = list(texts)
    if len(given) < 2:  # as nearly always
        return given[0] if given else ""
    if sum(map(len, given)) <= STEP:
        return between.join(given)

    def pieces() -> Iterator[str]:
        for number, text in enumerate(given):
            yield between if number else ""
            for at in range(0, len(text), STEP):
                yield text[at : at + STEP]

    return assembled(pieces)


def is_blank(text: str) -> bool:
    """As ``not text.strip()``, which copies a text that ends with a line break, only to throw it away."""
    return not text or text.isspace()


def assembled(pieces: Callable[[], Iterable[str]]) -> str:
    """What ``pieces()``, none longer than ``STEP``, are together. They are gone through twice, so that nobody
    need hold them."""
    # Here, as lokictl has no long texts and no time.
    from ctypes import PYFUNCTYPE, c_ssize_t, c_uint32, c_void_p, py_object, pythonapi

    length = kind = 0
    for piece in pieces():
        length += len(piece)
        if kind < 3:
            kind = max(kind, _kind(piece))
    new = PYFUNCTYPE(py_object, c_ssize_t, c_uint32)(("PyUnicode_New", pythonapi))
    copy = PYFUNCTYPE(c_ssize_t, c_void_p, c_ssize_t, py_object, c_ssize_t, c_ssize_t)(
        ("PyUnicode_CopyCharacters", pythonapi)
    )
    text: str = new(length, _LAST[kind])
    # By its address: handed over as an object it would be held twice, and Python writes to no such text.
    address, at = id(text), 0
    for piece in pieces():
        at += copy(address, at, piece, 0, len(piece))
    return text


def _kind(piece: str) -> int:
    if piece.isascii():
        return 0
    found = piece.encode("utf-8", "surrogatepass").translate(_KINDS)
    return next(kind for kind in (3, 2, 1) if kind in found)
