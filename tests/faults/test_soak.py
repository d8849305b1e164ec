"""The short form of ``make soak``, and that the soak would see what it looks for."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from benchmarks.soak import ALLOWED, MIB
from benchmarks.trend import sparkline, trend
from tests.fakes.daemon import ROOT


@pytest.mark.timeout(180)
def test_ten_seconds_of_faults_leave_nothing_behind() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "flat: nothing grows" in done.stdout


def noise(seed: int, *, leak: float, count: int = 30) -> list[float]:
    chance = random.Random(seed)
    return [
        70 + leak * at + chance.gauss(0, 0.5) + (8 if chance.random() < 0.1 else 0) for at in range(count)
    ]


def test_a_leak_is_seen_through_the_noise_and_noise_is_not_taken_for_one() -> None:
    for seed in range(20):
        assert trend(noise(seed, leak=0.3)).rises(4.0)
        assert trend(noise(seed, leak=0.3)).growth == pytest.approx(0.3 * 29, abs=2.5)
        assert not trend(noise(seed, leak=0.0)).rises(4.0)
        assert not trend(noise(seed, leak=-0.3)).rises(0.0)


def test_a_leak_of_two_hundred_bytes_a_question_is_seen_behind_a_start_that_settles() -> None:
    """Half an hour of the slowest machine so far, 940 questions a minute; the last part of what caches and
    the allocator take at the start is still to come, and shrinks by a fifth with each pause."""
    leak = 940 * 200 / MIB
    for seed in range(20):
        settles = [55 - 1.5 * 0.8**at + random.Random(seed * 100 + at).gauss(0, 0.25) for at in range(30)]
        assert not trend(settles).rises(ALLOWED["memory, MiB"])
        assert trend([one + leak * at for at, one in enumerate(settles)]).rises(ALLOWED["memory, MiB"])


def test_one_descriptor_for_each_pause_is_seen_in_the_shortest_soak() -> None:
    assert trend([15, 16, 17, 18, 19, 20, 21]).rises(3.0)
    assert not trend([15.0] * 7).rises(0.0)
    with pytest.raises(ValueError):
        trend([1, 2])


def test_a_line_of_bars_goes_from_the_least_to_the_most() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3, 3]) == "▁▁"
    assert len(sparkline(list(range(1000)), 40)) == 40
