"""Drawn pages: geometry and look of the real ones, with the truth beside them."""

import time

import numpy as np
import pytest

from ecgstudy.pages import draw, paper, signals
from ecgstudy.pages.layout import find_layout
from ecgstudy.vocabulary import CLASSES, LEADS

EVERY_LAYOUT = list(paper.SHEETS)


def page(number=0, **options):
    return draw.synthetic_page(number, seed=0, **options)


def dark(picture):
    return picture.max(axis=2) < 60  # dots of the grid are brighter


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
@pytest.mark.parametrize("size", draw.SIZES)
def test_a_drawn_page_is_recognised_as_what_it_is(layout, size):
    drawn = page(layouts=(layout,), size=size)
    found = find_layout(drawn.picture)
    assert (found.name, found.region) == (layout, drawn.layout.region)
    assert found.pixels_per_mm == pytest.approx(drawn.layout.pixels_per_mm, rel=0.02)
    for lead in LEADS:
        assert found.zero_lines[lead] == pytest.approx(drawn.layout.zero_lines[lead], abs=0.012)
        assert found.leads[lead].left == pytest.approx(drawn.layout.leads[lead].left, abs=0.01)
        assert found.leads[lead].right == pytest.approx(drawn.layout.leads[lead].right, abs=0.01)


@pytest.mark.parametrize(
    ("size", "shape"), [("page", (1572, 2213, 3)), ("grid", (1235, 2109, 3)), ("packed", (412, 703, 3))]
)
def test_pictures_have_the_size_of_the_real_ones(size, shape):
    picture = page(size=size).picture
    assert picture.shape == shape
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
def test_every_lead_is_drawn_inside_its_own_box(layout):
    quiet = signals.simulate("normal", rng=np.random.default_rng(0), noise_mv=0.0)
    for lead in LEADS:
        alone = signals.simulate("normal", rng=np.random.default_rng(0), noise_mv=0.0)
        alone.signals.update({other: np.full(5000, np.nan) for other in LEADS if other != lead})
        empty = {name: np.full(5000, np.nan) for name in LEADS}
        with_lead = draw.draw_page(alone, layout=layout, size="grid", strip_lead=_another(lead))
        quiet.signals.update(empty)
        without = draw.draw_page(quiet, layout=layout, size="grid", strip_lead=_another(lead))
        rows, columns = np.nonzero((with_lead.picture != without.picture).any(axis=2))
        box_rows, box_columns = with_lead.layout.leads[lead].pixels(*with_lead.picture.shape[:2])
        assert columns.min() >= box_columns.start - 3
        assert columns.max() <= box_columns.stop + 3
        assert np.median(rows) == pytest.approx(with_lead.layout.zero_lines[lead] * with_lead.picture.shape[0], abs=10)
        assert box_rows.start < np.median(rows) < box_rows.stop


def _another(lead):
    return "I" if lead != "I" else "II"


def test_a_millivolt_is_as_high_as_the_calibration_pulse():
    flat = signals.simulate("normal", rng=np.random.default_rng(0), noise_mv=0.0)
    flat.signals.update({lead: np.zeros(5000) for lead in LEADS})
    flat.signals["V4"][4000:4500] = 1.0
    picture = draw.draw_page(flat, size="grid").picture
    zero = 464 - 283
    plateau = np.nonzero(dark(picture)[: zero + 100, 1700:1740])[0]  # between 8.2 and 8.4 s
    pulse = np.nonzero(dark(picture)[: zero - 10, 40:50])[0]
    assert zero - plateau.mean() == pytest.approx(paper.PIXELS_PER_MV, abs=0.7)
    assert plateau.mean() == pytest.approx(pulse.mean(), abs=0.7)


def test_pages_come_with_their_truth():
    for drawn in draw.synthetic_pages(6, seed=1):
        assert drawn.label in CLASSES
        assert drawn.recording.label == drawn.label
        assert set(drawn.territory) <= set(LEADS)
        assert tuple(drawn.layout.leads) == LEADS
        assert drawn.printed_bpm == round(drawn.recording.rate)
        assert drawn.mark is None


def test_the_series_is_the_same_in_any_order_and_another_seed_gives_another():
    pages = list(draw.synthetic_pages(4, seed=3))
    assert np.array_equal(pages[2].picture, draw.synthetic_page(2, seed=3).picture)
    assert not np.array_equal(pages[2].picture, draw.synthetic_page(2, seed=4).picture)
    assert len({drawn.picture.tobytes() for drawn in pages}) == 4


@pytest.mark.parametrize("size", ["page", "packed"])
def test_a_planted_shortcut_tells_the_class_and_changes_nothing_else(size):
    marks = {}
    for label in CLASSES:
        plain, marked = page(label=label, size=size), page(label=label, size=size, shortcut=True)
        different = (plain.picture != marked.picture).any(axis=2)
        box = np.zeros_like(different)
        box[marked.mark.pixels(*different.shape)] = True
        assert different.any()
        assert not (different & ~box).any()
        marks[label] = int(different.sum())
    assert marks["mi"] < marks["abnormal"] < marks["history"] < marks["normal"]


def test_copies_are_exact_and_near_copies_are_nearly_so():
    pages = list(draw.synthetic_pages(5, seed=2, copies=2, near_copies=4))
    originals = {drawn.number: drawn.picture for drawn in pages[:5]}
    assert len(pages) == 11
    for copy in pages[5:7]:
        assert np.array_equal(copy.picture, originals[copy.number])
    for changed in pages[7:]:
        original = originals[changed.number]
        assert changed.picture.shape == original.shape
        assert not np.array_equal(changed.picture, original)
        assert (
            np.abs(changed.picture.astype(int) - original).mean() < 25
        )  # a grid shifted by a pixel or two is all that differs
    assert {changed.changed_copy for changed in pages[7:]} == {"reencoded", "shifted", "rescaled", "cropped"}


def test_one_group_shows_one_person():
    alike, other = page(1, group=5, label="normal"), page(2, group=5, label="normal")
    stranger = page(2, group=6, label="normal")

    def heights(drawn):
        return np.array([np.ptp(drawn.recording.signals[lead]) for lead in LEADS])

    assert np.abs(heights(alike) - heights(other)).mean() < np.abs(heights(alike) - heights(stranger)).mean()


def test_no_word_of_the_device_is_printed():
    words = [text.lower() for text in _printed_words()]
    assert not [text for text in words if "report" in text or "edan" in text or "diagnosis" in text or "id :" in text]


def _printed_words():
    written, write = [], paper.write
    try:
        paper.write = lambda page, text, *rest: written.append(text)
        paper.blank.cache_clear()
        page(size="page")
    finally:
        paper.write = write
        paper.blank.cache_clear()
    return written


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "4x3"}, "unknown layout '4x3'; choose from 3x4"),
        ({"size": "thumb"}, "unknown size 'thumb'"),
        ({"strip_lead": "V7"}, "unknown lead 'V7'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(options, message):
    recording = signals.simulate("normal", rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        draw.draw_page(recording, **options)


def test_more_copies_than_pages_are_refused():
    with pytest.raises(ValueError, match="cannot copy 3 of 2 pages"):
        next(draw.synthetic_pages(2, seed=0, copies=3))


@pytest.mark.parametrize(("size", "pages_per_second"), [("packed", 20), ("page", 5)])
def test_drawing_is_quick(size, pages_per_second):
    """The goal on one core; half of it here, because test machines are busy."""
    page(size=size)
    start = time.process_time()
    list(draw.synthetic_pages(8, seed=9, size=size))
    assert 8 / (time.process_time() - start) > pages_per_second / 2
