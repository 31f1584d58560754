import numpy as np
import pandas as pd

from ecgstudy.explanation import cases
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

# ten pages of each class; all but the first two of each are answered right
PAGES = [(f"{label}{at}", label, label if at > 1 else "normal") for label in CLASSES for at in range(10)]
MANIFEST = pd.DataFrame([(page, label, "g") for page, label, _ in PAGES], columns=["page_id", "label", "group"])
PREDICTIONS = pd.DataFrame(
    [(page, "test", "clean", *(0.7 if answer == name else 0.1 for name in CLASSES)) for page, _, answer in PAGES],
    columns=["page_id", "part", "condition", *PROBABILITIES],
)


def test_right_and_wrong_answers_of_each_class_come_in_turn():
    shown = cases.cases(PREDICTIONS, MANIFEST, count=7)
    assert list(shown.label) == ["mi", "mi", "abnormal", "abnormal", "history", "history", "normal"]
    assert list(shown.right) == [True, False] * 3 + [True]
    assert shown.title[1] == "label MI, answer normal (0.70)"


def test_the_same_seed_shows_the_same_pages():
    one, other = (cases.cases(PREDICTIONS, MANIFEST, count=5, seed=4) for _ in range(2))
    assert one.equals(other)
    assert set(cases.cases(PREDICTIONS, MANIFEST, count=99).page_id) == set(MANIFEST.page_id)


def test_pages_that_were_not_tested_clean_are_no_cases():
    rows = PREDICTIONS.assign(part=["test", *["inner"] * 39])
    assert len(cases.cases(rows, MANIFEST, count=5)) == 1


def test_failures_are_wrong_answers_alone_missed_infarctions_first_and_the_surest_of_them():
    found = cases.failures(PREDICTIONS, MANIFEST, count=4)
    assert not found.right.any()
    assert found.label.iloc[0] == "mi"
    missed = found[found.label == "mi"].probability.to_numpy()
    assert (np.diff(missed) <= 0).all()
