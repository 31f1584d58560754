"""Measurements of many pages: once, for all, in order, and for pages that cannot be read as well."""

import numpy as np
import pandas as pd
import pytest

import ecgstudy as es
from ecgstudy.data import measurements
from ecgstudy.data.manifest import Pages
from ecgstudy.pages import beats, draw
from ecgstudy.vocabulary import LEADS


@pytest.fixture(scope="module")
def pages() -> Pages:
    """Three drawn pages of two layouts, and one without a trace."""
    drawn = {f"page{number}": draw.synthetic_page(number, seed=2, layouts=(name,))
             for number, name in enumerate(("3x4", "3x4", "6x2plain"))}  # fmt: skip
    pictures = {page_id: page.picture for page_id, page in drawn.items()} | {"blank": np.full((412, 703, 3), 255, "u1")}
    rows = [
        {"path": f"{page_id}.png", "page_id": page_id, "label": "normal", "selected": True, "group": page_id,
         "layout": "3x4", "width": 703, "height": 412, "truth": rate}
        for page_id, rate in [*((name, page.recording.rate) for name, page in drawn.items()), ("blank", 0.0)]
    ]  # fmt: skip
    return Pages(pd.DataFrame(rows), "grid", lambda path: pictures[path.removesuffix(".png")])


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("measurements")


@pytest.fixture(scope="module")
def measured(pages, kept):
    return measurements.measured_pages(pages, kept)


def test_every_distinct_page_has_a_row_with_its_rate(pages, measured):
    truth = pages.manifest.set_index("page_id")["truth"]
    assert set(measured.table.index) == set(truth.index)
    for page_id in ("page0", "page1", "page2"):
        assert measured.table.loc[page_id, "rate"] == pytest.approx(truth[page_id], rel=0.05)
        assert measured.table.loc[page_id, "problem"] == ""


def test_a_page_that_cannot_be_read_says_why_and_is_nan(measured):
    row = measured.table.loc["blank"]
    assert "no known page" in row["problem"]
    assert row.drop("problem").isna().all()


def test_arrays_stand_in_the_order_of_the_table(measured):
    at = measured.table.index.get_loc("page0")
    v5 = measured.median_beats[at, LEADS.index("V5")]
    r = np.nanmax(v5[round((beats.BEFORE_S - 0.05) * 250) : round((beats.BEFORE_S + 0.05) * 250)])
    assert r - np.nanmedian(v5) == pytest.approx(measured.table.loc["page0", "V5_r_mv"], abs=0.1)
    assert measured.traces.shape == (4, 12, 1250)


def test_the_second_call_reads_no_page(pages, kept, measured):
    def refuse(path):
        raise AssertionError(f"{path} was read again")

    again = measurements.measurements(Pages(pages.manifest, pages.region, refuse), kept)
    pd.testing.assert_frame_equal(again, measured.table)


def test_features_are_numbers_and_do_not_tell_how_well_a_page_could_be_read(measured):
    table = measurements.page_features(measured)
    assert list(table.index) == list(measured.table.index)
    assert all(kind.kind == "f" for kind in table.dtypes)
    assert table.loc["page0"].notna().mean() > 0.8
    assert not [name for name in table.columns if "quality" in name or "calibration" in name or name == "problem"]
    assert {"rate", "qrs_ms", "V2_st_j60_mv", "aVF_at_0"} <= set(table.columns)


def test_pages_are_traced_on_all_cores_in_the_order_asked_for_and_a_page_without_a_trace_says_why(pages):
    told = []
    found = list(es.trace_all(pages, ["page2", "blank", "page0"], progress=told.append))
    assert [page_id for page_id, _ in found] == ["page2", "blank", "page0"]
    assert "no known page" in found[1][1]
    assert [traced.layout.name for _, traced in (found[0], found[2])] == ["6x2plain", "3x4"]
    alone = es.trace(pages.picture("page2"))
    np.testing.assert_array_equal(found[0][1].signals["V3"], alone.signals["V3"])
    assert told == ["traced 3 of 3 pages"]
