import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import PIL.Image
import pytest
from matplotlib.collections import PathCollection

from ecgstudy.data.manifest import Pages
from ecgstudy.pages.layout import Box, PageLayout
from ecgstudy.report import (
    claims,
    figures_clinical,
    figures_controls,
    figures_data,
    figures_pages,
    figures_scores,
    tables,
)
from ecgstudy.vocabulary import CLASSES, PROTOCOLS

PAGE = np.full((30, 50, 3), 255, np.uint8)
FRAME = Box(0.1, 0.2, 0.9, 0.8)
LAYOUT = PageLayout("3x4", "page", FRAME, {"I": Box(0.1, 0.3, 0.5, 0.5)}, {"I": 0.4}, FRAME, "II", 0.7, 1.0)


RECALLS = pd.DataFrame(
    [("majority", name, "all", label, 0.5, 0.4, 0.6, 1, 2) for name in PROTOCOLS for label in CLASSES],
    columns=["model", "protocol", "stratum", "label", "value", "low", "high", "found", "pages"],
)


def by_class(**columns) -> pd.DataFrame:
    return pd.DataFrame({"label": ["normal", "mi", "all"], **columns})


STEPS = pd.DataFrame(
    [
        ("majority", "none", "all", "grouped to unseen", "balanced_accuracy", -0.1, -0.2, 0.0),
        ("mobilenet", "random", "head", "grouped to unseen", "balanced_accuracy", -0.1, -0.2, 0.0),
    ],
    columns=["model", "weights", "trained", "step", "metric", "value", "low", "high"],
)
RATES = pd.DataFrame({"label": ["mi", "mi"], "selected": [True, False], "printed_bpm": [80.0, None]})
CONFUSION = pd.DataFrame({"label": ["mi", "mi"], "answer": ["mi", "normal"], "pages": [3.0, 1.0]})
CONFUSION = CONFUSION.assign(model="majority", protocol="grouped")
GALLERY = pd.DataFrame({"page_id": ["a", "b", "c"], "label": ["normal", "mi", "mi"]})
SCORE = {"value": 0.5, "low": 0.4, "high": 0.6, "metric": "balanced_accuracy"}
COMPARISONS = pd.DataFrame({"model": ["a"], "other": ["b"], **SCORE, "p_holm": [0.4]})
RELIABILITY = pd.DataFrame({"stage": "raw", "label": "mi", "predicted": [0.1, 0.8], "observed": [0.0, 1.0]})
RELIABILITY = RELIABILITY.assign(low=0.0, high=1.0, model="a", protocol="grouped")
CURVE = pd.DataFrame({"target": "mi", "model": ["all", "none", "a"], "threshold": 0.1, "net_benefit": 0.1})
CURVE = CURVE.assign(protocol="grouped")
COVERAGE = pd.DataFrame({"model": "a", "label": CLASSES, "alpha": 0.1, "covered": 0.9, "low": 0.8, "high": 1.0})
COVERAGE = COVERAGE.assign(kind="inner", set_size=2.0)
CONTROLS = pd.DataFrame({"model": "a", "title": ["header only", "permuted labels"], **SCORE})
ROBUSTNESS = pd.DataFrame({"model": "a", "damage": "blur", "severity": [0, 2, 4], "clean": 0.6, **SCORE})
LEARNING = pd.DataFrame({"model": "a", "learned_pages": [100, 200], **SCORE})
WIDTHS = pd.DataFrame({"model": "a", "pages": [30, 100], "recall": 0.5, "low": [0.3, 0.4], "high": [0.7, 0.6]})
FACTS = {"path": GALLERY.page_id, "group": "g", "selected": True, "layout": "3x4", "width": 50, "height": 30}
PAGES = Pages(GALLERY.assign(**FACTS), "grid", lambda path: PAGE)

