"""Agreement over time: planted in the pairs that were recorded close together, and only there."""

import numpy as np
import pandas as pd

from ecgstudy.data import minutes_apart, same_heart, sources


def numbers(alike, group=None, names=None):
    """Pairs by hand, pages a0 and b0 and so on; ranks are the likeness itself."""
    size = len(alike)
    names = range(size) if names is None else names
    pairs = pd.DataFrame(
        {"page_id": [f"a{n}" for n in names], "other_id": [f"b{n}" for n in names],
         "group": range(size) if group is None else group, "alike": alike, "rate_apart": 0.1, "alike_rank": alike,
         "rate_rank": 0.5}
    )  # fmt: skip
    return same_heart.Numbers(pairs, pairs.iloc[:0], 1000, pd.DataFrame())


def minutes(gaps):
    return pd.Series({f"{side}{n}": at for n, gap in enumerate(gaps) for side, at in (("a", 7.0), ("b", 7.0 + gap))})


def test_pairs_stand_in_the_bin_of_the_minutes_between_them_whichever_came_first():
    gaps = [0, 4.9, -4.9, 5, -30, 30.1, 1500]
    told = minutes_apart.agreement_over_time(numbers([0.5] * 7), minutes(gaps), seed=0)
    assert list(told["apart"]) == list(minutes_apart.APART)
    assert list(told["pairs"]) == [3, 2, 2]


def test_agreement_that_was_planted_in_close_pairs_is_found_there_and_told():
    rng = np.random.default_rng(0)
    alike = np.concatenate([rng.uniform(0.96, 1, 20), rng.uniform(0, 0.9, 40)])
    told = minutes_apart.agreement_over_time(numbers(alike), minutes([1] * 20 + [60] * 40), seed=0)
    near, far = told.to_dict("records")
    assert (near["alike"], far["alike"]) == (20, 0)
    assert near["beats_low"] > 0.95 > far["beats_high"] and (told["rate"] == 0.5).all()
    assert "close together show one heart more often" in minutes_apart.time_in_words(told)


def test_where_nothing_was_planted_the_words_say_so():
    alike = np.random.default_rng(1).uniform(0, 0.9, 60)
    told = minutes_apart.agreement_over_time(numbers(alike), minutes([1, 60] * 30), seed=0)
    assert "intervals overlap" in minutes_apart.time_in_words(told)


def test_each_number_counts_once():
    told = minutes_apart.agreement_over_time(numbers([1, 0, 0, 0], group=[1, 2, 2, 2]), minutes([1] * 4), seed=0)
    assert (told["numbers"].item(), told["pairs"].item()) == (2, 4)
    assert told["likeness"].item() == told["beats"].item() == 0.5


def test_pages_without_a_time_are_left_out_and_a_study_without_any_says_so():
    told = minutes_apart.agreement_over_time(numbers([0.5, 0.5]), minutes([1]), seed=0)
    assert told["pairs"].item() == 1
    nothing = minutes_apart.agreement_over_time(numbers([0.5], names=["other"]), minutes([1]), seed=0)
    assert nothing.empty and "not known" in minutes_apart.time_in_words(nothing)


def test_times_are_known_of_all_selected_pages_and_begin_with_each_number():
    table = sources.public_set().set_index("page_id")
    found = minutes_apart.recorded_minutes()
    assert set(found.index) == set(table.index[table["selected"]])
    assert (found.groupby(table["group"].reindex(found.index)).min() == 0).all()
    assert found.max() < 5000 and found.round(1).equals(found)
