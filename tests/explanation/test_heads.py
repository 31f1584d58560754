"""Networks with another end or with shuffled weights."""

import numpy as np
import pytest

from ecgstudy.explanation import heads, maps

from .conftest import SquareAnswer


def test_a_head_trained_on_a_network_answers_and_its_gradcam_is_where_its_evidence_is():
    """The tap is mean brightness; bright pages are class 1, so the bright corner speaks for class 1."""
    answer = SquareAnswer(np.zeros((24, 42, 3, 4)))
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 60, size=(40, 24, 42, 3)).astype(np.float32)
    labels = np.arange(40) % 2
    pictures[labels == 1, :6, :6] += 190
    head = heads.fit_head(answer, pictures, labels)
    assert (head.probabilities(pictures).argmax(axis=1) == labels).all()
    heat = maps.explain(head, pictures[1:2], [1], method="gradcam", offset=(0.0, 0.0))[0]
    assert np.unravel_index(heat.argmax(), heat.shape)[0] < 6
    assert np.unravel_index(heat.argmax(), heat.shape)[1] < 6
    assert heads.random_head(answer, seed=0).probabilities(pictures).sum(axis=1) == pytest.approx(1)


def test_a_shuffled_network_answers_differently_and_the_trained_one_is_left_as_it_was(weights, pictures):
    class Model:
        def __init__(self):
            self.arrays = [weights]

        def get_weights(self):
            return [array.copy() for array in self.arrays]

        def set_weights(self, arrays):
            self.arrays = arrays

    class WithModel(SquareAnswer):
        def __init__(self):
            super().__init__(weights)
            self.model = Model()

        def probabilities(self, pictures):
            self.weights = self.model.arrays[0]
            return super().probabilities(pictures)

    answer = WithModel()
    before = answer.probabilities(pictures)
    shuffled = heads.shuffled(answer, seed=0)
    assert np.abs(shuffled.probabilities(pictures) - before).max() > 1
    np.testing.assert_array_equal(shuffled.probabilities(pictures), shuffled.probabilities(pictures))
    np.testing.assert_array_equal(answer.probabilities(pictures), before)
