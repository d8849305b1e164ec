"""What was freed is not in the memory of the process any more."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import anyio
from lokid.runtime.secrets import freed

def word(n):
    return bytes(b ^ 255 for b in bytes([137, 150, 146, 146, 150])) + b"%07d" % n

def copies():
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            where, mode, *_ = line.split()
            if mode.startswith("rw"):
                start, end = (int(one, 16) for one in where.split("-"))
                try:
                    memory.seek(start)
                    data = memory.read(end - start) or b""
                except (OSError, ValueError, OverflowError):
                    continue
                found += data.count(word(7)[:5])
                del data
    return found

async def main():
    kept = [(word(n) + b"-" * (n * 4)).decode() for n in range(100) for _ in range(9)]
    del kept
    before = copies()
    await freed.overwrite()
    print(before, copies())

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_python_freed_is_overwritten() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 100
    assert after < before / 20  # a few are in the buffers of whoever looks


FROZEN = """
import gc, weakref
import anyio
from lokid.runtime.secrets import freed

class Client:
    pass

client = Client()
client.itself = client
gone = weakref.ref(client)
gc.freeze()
del client
anyio.run(freed.overwrite)
print(gone() is None, gc.get_freeze_count() > 0)
"""


def test_a_client_of_the_start_goes_too_although_the_collector_passes_over_it() -> None:
    done = subprocess.run([sys.executable, "-c", FROZEN], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
