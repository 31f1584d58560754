import numpy as np
import pytest
from sklearn import metrics as reference

from ecgstudy.evaluation import metrics, probabilities
from ecgstudy.vocabulary import CLASSES

RANGE = list(range(len(CLASSES)))


@pytest.fixture(scope="module")
def case():
    """Labels, probabilities with ties, and weights with zeros, of 300 pages."""
    chance = np.random.default_rng(3)
    labels = chance.choice(4, size=300, p=[0.06, 0.48, 0.17, 0.29])
    answers = chance.dirichlet(np.ones(4) * 0.7, size=300).round(2) + 0.01
    answers[np.arange(300), labels] += 0.2
    return labels, answers / answers.sum(axis=1, keepdims=True), chance.integers(0, 4, size=300).astype(float)


def by_scikit_learn(labels, answers, weights):
    named, one_hot = answers.argmax(axis=1), np.eye(4)[labels]
    use = {"sample_weight": weights}
    precision, recall, f1, _ = reference.precision_recall_fscore_support(labels, named, **use)
    found = {
        "accuracy": reference.accuracy_score(labels, named, **use),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, named, **use),
        "macro_precision": precision.mean(),
        "macro_recall": recall.mean(),
        "macro_f1": reference.f1_score(labels, named, average="macro", **use),
        "kappa": reference.cohen_kappa_score(labels, named, **use),
        "mcc": reference.matthews_corrcoef(labels, named, **use),
        "brier_error": reference.brier_score_loss(labels, answers, labels=RANGE, **use),
        "log_loss_error": reference.log_loss(labels, answers, **use),
        "macro_auroc": reference.roc_auc_score(one_hot, answers, **use),
        "macro_average_precision": reference.average_precision_score(one_hot, answers, **use),
    }
    for at, name in enumerate(CLASSES):
        is_class = labels == at
        found |= {f"precision_{name}": precision[at], f"recall_{name}": recall[at], f"f1_{name}": f1[at]}
        found[f"specificity_{name}"] = reference.recall_score(~is_class, named != at, **use)
        found[f"auroc_{name}"] = reference.roc_auc_score(is_class, answers[:, at], **use)
        found[f"average_precision_{name}"] = reference.average_precision_score(is_class, answers[:, at], **use)
    found["macro_specificity"] = np.mean([found[f"specificity_{name}"] for name in CLASSES])
    return found


@pytest.mark.parametrize("name", [name for name in metrics.METRICS if name != "squared_calibration_error"])
def test_every_score_is_what_scikit_learn_says(case, name):
    labels, answers, _ = case
    assert metrics.score(name, *case) == pytest.approx(by_scikit_learn(*case)[name], abs=1e-12)
    even = np.ones(len(labels))
    assert metrics.score(name, labels, answers) == pytest.approx(
        by_scikit_learn(labels, answers, even)[name], abs=1e-12
    )


@pytest.mark.parametrize("name", list(metrics.METRICS))
def test_many_resamples_at_once_give_what_each_gives_alone(case, name):
    labels, answers, _ = case
    weights = np.random.default_rng(0).integers(0, 3, size=(5, len(labels))).astype(float)
    each = [metrics.score(name, labels, answers, row) for row in weights]
    np.testing.assert_allclose(metrics.score(name, labels, answers, weights), each, atol=1e-12)


@pytest.mark.parametrize("name", list(metrics.METRICS))
def test_no_score_depends_on_the_order_of_pages(case, name):
    labels, answers, weights = case
    order = np.random.default_rng(1).permutation(len(labels))
    shuffled = metrics.score(name, labels[order], answers[order], weights[order])
    assert shuffled == pytest.approx(float(metrics.score(name, *case)), abs=1e-12)


@pytest.mark.parametrize("name", [name for name, row in metrics.METRICS.items() if row.of == "counts"])
def test_a_perfect_answer_scores_the_highest(name):
    labels = np.array([0, 1, 2, 3, 3])
    assert metrics.score(name, labels, np.eye(4)[labels]) == metrics.METRICS[name].highest


def test_a_constant_answer_has_no_agreement_beyond_chance():
    labels, answers = np.array([0, 1, 2, 3]), np.tile([0.7, 0.1, 0.1, 0.1], (4, 1))
    found = metrics.scores(labels, answers, np.ones(4))
    assert (found["kappa"], found["mcc"], found["balanced_accuracy"], found["macro_auroc"]) == (0, 0, 0.25, 0.5)


def test_a_class_without_pages_leaves_its_scores_and_the_means_undefined():
    labels = np.array([1, 2, 3])
    found = metrics.scores(labels, np.eye(4)[labels], np.ones(3))
    assert np.isnan([found["recall_mi"], found["macro_f1"], found["balanced_accuracy"], found["auroc_mi"]]).all()
    assert found["recall_abnormal"] == found["accuracy"] == 1


def test_the_calibration_error_of_a_calibrated_model_is_zero_on_average_even_on_forty_pages():
    chance = np.random.default_rng(0)
    errors = []
    for _ in range(400):
        answers = chance.dirichlet(np.ones(4), size=40)
        labels = (chance.random(40)[:, None] > answers.cumsum(axis=1)).sum(axis=1).clip(0, 3)
        errors.append(metrics.score("squared_calibration_error", labels, answers))
    standard_error = np.std(errors) / np.sqrt(len(errors))
    assert abs(np.mean(errors)) < 3 * standard_error < 0.003


def test_the_calibration_error_finds_a_known_gap():
    """All pages are called half MI, half normal; three quarters are MI: the gap is 1/4 in two of four classes."""
    chance = np.random.default_rng(0)
    labels = np.where(chance.random(4000) < 0.75, 0, 3)
    answers = np.tile([0.5, 0, 0, 0.5], (4000, 1))
    error = probabilities.squared_calibration_error(labels, answers, np.ones(4000))
    assert error == pytest.approx((0.25**2) / 2, abs=0.005)


def test_resampling_pages_does_not_shift_the_calibration_error():
    """The products are of different pages, so a page that is drawn twice does not meet itself."""
    chance = np.random.default_rng(0)
    answers = chance.dirichlet(np.ones(4), size=60)
    labels = chance.integers(0, 4, size=60)
    weights = chance.multinomial(60, np.full(60, 1 / 60), size=4000).astype(float)
    drawn = metrics.score("squared_calibration_error", labels, answers, weights)
    once = metrics.score("squared_calibration_error", labels, answers)
    assert np.mean(drawn) == pytest.approx(float(once), abs=0.1 * np.std(drawn))


def test_unknown_names_and_wrong_shapes_are_one_line():
    labels, answers = np.array([0, 1]), np.full((2, 4), 0.25)
    with pytest.raises(ValueError, match="did you mean 'accuracy'"):
        metrics.score("acuracy", labels, answers)
    with pytest.raises(ValueError, match="do not fit"):
        metrics.score("accuracy", labels, answers[:, :3])
    with pytest.raises(ValueError, match="positions in"):
        metrics.score("accuracy", labels + 3, answers)