DRAWINGS = {
    "steps": lambda ax: figures_scores.plot_steps(STEPS, ax),
    "class_scores": lambda ax: figures_scores.plot_class_scores(RECALLS, ax),
    "class_falls": lambda ax: figures_scores.plot_class_falls(RECALLS, "majority", ax),
    "confusion": lambda ax: figures_scores.plot_confusion(CONFUSION, "majority", ax),
    "copies": lambda ax: figures_data.plot_copies(by_class(files=[4, 8, 12], distinct=[2, 1, 3]), ax),
    "leakage": lambda ax: figures_data.plot_leakage(
        by_class(test_files=[4, 0, 4], with_copy=[1, 0, 1]).set_index("label"), ax
    ),
    "selection": lambda ax: figures_data.plot_selection(by_class(selected=[4, 1, 5], unseen=[3, 0, 3]), ax),
    "layouts": lambda ax: figures_data.plot_layouts(
        pd.DataFrame({"layout": ["3x4", "other"], "label": ["mi", "normal"], "pages": [3, 1]}), ax
    ),
    "rates": lambda ax: figures_data.plot_rates(RATES, ax),
    "pages": lambda ax: figures_pages.plot_pages(GALLERY, PAGES, ax),
    "maps": lambda ax: figures_pages.plot_maps([PAGE] * 4, np.ones((4, 30, 50)), list("abcd"), ax),
    "comparisons": lambda ax: figures_clinical.plot_comparisons(COMPARISONS, ax),
    "reliability": lambda ax: figures_clinical.plot_reliability(RELIABILITY, "a", ax),
    "decision_curve": lambda ax: figures_clinical.plot_decision_curve(CURVE, ["a"], ax),
    "coverage": lambda ax: figures_clinical.plot_coverage(COVERAGE, ax),
    "controls": lambda ax: figures_controls.plot_controls(CONTROLS, "a", ax),
    "robustness": lambda ax: figures_controls.plot_robustness(ROBUSTNESS, "a", ax),
    "learning_curve": lambda ax: figures_controls.plot_learning_curve(LEARNING, ax),
    "recall_widths": lambda ax: figures_controls.plot_recall_widths(WIDTHS, "a", ax),
    "lead_boxes": lambda ax: figures_pages.plot_lead_boxes(PAGE, LAYOUT, ax),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_figure_draws_on_the_axes_it_is_given_and_on_new_ones(name):
    plt.close("all")  # what other tests left open
    ax = plt.subplots()[1]
    assert DRAWINGS[name](ax) is ax
    assert len(plt.get_fignums()) == 1
    fresh = DRAWINGS[name](None)
    fresh.figure.canvas.draw()
    assert fresh is not ax


def markers(ax) -> list[PathCollection]:
    return [drawn for drawn in ax.collections if isinstance(drawn, PathCollection)]


def row_names(ax) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels()]


def test_frozen_random_weights_are_not_in_the_ladder_figure(ladder):
    shown = row_names(figures_scores.plot_ladder(ladder))
    assert tables.model_title("mobilenet") not in shown
    assert tables.model_title("baseline_cnn") in shown  # random weights, but trained


def test_frozen_random_weights_are_not_in_the_figure_of_steps():
    assert row_names(figures_scores.plot_steps(STEPS)) == ["Class frequencies"]


def test_claims_are_hollow_and_say_that_they_are_claims(ladder):
    ax = figures_scores.plot_ladder(ladder, claims.read_claims())
    hollow = [points for points in markers(ax) if np.allclose(points.get_facecolor(), 1)]
    everywhere, beside_models = (points.get_offsets()[:, 0] for points in hollow)
    assert sorted(everywhere) == sorted(claims.read_claims().recall)
    assert list(beside_models) == [0.68]  # of the models shown, only the baseline CNN was published
    assert "Published table (claims)" in row_names(ax)


def test_the_ladder_shows_value_and_interval_of_each_rung(ladder):
    ax = figures_scores.plot_ladder(ladder[ladder.model == "efficientnet_lite0"])
    values = [points.get_offsets()[0, 0] for points in markers(ax)]
    assert values == pytest.approx([0.85, 0.75, 0.65, 0.55])
    assert "0.65 (0.10 to 0.90)" in [text.get_text() for text in ax.texts]


