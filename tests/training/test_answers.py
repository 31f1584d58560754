"""A finished run answers as it answered when it was trained, and its gradients are gradients."""

import numpy as np
import pytest

from ecgstudy.data import images, prepare
from ecgstudy.training import answers, runs
from ecgstudy.vocabulary import PROBABILITIES


@pytest.fixture(scope="module")
def asked(trained):
    """Answer, pictures and recorded probabilities of one run's test part, per model."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        study = trained(patch)
        pages = prepare.open_study(study)
        cache = images.cached_pictures(pages, region="grid", height=32, width=56, folder=study.folder / "cache")
        for model in ("baseline_cnn", "efficientnet_lite0"):
            run = next(r for r in runs.study_runs(study, [model]) if r.protocol == "grouped")
            rows = runs.read_predictions(study, [model]).query("part == 'test' and run == @run.name").head(6)
            pictures = cache.pictures[cache.rows(rows["page_id"])]
            found[model] = answers.load_answer(study, run), pictures, rows[list(PROBABILITIES)].to_numpy()
    return found


@pytest.mark.parametrize("model", ["baseline_cnn", "efficientnet_lite0"])
def test_a_loaded_run_answers_as_recorded(asked, model):
    answer, pictures, recorded = asked[model]
    assert answer.probabilities(pictures) == pytest.approx(recorded, abs=1e-5)
    assert answer.input_shape == (32, 56)


@pytest.mark.parametrize("of", ["probability", "logit"])
def test_gradients_predict_a_small_change(asked, of):
    answer, pictures, _ = asked["baseline_cnn"]
    pages, classes = pictures[:3].astype("float32"), np.array([0, 1, 3])
    gradients = answer.gradients(pages, classes, of=of)
    step = 0.01 * np.sign(gradients)
    score = _logits if of == "logit" else answers.NetworkAnswer.probabilities
    change = score(answer, pages + step)[np.arange(3), classes] - score(answer, pages - step)[np.arange(3), classes]
    assert change == pytest.approx(2 * np.sum(gradients * step, axis=(1, 2, 3)), rel=0.1, abs=2e-6)


@pytest.mark.parametrize("model", ["baseline_cnn", "efficientnet_lite0"])
def test_score_and_gradients_of_one_pass_are_those_of_two(asked, model):
    answer, pictures, _ = asked[model]
    classes = np.array([0, 1, 2, 3, 0, 1])
    scores, slopes = answer.scored_gradients(pictures, classes)
    np.testing.assert_allclose(scores, answer.probabilities(pictures)[np.arange(6), classes], atol=1e-6)
    np.testing.assert_allclose(slopes, answer.gradients(pictures, classes), atol=1e-6 * np.abs(slopes).max())


def _logits(answer, pages: np.ndarray) -> np.ndarray:
    return np.log(answer.probabilities(pages)) + _normaliser(answer, pages)


def _normaliser(answer, pages: np.ndarray) -> np.ndarray:
    """Log of the softmax's denominator, from the layer before it."""
    import keras

    from ecgstudy.models import graph

    logits = keras.Model(answer.model.inputs, graph.layer_output(answer.model, "logits")).predict_on_batch(pages)
    return np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_the_tap_is_the_last_map_and_its_gradient(asked):
    answer, pictures, _ = asked["efficientnet_lite0"]
    activations, gradients = answer.tap(pictures, np.zeros(len(pictures), int))
    assert activations.shape == gradients.shape == (len(pictures), 1, 2, 1280)
    weights = answer.model.get_layer("logits").get_weights()[0][:, 0]
    assert gradients == pytest.approx(np.broadcast_to(weights / 2, gradients.shape), abs=1e-6)  # mean of two cells


def test_pictures_of_another_size_and_unknown_scores_are_refused(asked):
    answer, pictures, _ = asked["baseline_cnn"]
    with pytest.raises(ValueError, match=r"pictures of shape \(6, 16, 56, 3\); this model reads"):
        answer.probabilities(pictures[:, :16])
    with pytest.raises(ValueError, match="unknown score 'margin'; choose from probability, logit"):
        answer.gradients(pictures, np.zeros(6, int), of="margin")


def test_only_finished_networks_can_be_asked(study, tmp_path, monkeypatch):
    majority = runs.study_runs(study, ["majority"])[0]
    with pytest.raises(ValueError, match="majority: reads nothing, not the pixels of a page; choose a network"):
        answers.load_answer(study, majority)
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    with pytest.raises(ValueError, match=r"not finished; `es.run_grid\(study, \['majority'\]\)` trains it"):
        answers.load_answer(study, majority)
