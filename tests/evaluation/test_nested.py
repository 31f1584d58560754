"""Nothing that is chosen may depend on the labels of the pages that it is scored on."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.evaluation import calibration, choice, conformal, operating
from ecgstudy.vocabulary import CLASSES, PROBABILITIES


@pytest.fixture(scope="module")
def one_fold(predictions):
    """The runs of one fold: their test pages are nobody's inner pages."""
    return predictions[(predictions["protocol"] == "grouped") & (predictions["fold"] == 0) & (predictions["seed"] == 0)]


@pytest.fixture(scope="module")
def relabelled(one_fold, manifest):
    """The manifest with every label of the tested pages changed."""
    tested = manifest["page_id"].isin(one_fold.loc[one_fold["part"].isin(["test", "unseen"]), "page_id"])
    other = {name: CLASSES[(at + 1) % 4] for at, name in enumerate(CLASSES)}
    return manifest.assign(label=manifest["label"].where(~tested, manifest["label"].map(other)))


def test_labels_of_test_pages_cannot_change_a_threshold(one_fold, manifest, relabelled):
    before, after = (operating.thresholds(one_fold, each) for each in (manifest, relabelled))
    assert len(before) and (manifest["label"] != relabelled["label"]).any()
    pd.testing.assert_frame_equal(before, after)


def test_labels_of_test_pages_cannot_change_a_temperature_or_a_prior(one_fold, manifest, relabelled):
    for stage in calibration.STAGES:
        before, after = (calibration.calibrate(one_fold, each, stage) for each in (manifest, relabelled))
        pd.testing.assert_frame_equal(before, after)


def test_labels_of_test_pages_cannot_change_a_prediction_set(one_fold, manifest, relabelled):
    before, after = (conformal.prediction_sets(one_fold, each) for each in (manifest, relabelled))
    pd.testing.assert_frame_equal(before[list(PROBABILITIES)], after[list(PROBABILITIES)])


def test_labels_of_test_pages_cannot_change_the_chosen_model(one_fold, manifest, relabelled):
    before, after = (choice.nested_choice(one_fold, each) for each in (manifest, relabelled))
    pd.testing.assert_frame_equal(before, after)
    assert choice.best_model(one_fold, manifest) == choice.best_model(one_fold, relabelled) == "good"


def test_answers_on_test_pages_cannot_change_the_chosen_model(one_fold, manifest):
    spoiled = one_fold.copy()
    tested = (spoiled["part"] == "test") & (spoiled["model"] == "good")
    spoiled.loc[tested, list(PROBABILITIES)] = 0.25
    assert choice.best_model(spoiled, manifest) == "good"


def test_the_choice_takes_whole_runs(predictions, manifest):
    chosen = choice.nested_choice(predictions, manifest)
    assert set(chosen["choice"]) <= {"good", "weak"} and set(chosen["model"]) == {"chosen"}
    assert chosen.groupby(["seed", "fold"])["choice"].nunique().eq(1).all()
    assert np.array_equal(np.unique(chosen["fold"]), np.unique(predictions["fold"]))


def test_without_inner_predictions_nothing_can_be_chosen(predictions, manifest):
    with pytest.raises(ValueError, match="no run has inner predictions"):
        choice.best_model(predictions[predictions["part"] == "test"], manifest)
