import itertools

import numpy as np
import pytest
from sklearn import metrics

from ecgstudy.report import claims
from ecgstudy.vocabulary import CLASSES

COUNTS = claims.CLAIMED_TEST_FILES


def test_a_constant_answer_scores_what_scikit_learn_says():
    truth = np.repeat(CLASSES, list(COUNTS.values()))
    answer = np.full(len(truth), "history")
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, answer, labels=CLASSES, average="macro", zero_division=0
    )
    expected = {"accuracy": metrics.accuracy_score(truth, answer), "precision": precision, "recall": recall, "f1": f1}
    assert claims.constant_answer("history") == pytest.approx(expected)


@pytest.mark.parametrize("macro_recall", [0.0, 0.25, 0.4, 0.75, 1.0])
def test_no_mix_of_class_recalls_leaves_the_accuracy_range(macro_recall):
    """Every combination of recalls on a fine grid that has this mean, tried out."""
    sizes = np.array(list(COUNTS.values())) / sum(COUNTS.values())
    grid = np.linspace(0, 1, 21)
    first = np.array(list(itertools.product(grid, repeat=3)))
    recalls = np.column_stack([first, 4 * macro_recall - first.sum(axis=1)])
    recalls = recalls[(recalls[:, 3] > -1e-9) & (recalls[:, 3] < 1 + 1e-9)]
    accuracies = recalls @ sizes
    assert (accuracies.min(), accuracies.max()) == pytest.approx(claims.accuracy_range(macro_recall), abs=1e-9)


def test_the_two_odd_rows_of_the_published_table_are_found():
    checked = claims.check_claims(claims.read_claims()).set_index("model")
    assert list(checked.index[~checked.possible]) == ["DenseNet + Attention"]
    assert checked.constant[checked.constant != ""].to_dict() == {"ConvNeXt-Tiny": "mi"}
    assert checked.lowest["DenseNet + Attention"] == pytest.approx(0.98, abs=0.005)


def test_a_claimed_test_part_that_is_the_whole_set_shows_as_such():
    counts = claims.claimed_counts(COUNTS)
    assert (counts.published == counts.claimed_test).all()
    assert list(counts.train_per_published) == [4, 3, 3, 3]
