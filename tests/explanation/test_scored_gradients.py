"""A score and its gradients from one pass are those of two passes."""

import numpy as np
import pytest

from ecgstudy.explanation import gradients, heads, planted

from .conftest import SquareAnswer

CLASSES = np.array([0, 2, 1])


def test_a_model_that_scores_its_gradients_is_asked_once_and_gives_the_same_map(weights, pictures):
    """Integrated gradients need both at every step; a model without the one question is asked the two."""

    class Scored(SquareAnswer):
        def scored_gradients(self, pictures, classes):
            found = self.probabilities(pictures)[np.arange(len(pictures)), classes]
            return found, super().gradients(pictures, classes)

        def gradients(self, pictures, classes, *, of="probability"):
            pytest.fail("asked in two questions")

    one, two = (
        gradients.integrated_gradients(answer, pictures, CLASSES, tolerance=1e-4)
        for answer in (Scored(weights, power=5), SquareAnswer(weights, power=5))
    )
    np.testing.assert_array_equal(one.maps, two.maps)
    np.testing.assert_array_equal(one.steps, two.steps)


@pytest.fixture(scope="module")
def answer():
    """A small network with a curved score, and no training."""
    import keras

    from ecgstudy.training.answers import NetworkAnswer

    picture = keras.Input((24, 42, 3), name="picture")
    x = keras.layers.Rescaling(1 / 255)(picture)
    x = keras.layers.Conv2D(4, 5, strides=2, activation="relu", name="features")(x)
    logits = keras.layers.Dense(4, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    return NetworkAnswer(keras.Model(picture, keras.layers.Softmax(name="probabilities")(logits)), "features")


def test_other_weights_and_planted_models_answer_both_at_once_as_they_answer_each(answer, pictures):
    linear = planted.fit_linear(pictures, CLASSES, cells=(4, 7))
    for model in (answer, heads.shuffled(answer, seed=1), linear):
        scores, slopes = model.scored_gradients(pictures, CLASSES)
        np.testing.assert_allclose(scores, model.probabilities(pictures)[np.arange(3), CLASSES], atol=1e-6)
        np.testing.assert_allclose(slopes, model.gradients(pictures, CLASSES), atol=1e-7)
        assert np.abs(slopes).max() > 1e-6
