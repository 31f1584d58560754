import numpy as np
import pytest
from scipy import special

from ecgstudy.evaluation import conformal
from ecgstudy.vocabulary import PROBABILITIES

ALPHA = 0.1


class Centroids:
    """A small classifier: four Gaussian clouds, their centres learned from training pages."""

    def __init__(self, points: np.ndarray, labels: np.ndarray):
        self.centres = np.stack([points[labels == at].mean(axis=0) for at in range(4)])

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return special.softmax(-((points[:, None] - self.centres) ** 2).sum(axis=2) / 2, axis=1)


def cloud(chance, labels):
    return chance.normal(size=(len(labels), 2)) + np.array([[0, 0], [1.5, 0], [0, 1.5], [1.5, 1.5]])[labels]


def simulate(folds: int, *, studies: int = 150) -> np.ndarray:
    """Coverage per class over studies of 20 / 60 / 40 / 40 pages and 200 new ones each."""
    chance, inside = np.random.default_rng(0), np.zeros((studies, 4))
    labels, new = np.repeat(np.arange(4), (20, 60, 40, 40)), np.repeat(np.arange(4), 50)
    for study in range(studies):
        points, new_points = cloud(chance, labels), cloud(chance, new)
        fold = chance.permutation(len(labels)) % max(folds, 2)
        used = [0] if folds == 1 else range(folds)  # one fold: half of the pages train, half calibrate
        models = [Centroids(points[fold != at], labels[fold != at]) for at in used]
        own = np.isin(fold, used)
        held_out = np.stack([model(points[own]) for model in models])[fold[own], np.arange(own.sum())]
        p = conformal.p_values(held_out, labels[own], fold[own], np.stack([model(new_points) for model in models]))
        covered = p[np.arange(len(new)), new] > ALPHA
        inside[study] = covered.reshape(4, 50).mean(axis=1)
    return inside.mean(axis=0)


def test_split_sets_cover_each_class_at_least_as_often_as_promised():
    covered = simulate(folds=1)
    assert (covered > 1 - ALPHA - 0.015).all(), covered  # 150 studies know coverage to about 0.006
    assert (covered < 1 - ALPHA + 0.12).all(), covered  # ten calibration pages cannot cut finer than 1/11


def test_cross_sets_keep_their_weaker_promise_and_in_practice_come_close_to_the_stronger():
    covered = simulate(folds=5)
    promises = [conformal.cross_promise(ALPHA, pages, 5) for pages in (20, 60, 40, 40)]
    assert (covered >= promises).all()
    assert (covered > 1 - ALPHA - 0.02).all(), covered


def test_the_promise_of_many_pages_is_one_less_two_alpha():
    assert conformal.cross_promise(0.1, 10**6, 5) == pytest.approx(0.8, abs=1e-4)
    assert conformal.cross_promise(0.1, 30, 5) < 0.6
    assert conformal.cross_promise(0.1, 30, 1) == 0.9


def test_a_p_value_counts_calibration_pages_of_its_own_class_by_hand():
    calibration = np.array([[0.9, 0.1, 0, 0], [0.4, 0.6, 0, 0], [0.2, 0.8, 0, 0]])
    labels = np.array([0, 0, 1])
    found = conformal.p_values(calibration, labels, np.zeros(3, int), np.array([[[0.5, 0.5, 0, 0]]]))
    np.testing.assert_allclose(found, [[2 / 3, 1 / 2, 1, 1]])  # classes without calibration pages are never ruled out


def test_every_page_gets_its_sets_with_the_promise_of_its_kind(predictions, manifest):
    for protocol, kind in (("grouped", "inner"), ("unseen", "cross")):
        sets = conformal.prediction_sets(predictions, manifest, protocol=protocol)
        table = conformal.coverage(sets, alpha=ALPHA)
        assert set(sets["kind"]) == {kind}
        assert not sets.duplicated(["model", "seed", "page_id"]).any()
        assert table["promise"].isna().all() if kind == "inner" else (table["promise"] < 0.8).all()
        assert ((table["low"] <= table["covered"]) & (table["covered"] <= table["high"])).all()
    assert set(table["covered"] > 0.75) == {True}


def test_a_page_that_one_fold_model_may_answer_meets_that_model_alone(predictions, manifest):
    one = predictions[(predictions["part"] != "unseen") | (predictions["fold"] == 2)]
    sets = conformal.prediction_sets(one, manifest, protocol="unseen")
    assert set(sets["folds"]) == {1}
    smallest = 1 / (1 + sets["calibration_pages"].max())
    assert sets[list(PROBABILITIES)].to_numpy().min() >= smallest


def test_sets_without_calibration_are_one_line(predictions, manifest):
    with pytest.raises(ValueError, match="calibrated on"):
        conformal.prediction_sets(predictions[predictions["part"] == "test"], manifest)
    with pytest.raises(ValueError, match="not for 'distinct'"):
        conformal.prediction_sets(predictions, manifest, protocol="distinct")