def test_a_confusion_shows_counts_and_shares_of_the_label():
    ax = figures_scores.plot_confusion(CONFUSION, "majority")
    texts = [text.get_text() for text in ax.texts]
    assert texts[:4] == ["3\n75%", "0\n0%", "0\n0%", "1\n25%"]


def test_abstention_is_shown_as_errors_and_as_infarctions_answered():
    curve = pd.DataFrame(
        {"model": "a", "coverage": [0.5, 1.0], "balanced_error": [0.1, 0.2], "mi_answered": [0.4, 1.0]}
    )
    errors, answered = figures_clinical.plot_risk_coverage(curve.assign(protocol="grouped"), ["a"])
    assert len(errors.lines) == 1 and len(answered.lines) == 2  # and the line of chance


def test_kinds_of_pages_stand_in_the_order_of_their_numbers():
    strata = ["above 120", "60 to 75", "unknown", "up to 60", "105 to 120"]
    rows = pd.DataFrame({"stratum": strata, "label": "mi", "found": 1, "pages": 2, "model": "a", **SCORE})
    axes = figures_controls.plot_recall_by(rows.assign(column="printed_bpm", protocol="unseen"), "a", "printed_bpm")
    shown = sorted(
        (tick, text.get_text())
        for tick, text in zip(axes[0, 0].get_xticks(), axes[0, 0].get_xticklabels(), strict=True)
    )
    assert [text.split(" (")[0] for _, text in shown] == ["up to 60", "60 to 75", "105 to 120", "above 120", "unknown"]


def test_a_study_without_such_rows_gets_a_figure_that_says_so():
    ax = figures_controls.plot_controls(pd.DataFrame(), "a")
    assert ax.texts[0].get_text() == "controls: this study has nothing to show here"


def test_models_of_one_figure_look_different():
    looks = figures_clinical.model_looks(pd.Series([f"model {at}" for at in range(16)]))
    assert len({tuple(look.values()) for look in looks.values()}) == 16


def test_a_map_colours_the_paper_and_leaves_the_trace_black():
    picture = PAGE.copy()
    picture[:, 10] = 0
    heat = np.zeros((30, 50))
    heat[:, :20], heat[:, 30:] = 1, -0.5
    shown = figures_pages.overlay(picture, heat)
    assert (shown[:, 10] == 0).all() and (shown[:, 25] == 255).all()
    red, _, blue = shown[0, 0].astype(int)
    assert red > blue + 100
    red, _, blue = shown[0, 40].astype(int)
    assert blue > red + 50


def test_a_map_of_another_size_than_its_page_is_refused():
    with pytest.raises(ValueError, match=r"map of shape \(50, 30\) over a picture of \(30, 50\)"):
        figures_pages.overlay(PAGE, np.ones((50, 30)))


def test_header_and_footer_are_not_even_hidden_in_a_figure_of_lead_boxes():
    drawn = figures_pages.plot_lead_boxes(PAGE, LAYOUT).images[0]
    assert drawn.get_array().shape == (18, 40, 3)
    assert drawn.get_extent() == [5, 45, 24, 6]


def test_header_and_footer_are_not_in_a_map_of_a_whole_page():
    whole, cut = (
        figures_pages.plot_maps([PAGE], np.ones((1, 30, 50)), ["a"], layouts=known) for known in (None, [LAYOUT])
    )
    assert whole.images[0].get_array().shape == (30, 50, 3)
    assert cut.images[0].get_array().shape == (18, 40, 3)


def test_header_and_footer_of_an_original_are_not_in_a_gallery(originals):
    path = next(originals.glob("v2/*Normal*/*.jpg"))
    rows = pd.DataFrame({"path": ["a"], "page_id": ["a"], "label": ["normal"]})
    read = lambda _: np.asarray(PIL.Image.open(path).convert("RGB"))  # noqa: E731
    drawn = figures_pages.plot_pages(rows, Pages(rows, "page", read)).images[0].get_array()
    assert drawn.shape[0] < 0.82 * 1572 and drawn.shape[1] > 0.9 * 2213
