"""What is true whatever comes: boxes, splits, scores, tracing, and bytes that call themselves pictures."""

import io
import itertools
import random

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgstudy.data import images, pictures, splits
from ecgstudy.evaluation import metrics
from ecgstudy.pages import trace
from ecgstudy.pages.layout import Box, LayoutError
from ecgstudy.vocabulary import CLASSES

FRACTIONS = st.floats(-0.2, 1.2)
SPANS = st.lists(FRACTIONS, min_size=2, max_size=2, unique=True).map(sorted)
SIDES = st.integers(1, 3000)


@given(SPANS, SPANS, SIDES, SIDES)
def test_a_box_never_leaves_its_picture(across, down, height, width):
    (left, right), (top, bottom) = across, down
    rows, columns = Box(left, top, right, bottom).pixels(height, width)
    assert list(range(height))[rows] == list(range(rows.start, rows.stop))
    assert list(range(width))[columns] == list(range(columns.start, columns.stop))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5, unique=True).map(sorted), st.integers(50, 3000))
def test_boxes_side_by_side_share_no_pixel_and_leave_none_out(edges, width):
    columns = [Box(a, 0, b, 1).pixels(10, width)[1] for a, b in itertools.pairwise(edges)]
    assert all(a.stop == b.start for a, b in itertools.pairwise(columns))


@given(st.tuples(FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS))
def test_a_region_is_a_part_of_the_page_or_refused(box):
    picture = np.zeros((40, 60, 3), np.uint8)
    try:
        part = images.region_picture(picture, ",".join(f"{edge:.6f}" for edge in box), source_region="page")
    except ValueError as refusal:
        assert "needs 0 <= left < right <= 1" in str(refusal)
    else:
        assert part.shape[0] <= 40 and part.shape[1] <= 60


def manifest(sizes, copies, seed):
    """Groups of pages of one class each, some pages as several files."""
    chance = np.random.default_rng(seed)
    rows = []
    for label in CLASSES:
        for group, size in enumerate(sizes):
            for page in range(size):
                name = f"{label}-{group}-{page}"
                many = chance.integers(1, copies + 1)
                rows += [(f"{name}-{c}.png", name, label, True, f"{label}{group}", "3x4") for c in range(many)]
    return pd.DataFrame(rows, columns=["path", "page_id", "label", "selected", "group", "layout"])


@settings(max_examples=25)
@given(st.lists(st.integers(1, 3), min_size=10, max_size=16), st.integers(1, 4), st.integers(0, 2**20))
def test_every_page_is_tested_once_and_no_group_stands_in_two_parts(sizes, copies, seed):
    pages = manifest(sizes, copies, seed)
    try:
        split = splits.grouped(pages, folds=3, seed=seed, validation=0.25)
    except ValueError as refusal:
        assert "use fewer folds or a larger validation share" in str(refusal)
        return
    assert sorted(split[split["part"] == "test"]["page_id"]) == sorted(set(pages["page_id"]))
    groups = split.merge(pages[["path", "group"]], on="path").groupby(["fold", "group"])["part"].nunique()
    assert (groups == 1).all()


@settings(max_examples=25)
@given(st.integers(4, 60), st.integers(0, 2**20))
def test_scores_ignore_the_order_of_pages_and_count_a_page_of_weight_two_twice(pages, seed):
    chance = np.random.default_rng(seed)
    labels, answers = chance.integers(0, 4, pages), chance.dirichlet(np.ones(4), pages)
    weights, order = chance.integers(1, 4, pages), chance.permutation(pages)
    counted = metrics.scores(labels, answers, weights.astype(float))
    shuffled = metrics.scores(labels[order], answers[order], weights[order].astype(float))
    repeated = np.repeat(np.arange(pages), weights)
    written_out = metrics.scores(labels[repeated], answers[repeated], np.ones(len(repeated)))
    for name, value in counted.items():
        assert np.allclose(value, shuffled[name], equal_nan=True), name
        row = metrics.METRICS[name]
        assert np.isnan(value) or row.lowest - 1e-9 <= value <= row.highest + 1e-9, name
        if name != "squared_calibration_error":  # its correction for chance knows how many pages there are
            assert np.allclose(value, written_out[name], equal_nan=True), name


@settings(max_examples=10)
@given(st.integers(8, 120), st.integers(8, 160), st.integers(0, 255), st.integers(0, 2**20))
def test_what_is_no_page_is_refused_by_name_when_it_is_traced(height, width, shade, seed):
    noise = np.random.default_rng(seed).integers(0, shade + 1, (height, width, 3)).astype(np.uint8)
    with pytest.raises((LayoutError, trace.TraceError)) as refusal:
        trace.trace(noise)
    assert "\n" not in str(refusal.value)


def whole_files():
    page = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 40, 3), np.uint8))
    options = [
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True}),
        ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "tiff_deflate"}),
    ]  # fmt: skip
    for kind, option in options:
        buffer = io.BytesIO()
        page.save(buffer, kind, **option)
        yield buffer.getvalue()


@pytest.mark.filterwarnings("ignore")  # Pillow's, of odd tags
def test_two_thousand_spoilt_pictures_are_read_or_refused_by_name():
    """Bounded: some seconds. The same fuzz over 15,000 files found what `pictures` takes for damage."""
    chance, whole = random.Random(0), list(whole_files())
    for _ in range(2000):
        spoilt = bytearray(chance.choice(whole))
        for _ in range(chance.choice([1, 2, 4, 16])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        content = bytes(spoilt[: chance.choice([len(spoilt), chance.randrange(len(spoilt))])])
        try:
            picture = pictures.decode_picture(content, "page.jpg")
        except ValueError as refusal:
            assert str(refusal).startswith("page.jpg: ") and "\n" not in str(refusal)
        else:
            assert picture.dtype == np.uint8 and picture.shape[2] == 3
