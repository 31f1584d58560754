"""Redrawn pages show the signals of any layout in one form."""

import dataclasses

import numpy as np
import pytest

from ecgstudy.pages import draw, redraw, signals
from ecgstudy.vocabulary import LEADS


@dataclasses.dataclass
class Traced:
    signals: dict
    sampling_rate: float


def recording(seconds_per_lead, rate=500, hz=5.0):
    time = np.arange(int(seconds_per_lead * rate)) / rate
    return Traced({lead: np.sin(2 * np.pi * hz * time) for lead in LEADS}, rate)


def heart(seed=0, **options):
    return signals.simulate("mi", rng=np.random.default_rng(seed), **options)


def cut(made, columns):
    """The leads as a page with so many columns prints them."""
    seconds, leads_per_column = 10 / columns, 12 // columns
    samples = round(seconds * made.sampling_rate)
    return Traced(
        {lead: made.signals[lead][n // leads_per_column * samples :][:samples] for n, lead in enumerate(LEADS)},
        made.sampling_rate,
    )


def test_every_layout_gives_one_form():
    for page in (cut(heart(), 4), cut(heart(), 2)):
        picture = redraw.redraw_signals(page)
        assert picture.shape == (412, 703, 3)
        assert picture.dtype == np.uint8


def test_two_and_four_columns_of_one_heart_give_the_same_columns_in_time():
    """Limb leads of a two-column page were recorded at once; redrawn, they follow each other all the same."""
    made = heart()
    four, two = cut(made, 4), cut(made, 2)
    for lead, column in (("I", 0), ("V2", 2)):
        part = redraw._part(two.signals[lead], 500, column)
        assert np.array_equal(part[:1250], four.signals[lead])
    late = redraw._part(two.signals["aVR"], 500, 1)
    assert np.array_equal(late, made.signals["aVR"][1250:2500])


def test_what_lies_above_the_bandwidth_is_gone():
    fast = redraw.standard_signal(recording(2.5, hz=60.0).signals["I"], 500)
    slow = redraw.standard_signal(recording(2.5, hz=5.0).signals["I"], 500)
    assert fast.size == slow.size == 625
    assert np.nanstd(fast[50:-50]) < 0.05
    assert np.nanstd(slow) == pytest.approx(np.sqrt(0.5), rel=0.05)


@pytest.mark.parametrize("rate", [196.6, 250.0, 500.0])
def test_time_keeps_its_scale_at_any_sampling_rate(rate):
    time = np.arange(int(2.5 * rate)) / rate
    standard = redraw.standard_signal(np.exp(-0.5 * ((time - 1.3) / 0.04) ** 2), rate)
    assert np.nanargmax(standard) / redraw.SAMPLING_RATE == pytest.approx(1.3, abs=0.01)


def test_steep_strokes_that_were_not_read_are_bridged():
    signal = np.sin(2 * np.pi * 3 * np.arange(625) / 250)
    holed = signal.copy()
    holed[100:104], holed[300:312] = np.nan, np.nan
    filled, whole = redraw.standard_signal(holed, 250), redraw.standard_signal(signal, 250)
    assert np.isfinite(filled[20:-20]).all()
    assert np.nanmax(np.abs(filled - whole)) < 0.1


def test_both_ends_of_a_lead_are_left_blank():
    """Lines between columns hide the ends of leads on some layouts, so none are shown on any."""
    standard = redraw.standard_signal(np.zeros(2500), 500)
    assert np.isnan(standard[:15]).all()
    assert np.isnan(standard[-14:]).all()
    assert np.isfinite(standard[16:-16]).all()


def test_gaps_stay_blank_and_specks_are_dropped():
    signal = np.zeros(1250)
    signal[300:600] = np.nan
    signal[615:900] = np.nan
    standard = redraw.standard_signal(signal, 500)
    assert np.isnan(standard[155:445]).all()
    assert np.isfinite(standard[20:145]).all()
    assert np.isfinite(standard[465:-20]).all()


def test_a_page_with_missing_leads_is_drawn_without_them():
    page = cut(heart(), 4)
    full = redraw.redraw_signals(page)
    del page.signals["V6"]
    page.signals["V5"] = np.full(1250, np.nan)
    part = redraw.redraw_signals(page)
    rows, columns = np.nonzero((full != part).any(axis=2))
    assert columns.min() > 703 * 0.7
    assert rows.min() > 412 * 0.25


def test_only_signals_stand_on_it():
    """No letters, pulses or separators: a page without signals is empty paper."""
    blank = redraw.redraw_signals(Traced({}, 500.0))
    assert blank.min() > 100


def test_a_picture_is_traced_and_drawn():
    page = draw.synthetic_page(0, seed=0, size="page")
    from_picture = redraw.redraw(page.picture).astype(int)
    from_truth = redraw.redraw_signals(page.recording).astype(int)
    ink, truth = from_picture.min(axis=2) < 160, from_truth.min(axis=2) < 160
    shared = (ink & truth).sum() / (ink | truth).sum()
    assert shared > 0.5
