"""Whether a series of samples goes up. Pure: numbers in, a verdict out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SURE = 0.01
"""How likely chance alone may make a series look as if it rose, before a rise is believed."""

MOST_PAIRS = 400
"""Samples that are compared with each other at most (80,000 pairs); longer series are thinned out."""


@dataclass(frozen=True, slots=True)
class Trend:
    """``growth``: from the first sample to the last along the line, in the unit of the samples. ``chance``:
    how likely a series without any trend rises as steadily."""

    least: float
    median: float
    most: float
    growth: float
    chance: float

    def rises(self, allowed: float) -> bool:
        return self.growth > allowed and self.chance < SURE


def trend(samples: Sequence[float]) -> Trend:
    """The line through the median of all slopes (Theil and Sen), as a peak of load must not count for more
    than any other sample; and the test of Mann and Kendall, which only asks how many pairs go up."""
    step = -(-len(samples) // MOST_PAIRS)
    series = samples[::step]
    count = len(series)
    if count < 3:
        raise ValueError("a trend needs three samples")
    slopes = [(series[b] - series[a]) / (b - a) for a in range(count) for b in range(a + 1, count)]
    ups = sum(slope > 0 for slope in slopes) - sum(slope < 0 for slope in slopes)
    ties = [series.count(value) for value in set(series)]
    variance = _pairs_variance(count) - sum(_pairs_variance(tie) for tie in ties)
    score = (ups - 1) / math.sqrt(variance) if ups > 0 and variance > 0 else 0.0
    return Trend(
        min(samples),
        statistics.median(samples),
        max(samples),
        statistics.median(slopes) * (count - 1),
        statistics.NormalDist().cdf(-score),
    )


def _pairs_variance(count: int) -> float:
    return count * (count - 1) * (2 * count + 5) / 18


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(samples: Sequence[float], width: int = 60) -> str:
    """The medians of ``width`` equal parts, from the lowest to the highest."""
    parts = min(width, len(samples))
    edges = [len(samples) * part // parts for part in range(parts + 1)]
    medians = [statistics.median(samples[a:b]) for a, b in pairwise(edges)]
    least, most = min(medians), max(medians)
    span = (most - least) or 1.0
    return "".join(_BARS[int((value - least) / span * (len(_BARS) - 1))] for value in medians)
