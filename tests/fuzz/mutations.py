"""New inputs from old ones, for a fuzzer that must not need anything: the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

TOKENS = (
    *(
        b"\0",
        b"\xff",
        b"\r\n",
        b"\n\n",
        b"\x1d",
        b"\x85",
        b"\xe2\x80\xa8",
        b"\xed\xa0\xbd",
        b"\xc1",
        b"\xdf\xff\xff",
    ),
    *(
        b"data: ",
        b"event: ",
        b"[DONE]",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b": ",
        b"- ",
        b"\t",
        b"#",
        b"&a ",
        b"*a",
    ),
    *(
        b"null",
        b"true",
        b"1e999",
        b"NaN",
        b"-0",
        b"18446744073709551616",
        b'"\\ud800"',
        b"<think>",
        b"@@",
        b"{{NAME}}",
    ),
    *(
        b"clients",
        b"type",
        b"error",
        b"code",
        b"choices",
        b"delta",
        b"usage",
        b"index",
        b"arguments",
        b"message",
    ),
)
"""What the formats are made of, and what has broken parsers elsewhere."""

LONGEST = 600


def mutations(corpus: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(chance.choice(corpus)[:LONGEST])
        for _ in range(chance.choice((1, 1, 2, 3, 6))):
            _change(data, corpus, chance)
        yield bytes(data[:LONGEST])


def _change(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    upto = min(len(data), at + chance.choice((1, 1, 2, 4, 16, 64)))
    match chance.randrange(7):
        case 0:
            del data[at:upto]
        case 1:
            data[at:at] = data[at:upto] * chance.choice((1, 2, 20))
        case 2:
            data[at:at] = chance.choice(TOKENS)
        case 3:
            data[at:upto] = chance.choice(TOKENS)
        case 4 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 5:
            other = chance.choice(corpus)
            begin = chance.randrange(len(other) + 1)
            data[at:] = other[begin : begin + LONGEST]
        case _:
            data[at:upto] = chance.randbytes(upto - at)
