"""Tables of agreement on numbers that were planted, and on drawn pages whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import measurements, validation
from ecgstudy.data.manifest import Pages
from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.pages import draw, reading
from ecgstudy.vocabulary import LEADS


@pytest.fixture(scope="module")
def pages() -> Pages:
    """Two drawn pages of each layout."""
    drawn = {f"{name}-{number}": draw.synthetic_page(number, seed=5, layouts=(name,), label="normal")
             for name in ("3x4", "6x2plain", "6x2grid") for number in range(2)}  # fmt: skip
    rows = [
        {"path": page_id, "page_id": page_id, "label": "normal", "selected": True, "group": page_id,
         "layout": page_id[:-2], "width": 1, "height": 1, "printed_bpm": round(page.recording.rate)}
        for page_id, page in drawn.items()
    ]  # fmt: skip
    return Pages(pd.DataFrame(rows), "grid", lambda path: drawn[path].picture)


@pytest.fixture(scope="module")
def measured(pages, tmp_path_factory) -> MeasuredPages:
    return measurements.measured_pages(pages, tmp_path_factory.mktemp("validation"))


def planted(rows: pd.DataFrame, traces: np.ndarray | None = None) -> MeasuredPages:
    """Measurements by hand."""
    table = pd.DataFrame([reading.empty_row()] * len(rows), index=rows.index).assign(**rows)
    traces = np.full((len(rows), 12, 50), np.nan, np.float16) if traces is None else traces
    return MeasuredPages(table, np.empty((len(rows), 12, 0)), traces, 250.0, "planted")


def test_drawn_pages_agree_with_the_rate_they_print(pages, measured):
    table = validation.rate_agreement(validation.compared_rates(measured, pages.manifest)).set_index("layout")
    assert list(table.index) == ["3x4", "6x2plain", "6x2grid"]
    assert (table["within"] == 1).all() and table["met"].all() and (table["multiple"] == 0).all()
    assert (table["bias"].abs() < 2).all()
    assert validation.rate_disagreements(validation.compared_rates(measured, pages.manifest)).empty


def test_drawn_pages_obey_einthoven_and_goldberger(pages, measured):
    """The signals come from one dipole, so the laws hold before drawing; what is left is the tracing's."""
    table = validation.residual_table(validation.lead_residuals(measured), pages.manifest)
    assert len(table) == 6 and (table["pages"] == 2).all()
    assert (table["median"] < 0.03).all()
    assert (table["median"] < table["p95"]).all()


def test_pulses_of_drawn_pages_are_one_millivolt(pages, measured):
    table = validation.pulse_heights(measured, pages.manifest)
    assert (table["shown"] == 1).all()
    np.testing.assert_allclose(table["median"], 1.0, atol=0.03)


def test_what_exists_is_counted_by_layout(pages, measured):
    table = validation.measurement_shares(measured, pages.manifest).set_index("layout")
    assert (table["pages"] == 2).all()
    assert (table["rate"] == 1).all() and (table["qrs_ms"] == 1).all()


def test_rate_agreement_of_planted_rates():
    names = list("abcd")
    manifest = pd.DataFrame({"page_id": names, "layout": "3x4", "label": "normal", "printed_bpm": [60, 100, 160, 70]})
    table = pd.DataFrame({"rate": [62.9, 106.0, 80.0, np.nan]}, index=names)
    compared = validation.compared_rates(planted(table), manifest)
    row = validation.rate_agreement(compared).iloc[0]
    assert (row["pages"], row["measured"], row["within"], row["multiple"]) == (4, 0.75, 0.25, 1)
    assert not row["met"]
    apart = np.array([2.9, 6.0, -80.0])
    assert row["bias"] == pytest.approx(apart.mean())
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * apart.std(ddof=1))
    assert list(validation.rate_disagreements(compared)["page_id"]) == ["d", "c", "b"]


def test_the_device_is_compared_where_both_have_a_value_and_axes_the_short_way_round():
    device = pd.DataFrame(
        {"hr": [60, 70], "pr_ms": [150, np.nan], "qrs_ms": [90, 90], "qt_ms": [400, 400], "qrs_axis": [170, -10],
         "rv5_mv": [1.0, 1.0], "sv1_mv": [0.5, 0.7]}, index=["a", "b"],
    )  # fmt: skip
    ours = pd.DataFrame(
        {"rate": [61.0, 69.0], "pr_ms": [140.0, 120.0], "axis_deg": [-175.0, 10.0], "V1_s_mv": [-0.6, -0.7]},
        index=["a", "b"],
    )
    table = validation.device_agreement(validation.against_device(planted(ours), device)).set_index("measurement")
    assert (table.loc["heart rate (1/min)", "bias"], table.loc["heart rate (1/min)", "absolute"]) == (0, 1)
    assert list(table.loc["PR (ms)", ["printed", "pages", "bias", "only_ours"]]) == [1, 1, -10, 1]
    assert table.loc["QRS axis (degrees)", "bias"] == pytest.approx((15 + 20) / 2)
    assert table.loc["SV1 (mV)", "bias"] == pytest.approx(0.05)
    assert table.loc["QT (ms)", "pages"] == 0


def test_residuals_of_planted_leads():
    traces = np.zeros((1, 12, 50), np.float16)
    for lead, value in {"I": 0.5, "III": 0.25, "II": 0.5, "aVR": -0.5, "aVL": 0.25, "aVF": 0.5}.items():
        traces[0, LEADS.index(lead)] = value
    traces[0, LEADS.index("III"), 10:] = np.nan
    found = validation.lead_residuals(planted(pd.DataFrame(index=["a"]), traces)).set_index("law")
    assert list(found["median"]) == [0.25, 0.25]
    assert list(found["samples"]) == [10, 50]


def test_pages_that_print_nothing_give_empty_tables():
    manifest = pd.DataFrame({"page_id": ["a"], "layout": "3x4", "label": "normal"})
    compared = validation.compared_rates(planted(pd.DataFrame(index=["a"])), manifest)
    assert compared.empty and validation.rate_agreement(compared).empty
    assert validation.rate_disagreements(compared).empty
    assert validation.device_agreement(validation.against_device(planted(pd.DataFrame(index=["a"])))).empty


def test_the_words_carry_the_numbers_of_the_tables(pages, measured):
    agreed = validation.rate_agreement(validation.compared_rates(measured, pages.manifest))
    left = validation.residual_table(validation.lead_residuals(measured), pages.manifest)
    words = validation.validation_in_words(
        agreed, validation.device_agreement(validation.against_device(measured)), left
    )
    assert words.count("100.0%") == 3 and "microvolts" in words
    assert "no rate" in validation.validation_in_words(agreed.iloc[:0], agreed, left)
