"""Every figure of the signals draws its table, shows all of it, and says so where there is nothing."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import same_heart
from ecgstudy.data.manifest import Pages
from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.pages import draw, reading
from ecgstudy.report import figures_signals as figures

RATES = pd.DataFrame({"layout": ["3x4", "3x4", "6x2plain"], "printed": [60.0, 90, 150], "measured": [61.0, 90, np.nan]})
DEVICE = pd.DataFrame(
    {"measurement": ["PR (ms)"] * 3 + ["QT (ms)"] * 3, "device": [150.0, 160, 170, 400, 380, np.nan],
     "measured": [140.0, 155, 170, 390, 385, 400]}
)  # fmt: skip
LEFT = pd.DataFrame(
    {"page_id": list("aabb"), "law": ["Einthoven", "Goldberger"] * 2, "median": [0.004, 0.01, 0.006, 0.02],
     "layout": ["3x4", "3x4", "6x2grid", "6x2grid"]}
)  # fmt: skip


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def measured() -> MeasuredPages:
    shapes = np.random.default_rng(0).normal(size=(3, 12, 220))
    table = pd.DataFrame([reading.empty_row()] * 3, index=list("abc")).assign(rate=[60.0, 61, 80])
    return MeasuredPages(table, shapes[[0, 0, 1]], np.empty((3, 12, 0)), 250.0, "planted")


@pytest.fixture(scope="module")
def found(measured) -> same_heart.Numbers:
    manifest = pd.DataFrame({"page_id": list("abc"), "group": ["g1", "g1", "g2"], "label": "normal", "layout": "3x4"})
    return same_heart.compare_numbers(measured, manifest)


def test_printed_rates_show_every_layout_with_its_pages():
    labels = [text.get_text() for text in figures.plot_printed_rates(RATES).get_legend().get_texts()]
    assert {"3x4 (2)", "6x2plain (1)"} <= set(labels)


def test_bland_altman_has_a_panel_per_measurement_with_bias_and_limits():
    panels = np.ravel(figures.plot_bland_altman(DEVICE))
    assert [panel.get_title(loc="left") for panel in panels] == ["PR (ms), 3 pages", "QT (ms), 2 pages"]
    apart = np.array([-10, -5, 0])
    lines = [line.get_ydata()[0] for line in panels[0].lines[1:]]
    np.testing.assert_allclose(lines, apart.mean() + np.array([0, -1.96, 1.96]) * apart.std(ddof=1))


def test_residuals_are_in_microvolts():
    ax = figures.plot_residuals(LEFT)
    assert sorted(float(line.get_xdata()[0]) for line in ax.lines) == pytest.approx([4, 6, 10, 20])


def test_pairs_of_one_number_stand_beside_pairs_of_different_ones(found, measured):
    names = [text.get_text() for text in figures.plot_same_heart(found).get_legend().get_texts()]
    assert names == ["different numbers", "one number"]
    assert len(figures.plot_pairs(figures.some_pairs(found), measured).lines) == 24


def test_pages_of_every_layout_stand_beside_their_redrawn_ones():
    drawn = {name: draw.synthetic_page(0, seed=3, layouts=(name,)).picture for name in ("3x4", "6x2plain", "6x2grid")}
    rows = [
        {"path": name, "page_id": name, "label": label, "selected": True, "group": name, "layout": name,
         "width": 703, "height": 412} for name, label in zip(drawn, ("mi", "mi", "mi"), strict=True)
    ]  # fmt: skip
    pages = Pages(pd.DataFrame(rows), "grid", lambda path: drawn[path])
    chosen = figures.one_of_each_layout(pages.manifest, seed=0)
    assert list(chosen["page_id"]) == ["3x4", "6x2grid", "6x2plain"]
    panels = figures.plot_redrawn(chosen, pages)
    assert panels.shape == (3, 2)
    assert all(panel.images[0].get_array().shape == (412, 703, 3) for panel in panels[:, 1])


def test_a_study_without_prints_or_shared_numbers_gets_figures_that_say_so(found):
    nothing = same_heart.Numbers(found.pairs.iloc[:0], found.strangers, 0, found.distribution)
    drawn = [
        figures.plot_printed_rates(RATES.iloc[:0]),
        figures.plot_same_heart(nothing),
        figures.plot_bland_altman(DEVICE.iloc[:0]),
        figures.plot_pairs(figures.some_pairs(nothing), None),
    ]
    assert all("nothing to show" in np.ravel(ax)[0].texts[0].get_text() for ax in drawn)
