"""The baselines find what is planted for them and know nothing else."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.models import simple

LABELS = np.repeat([0, 1, 2, 3], [30, 90, 40, 80])
GROUPS = np.arange(len(LABELS))
CHANCE = np.random.default_rng(0)


def fit(name, inputs, labels=LABELS):
    return simple.fit(name, inputs, labels, groups=GROUPS[: len(labels)], seed=0)


def planted(name: str):
    """Inputs of which the class can be read off."""
    if name == "heart_rate":
        return np.array([60.0, 120.0, 90.0, 75.0])[LABELS] + CHANCE.normal(size=len(LABELS))
    if name == "thumbnail":
        return CHANCE.normal(size=(len(LABELS), 448)) + 3 * np.eye(4, 448)[LABELS] * 3
    table = pd.DataFrame(CHANCE.normal(size=(len(LABELS), 6)))
    table[0] += 3 * LABELS
    table.iloc[::7, 3] = np.nan
    return table.assign(never=np.nan)


def test_majority_gives_the_class_frequencies():
    shares = fit("majority", np.zeros((240, 1)))(np.zeros((2, 1)))
    assert shares == pytest.approx(np.tile([30 / 240, 90 / 240, 40 / 240, 80 / 240], (2, 1)))


@pytest.mark.parametrize("name", ["heart_rate", "thumbnail", "traces"])
def test_what_is_planted_is_found(name):
    inputs = planted(name)
    found = fit(name, inputs)(inputs)
    assert found.shape == (240, 4) and found.sum(axis=1) == pytest.approx(1.0)
    assert np.mean(found.argmax(axis=1) == LABELS) > 0.9


def test_slow_and_fast_may_both_be_abnormal():
    rates = np.concatenate([CHANCE.normal(40, 2, 50), CHANCE.normal(140, 2, 50), CHANCE.normal(75, 2, 100)])
    answer = fit("heart_rate", rates, np.repeat([1, 3], 100))
    assert answer(np.array([42.0, 138.0, 75.0])).argmax(axis=1).tolist() == [1, 1, 3]


def test_a_page_without_a_rate_is_still_answered():
    rates = planted("heart_rate")
    rates[::5] = np.nan
    assert np.isfinite(fit("heart_rate", rates)(np.array([np.nan, 80.0]))).all()


def test_when_no_rate_is_known_the_answer_is_still_one():
    nothing = np.full(len(LABELS), np.nan)
    assert fit("heart_rate", nothing)(nothing[:3]).sum(axis=1) == pytest.approx(1.0)


def test_a_class_that_training_lacks_gets_nothing():
    answer = fit("thumbnail", CHANCE.normal(size=(100, 448)), np.repeat([0, 2], 50))
    assert np.all(answer(CHANCE.normal(size=(5, 448)))[:, [1, 3]] == 0)


def test_a_thumbnail_is_the_mean_of_what_it_covers():
    picture = np.zeros((1, 32, 56, 3), "uint8")
    picture[0, :2, :2] = (30, 60, 90)  # exactly the first cell of 16 x 28
    row = simple.thumbnails(picture)
    assert row.shape == (1, 448) and row[0, 0] == pytest.approx(60) and np.all(row[0, 1:] == 0)


def test_the_same_seed_gives_the_same_answers():
    table = planted("traces")
    assert np.array_equal(fit("traces", table)(table), fit("traces", table)(table))


def test_bins_hold_about_as_many_rows_each_and_missing_numbers_are_apart():
    column = CHANCE.normal(size=310)
    column[:10] = np.nan
    nothing = np.full(310, np.nan)
    binned = simple.Binned(bins=10).fit(np.column_stack([column, nothing]))
    found = binned.transform(np.column_stack([column, nothing]))
    assert np.bincount(found[10:, 0].astype(int)).tolist() == [30] * 10
    assert set(found[:10, 0]) == set(found[:, 1]) == {-1.0}
    assert binned.transform(np.array([[-99.0, 1.0], [99.0, np.nan]]))[:, 0].tolist() == [0, 9]
