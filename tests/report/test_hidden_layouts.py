"""A layout that was planted in redrawn pages is told; where only hearts differ, it is chance."""

import numpy as np
import pandas as pd
import pytest
import scipy.ndimage

from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.pages import reading
from ecgstudy.report import hidden_layouts

PAGES = 40  # of each layout
LAYOUTS = np.repeat(["3x4", "6x2plain"], PAGES)
GROUPS = np.arange(2 * PAGES) // 2


def recordings() -> np.ndarray:
    """Smooth noise, of one kind on both layouts; leads of 3x4 end after half of the kept time."""
    noise = np.random.default_rng(0).normal(size=(2 * PAGES, 12, 1250))
    traces = 2 * scipy.ndimage.gaussian_filter1d(noise, 12, axis=2)
    traces[:PAGES, :, 625:] = np.nan
    return traces


def told(traces: np.ndarray, labels="abnormal", layouts=LAYOUTS) -> pd.DataFrame:
    names = pd.Index([f"p{number:02d}" for number in range(len(traces))], name="page_id")
    table = pd.DataFrame([reading.empty_row()] * len(traces), index=names)
    measured = MeasuredPages(table, np.empty((len(traces), 12, 0)), traces.astype(np.float16), 250.0, "planted")
    manifest = pd.DataFrame({"page_id": names, "label": labels, "layout": layouts, "group": GROUPS})
    return hidden_layouts.layouts_told(measured, manifest, resamples=500, seed=0)


def test_pages_that_differ_by_nothing_but_their_hearts_are_told_by_chance():
    found = told(recordings())
    assert list(found["reads"]) == ["picture", "blanks"] and (found["pages"] == 2 * PAGES).all()
    assert (found["low"] <= 0.5).all() and (found["high"] >= 0.5).all()
    assert "which is chance" in hidden_layouts.layouts_in_words(found)


def test_a_gap_that_one_layout_has_is_seen_in_the_picture_and_in_what_is_blank():
    traces = recordings()
    traces[PAGES:, :, 300:400] = np.nan
    found = told(traces)
    assert (found["low"] > 0.9).all()
    assert hidden_layouts.layouts_in_words(found).count("which is not chance") == 2


def test_a_finer_line_on_one_layout_is_seen_in_the_picture_alone():
    """A wave of 8 Hz, far below the bandwidth that is left."""
    traces = recordings()
    traces[PAGES:] += 0.8 * np.sin(2 * np.pi * 8 * np.arange(1250) / 250)
    found = told(traces).set_index("reads")
    assert found.loc["picture", "low"] > 0.6
    assert found.loc["blanks", "low"] <= 0.5


def test_a_class_that_goes_with_a_layout_does_not_pass_for_a_layout():
    """Layouts are told within a class; here each class has but one."""
    found = told(recordings(), labels=np.where(LAYOUTS == "3x4", "normal", "history"))
    assert found.empty and "nothing to tell" in hidden_layouts.layouts_in_words(found)


def test_pages_of_one_group_stand_on_one_side_of_every_fold():
    """Inputs that name the group and nothing else: told by heart if a group could stand on both sides."""
    layouts = np.repeat(np.tile(["3x4", "6x2plain"], 20), 2)
    inputs = np.eye(40)[GROUPS]
    found = hidden_layouts.told_layouts(inputs, layouts, GROUPS, seed=0)
    assert found["balanced_accuracy"] <= 0.6


def test_one_layout_alone_cannot_be_told():
    with pytest.raises(ValueError, match="two layouts or more, got 3x4"):
        hidden_layouts.told_layouts(np.zeros((4, 2)), np.repeat("3x4", 4), np.arange(4), seed=0)
