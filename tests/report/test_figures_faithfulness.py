"""The figures about maps say what the tables say."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from ecgstudy.explanation import deciding, faithfulness, trials
from ecgstudy.report import figures_faithfulness, figures_pages, words
from ecgstudy.vocabulary import LEADS


def made_up(gain, randomisation=0.1):
    rows = [
        ("gradcam", "deletion", 0.2, 0.1, 0.3),
        ("gradcam", "deletion_gain", gain, gain - 0.1, gain + 0.1),
        ("gradcam", "randomisation", randomisation, 0.0, 0.2),
        ("gradcam", "agreement_folds", 0.8, 0.7, 0.9),
        ("random", "deletion", 0.4, 0.3, 0.5),
        ("random", "randomisation", 1.0, 1.0, 1.0),
    ]
    return pd.DataFrame([(m, "efficientnet_lite0", *r) for m, *r in rows], columns=list(faithfulness.COLUMNS))


def colours(ax):
    """Of the cells of the first row, from left to right."""
    cells = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    first = [cell for cell in cells if cell.get_y() < 1]
    return [cell.get_facecolor() for cell in sorted(first, key=lambda cell: cell.get_x())]


def rgba(colour):
    return (*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)), 1.0)


def test_a_cell_is_green_grey_or_orange_as_the_interval_of_the_gain_lies():
    for gain, colour in ((0.3, "PASSED"), (0.0, "UNDECIDED"), (-0.3, "FAILED")):
        ax = figures_faithfulness.plot_faithfulness(made_up(gain))
        assert colours(ax)[0] == rgba(getattr(figures_faithfulness, colour))


def test_a_limit_colours_a_cell_and_agreement_stays_white():
    for value, colour in ((0.1, "PASSED"), (0.9, "FAILED")):
        found = colours(figures_faithfulness.plot_faithfulness(made_up(0.3, value)))
        assert found[1] == rgba(getattr(figures_faithfulness, colour))
        assert found[2] == (1.0, 1.0, 1.0, 1.0)


def test_the_verdict_stands_under_the_method_and_controls_have_none():
    ax = figures_faithfulness.plot_faithfulness(made_up(0.3))
    texts = [text.get_text() for text in ax.texts]
    assert "follows the model" in texts and "knows nothing of the model" in texts
    said = words.verdicts_in_words(faithfulness.verdicts(made_up(0.3)))
    assert said.startswith("EfficientNet-Lite0, Grad-CAM: follows the model. It passes deletion by 0.30")


def test_an_empty_table_says_so():
    ax = figures_faithfulness.plot_faithfulness(pd.DataFrame(columns=list(faithfulness.COLUMNS)))
    assert "nothing to show" in ax.texts[0].get_text()


def test_deciding_leads_are_drawn_and_told_by_model():
    share = np.eye(12)[7] * 0.5 + 0.5 / 12
    rows = {"lead": LEADS, "share": share, "even": 1 / 12, "low": share, "high": share, "pages": 3}
    tables = [pd.DataFrame({"model": m, "source": s, **rows}) for m, s in (("traces", "mixed"), ("mobilenet", "map"))]
    table = pd.concat(tables)[list(deciding.COLUMNS)]
    ax = figures_faithfulness.plot_deciding_leads(table)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Traced signals: mixed", "MobileNet: map"]
    said = words.deciding_in_words(table)
    assert "Traced signals, mixed: most above an even share in V2 (54%)" in said
    assert "Traced signals, mixed and MobileNet, map: rank correlation of the leads 1.00." in said


def test_rows_of_shares_name_their_pages_and_the_area():
    rows = {"region": ["I", "II"], "value": [0.7, 0.3], "low": 0, "high": 1, "area": [0.5, 0.5], "pages": 4}
    table = pd.concat([pd.DataFrame({"label": label, **rows}) for label in ("mi", "normal")])
    ax = figures_faithfulness.plot_region_shares(table, rows="label")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["Myocardial infarction (4 pages)", "Normal (4 pages)", "share of the area"]


def test_shares_stand_where_the_leads_stand_on_the_page():
    regions = [*LEADS, "strip", "outside"]
    value = [0.5 if region == "V2" else 0.5 / 13 for region in regions]
    rows = {"region": regions, "value": value, "low": 0, "high": 1, "area": 1 / 14, "pages": 3}
    table = pd.concat([pd.DataFrame({"label": label, **rows}) for label in ("mi", "normal", "history")])
    ax = figures_faithfulness.plot_lead_layout(table)
    places = {text.get_text(): text.get_position() for text in ax.texts[:15]}  # of the first class
    assert places["V2\n50%"][0] == places["V1\n4%"][0] > places["II\n4%"][0]  # a column, right of the limb leads
    assert places["V2\n50%"][1] == places["II\n4%"][1] < places["strip\n4%"][1]  # a row, above the strip
    assert places["outside\n4%"][0] > places["V4\n4%"][0]
    assert sum(text.get_text().startswith("V2") for text in ax.texts) == 3
    no_strip = table.assign(area=np.where(table.region == "strip", 0, table.area))
    assert "strip" in [text.get_text() for text in figures_faithfulness.plot_lead_layout(no_strip).texts]


def test_drawn_pages_show_where_their_infarction_was_planted():
    mask = np.zeros((30, 50), dtype=bool)
    mask[10:20, 10:20] = True
    page = np.full((30, 50, 3), 255, np.uint8)
    cases = trials.PlantedCases(
        np.stack([page] * 3), np.ones((3, 30, 50)), [mask] * 3, [np.roll(mask, 10, axis=1) | mask] * 3, list("abc")
    )
    ax = figures_pages.plot_planted(cases, columns=2)
    assert [text.get_text() for text in ax.texts] == list("abc")
    outlines = [drawn.get_paths()[0].get_extents() for drawn in ax.collections]
    assert len(outlines) == 6
    wall, truth = outlines[:2]
    assert (truth.x0, truth.x1) == pytest.approx((0.2, 0.4), abs=0.02)
    assert (wall.x0, wall.x1) == pytest.approx((0.2, 0.6), abs=0.02)
    assert outlines[3].x0 == pytest.approx(0.2 + 1 + figures_pages.GAP, abs=0.02)
