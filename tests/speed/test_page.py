"""docs/performance.md shows what docs/performance.json holds: nobody edits a figure by hand."""

from __future__ import annotations

from benchmarks import goals, page
from benchmarks.plot import Panel, Row, draw


def test_the_figures_on_the_page_are_those_that_were_measured():
    parts = page.load()
    assert page.figures(parts) in page.PAGE.read_text()
    assert draw(list(page.panels(parts))) == page.PLOT.read_text()


def test_a_goal_is_judged_by_its_median_and_its_miss_is_explained():
    goal = goals.Goal(
        "ten", "part", lambda found: found["x"], 10, "ms", why="so", best=lambda found: found["y"]
    )
    assert goals.judged(goal, {"part": {"measured": {"x": 9.0, "y": 8.0}}})[1:] == ("reached", "")
    assert goals.judged(goal, {"part": {"measured": {"x": 11.0, "y": 8.0}}})[1:] == (
        "in the best round",
        "so",
    )
    assert goals.judged(goal, {"part": {"measured": {"x": 12.0, "y": 11.0}}})[1:] == ("**missed**", "so")
    assert goals.judged(goal, {})[1] == "not measured"


def test_a_longer_bar_is_a_larger_value_on_a_scale_of_powers_of_ten():
    picture = draw([Panel("t", "n", [Row("a", [1.0]), Row("b", [10.0], own=True), Row("c", [100.0])])])
    widths = [float(part.split('width="')[1].split('"')[0]) for part in picture.split("<rect")[1:]]
    assert widths[2] == 2 * widths[1] > widths[0]
    assert picture.count('class="own"') == 1
