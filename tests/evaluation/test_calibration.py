import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression

from ecgstudy.evaluation import calibration, metrics
from ecgstudy.vocabulary import CLASSES

CALIBRATED = np.random.default_rng(0).dirichlet(np.ones(4), size=20_000)
LABELS = (np.random.default_rng(1).random(20_000)[:, None] > CALIBRATED.cumsum(axis=1)).sum(axis=1).clip(0, 3)


def test_a_known_temperature_is_found():
    sure = special.softmax(2.5 * np.log(CALIBRATED), axis=1)
    assert calibration.fit(LABELS, sure, "temperature").temperature == pytest.approx(2.5, rel=0.05)


def test_a_known_shift_of_the_prior_is_found_and_undone():
    moved = calibration.move_prior(CALIBRATED, np.full(4, 0.25), np.array([0.4, 0.3, 0.2, 0.1]))
    found = calibration.fit(LABELS, moved, "prior")
    np.testing.assert_allclose(found(moved), CALIBRATED, atol=0.03)


def test_moving_the_prior_is_bayes_rule():
    """A test that is right 8 in 10 times, ill 1 in 2; where 1 in 5 is ill, an alarm means 1 in 2."""
    answers = np.array([[0.8, 0.2, 0, 0]])
    moved = calibration.move_prior(answers, np.array([0.5, 0.5, 1, 1]), np.array([0.2, 0.8, 1, 1]))
    assert moved[0, 0] == pytest.approx(0.5)


def test_temperature_and_prior_together_are_the_optimum_that_scikit_learn_finds_for_one_slope():
    """With two classes in play, both are a logistic regression on the difference of log probabilities."""
    labels, answers = LABELS[:2000], CALIBRATED[:2000] ** 1.7
    answers /= answers.sum(axis=1, keepdims=True)
    ours = calibration.fit(labels, answers)
    logs = np.log(answers)
    pair = np.isin(labels, [0, 3])
    reference = LogisticRegression(C=1e9).fit((logs[:, 0] - logs[:, 3])[pair, None], labels[pair] == 0)
    assert 1 / ours.temperature == pytest.approx(reference.coef_[0, 0], abs=0.12)
    assert ours.shift[0] - ours.shift[3] == pytest.approx(reference.intercept_[0], abs=0.15)


@pytest.mark.parametrize("stage", calibration.STAGES)
def test_calibration_keeps_probabilities_and_never_raises_the_log_loss_it_was_fitted_on(stage):
    answers = special.softmax(1.8 * np.log(CALIBRATED[:500]) + [0.5, 0, 0, -0.5], axis=1)
    calibrated = calibration.fit(LABELS[:500], answers, stage)(answers)
    assert calibrated.sum(axis=1) == pytest.approx(1)
    before, after = (metrics.score("log_loss_error", LABELS[:500], each) for each in (answers, calibrated))
    assert after <= before + 1e-9


def test_one_temperature_changes_no_answer():
    found = calibration.fit(LABELS[:500], CALIBRATED[:500] ** 2, "temperature")
    assert (found(CALIBRATED).argmax(axis=1) == CALIBRATED.argmax(axis=1)).all()


def test_a_zero_probability_does_not_break_calibration():
    answers = np.eye(4)[[0, 1, 2, 3, 0]]
    found = calibration.fit(np.array([0, 1, 2, 3, 1]), answers)
    assert np.isfinite(found(answers)).all()


def test_a_class_without_inner_pages_is_named():
    with pytest.raises(ValueError, match="no inner prediction of class 'history'"):
        calibration.fit(np.array([0, 1, 3]), np.full((3, 4), 0.25))
    with pytest.raises(ValueError, match="did you mean 'temperature'"):
        calibration.fit(LABELS, CALIBRATED, "temperatur")


def test_reliability_holds_every_page_once_per_class_and_stage(predictions, manifest):
    table = calibration.reliability(predictions, manifest, bins=5)
    pages = table.groupby(["model", "stage", "label"])["pages"].sum()
    assert set(pages) == {manifest.loc[manifest["selected"], "page_id"].nunique()}
    assert set(table["label"]) == set(CLASSES) and set(table["stage"]) == set(calibration.STAGES)
    assert ((table["low"] <= table["observed"]) & (table["observed"] <= table["high"])).all()


def test_runs_without_inner_predictions_are_left_out(predictions, manifest):
    kept = calibration.calibrate(predictions, manifest)
    assert set(kept["protocol"]) == {"grouped"}
    assert kept["part"].value_counts().to_dict() == (
        predictions.loc[predictions["protocol"] == "grouped", "part"].value_counts().to_dict()
    )
