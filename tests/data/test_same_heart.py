"""One heart is recognised where it was planted, and not where numbers were dealt at random."""

import numpy as np
import pandas as pd
import pytest
import scipy.ndimage

from ecgstudy.data import measurements, same_heart
from ecgstudy.data.manifest import Pages
from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.pages import draw, reading

PEOPLE, PAGES = 20, 3
PERSON = np.arange(PEOPLE * PAGES) // PAGES


def measured(rates, median_beats=None) -> MeasuredPages:
    """Measurements by hand, pages named p00, p01 and so on."""
    names = pd.Index([f"p{number:02d}" for number in range(len(rates))], name="page_id")
    table = pd.DataFrame([reading.empty_row()] * len(rates), index=names).assign(rate=rates)
    if median_beats is None:
        median_beats = np.full((len(rates), 12, 220), np.nan)
    return MeasuredPages(table, median_beats, np.empty((len(rates), 12, 0)), 250.0, "planted")


def manifest(groups, labels="normal") -> pd.DataFrame:
    names = [f"p{number:02d}" for number in range(len(groups))]
    return pd.DataFrame({"page_id": names, "group": groups, "label": labels, "layout": "3x4"})


@pytest.fixture(scope="module")
def hearts() -> MeasuredPages:
    """Three pages of each of twenty hearts: a shape and a rate of one's own, and a little noise."""
    rng = np.random.default_rng(0)
    shapes = scipy.ndimage.gaussian_filter1d(rng.normal(size=(PEOPLE, 12, 220)), 4, axis=2)
    noise = scipy.ndimage.gaussian_filter1d(rng.normal(size=(len(PERSON), 12, 220)), 4, axis=2)
    rates = rng.uniform(55, 100, PEOPLE)[PERSON] * rng.uniform(0.98, 1.02, len(PERSON))
    return measured(rates, shapes[PERSON] + 0.1 * noise)


def test_numbers_that_are_persons_are_told_as_persons(hearts):
    found = same_heart.compare_numbers(hearts, manifest(PERSON))
    told = same_heart.number_agreement(found, seed=0)
    assert len(found.pairs) == PEOPLE * 3 and found.stranger_pairs == 60 * 59 / 2 - PEOPLE * 3
    assert told.loc[told["measure"] == "beats", "auroc"].min() > 0.99
    assert told.loc[told["measure"] == "rate", "auroc"].min() > 0.9
    assert found.strangers.empty and (found.pairs["alike"] > same_heart.ALIKE).all()
    assert "mostly one person" in same_heart.numbers_in_words(found, told)


def test_numbers_dealt_at_random_are_chance_and_the_twins_with_two_numbers_are_counted(hearts):
    dealt = np.random.default_rng(1).permutation(PERSON)
    found = same_heart.compare_numbers(hearts, manifest(dealt))
    told = same_heart.number_agreement(found, seed=0)
    assert ((told["low"] < 0.5) & (told["high"] > 0.5)).all()
    assert len(found.strangers) + (found.pairs["alike"] >= same_heart.ALIKE).sum() == PEOPLE * 3
    assert "not a person" in same_heart.numbers_in_words(found, told)
    np.testing.assert_allclose(found.distribution[["one_number", "different_numbers"]].sum(), 1)


def test_a_class_that_looks_alike_does_not_pass_for_one_heart():
    """Two classes, one shape each: pages of one number are alike only because they have one class."""
    rng = np.random.default_rng(2)
    label = np.array(["mi", "normal"])[np.arange(40) // 20]
    shape = scipy.ndimage.gaussian_filter1d(rng.normal(size=(2, 12, 220)), 4, axis=2)[np.arange(40) // 20]
    pages = measured(np.full(40, 70.0), shape + 0.3 * rng.normal(size=shape.shape))
    told = same_heart.number_agreement(same_heart.compare_numbers(pages, manifest(np.arange(40) // 2, label)), seed=0)
    assert (told["low"] < 0.55).all()


def test_likeness_is_one_with_itself_sees_through_a_shift_and_needs_beats():
    shapes = scipy.ndimage.gaussian_filter1d(np.random.default_rng(3).normal(size=(3, 12, 240)), 4, axis=2)
    pages = np.stack([shapes[0, :, :220], shapes[0, :, 4:224], shapes[1, :, :220], np.full((12, 220), np.nan)])
    alike = same_heart.likeness(pages, 250.0)
    np.testing.assert_allclose(np.diag(alike)[:3], 1, atol=1e-5)
    assert alike[0, 1] > 0.999 and abs(alike[0, 2]) < 0.5 and np.isnan(alike[3]).all()
    np.testing.assert_array_equal(alike, alike.T)


def test_drawn_pages_of_one_person_are_more_alike_than_others(tmp_path):
    drawn = {f"{person}-{page}": draw.synthetic_page(3 * person + page, seed=4, label="normal", group=person)
             for person in range(4) for page in range(2)}  # fmt: skip
    rows = [
        {"path": name, "page_id": name, "label": "normal", "selected": True, "group": name[0], "layout": "3x4",
         "width": 703, "height": 412} for name in drawn
    ]  # fmt: skip
    pages = Pages(pd.DataFrame(rows), "grid", lambda path: drawn[path].picture)
    found = same_heart.compare_numbers(measurements.measured_pages(pages, tmp_path), pages.manifest)
    assert len(found.pairs) == 4
    assert found.pairs["alike_rank"].mean() > 0.8


def test_contradictions_are_named_with_both_rates():
    pages = measured([120.0, 45.0, 70.0, 130.0, 70.0, 70.0])
    labels = ["normal", "normal", "normal", "abnormal", "history", "abnormal"]
    known = manifest(np.arange(6), labels).assign(printed_bpm=[118, 46, 140, 130, 70, 70])
    device = pd.DataFrame({"reading": ["normal", "mi"]}, index=["p04", "p05"])
    found = same_heart.contradictions(pages, known, device)
    assert list(found["page_id"]) == ["p00", "p01", "p02", "p04", "p05"]
    assert list(found.loc[2, ["label", "measured", "printed"]]) == ["normal", 70, 140]
    assert found["why"].str.contains("above 100|below 50|reads").all()
    assert same_heart.contradictions_in_words(found).startswith("5 pages contradict")
    assert "No page" in same_heart.contradictions_in_words(found.iloc[:0])


def test_a_study_without_shared_numbers_says_so(hearts):
    found = same_heart.compare_numbers(hearts, manifest(np.arange(60)))
    told = same_heart.number_agreement(found, seed=0)
    assert found.pairs.empty and told.empty
    assert "nothing to compare" in same_heart.numbers_in_words(found, told)
