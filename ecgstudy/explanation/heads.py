"""The same network with something else at its end, or with nothing learned: what maps are compared with.

Made in seconds: a new head on the last spatial map is what a run on a frozen backbone trains.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from ecgstudy.explanation import questions
from ecgstudy.explanation.planted import regression
from ecgstudy.explanation.questions import Answer, Score
from ecgstudy.vocabulary import CLASSES

_HEAD = "logits"  # the layer before the softmax
_AT_ONCE = 64  # pages whose whole maps are held


@dataclass(frozen=True)
class NewHead:
    """Another head on a network's last spatial map. Answers probabilities and its tap; pixel gradients it has none."""

    answer: Answer
    weights: np.ndarray  # (channels, 4)
    bias: np.ndarray  # (4,)

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.answer.input_shape

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """See `questions.Answer`."""
        return scipy.special.softmax(pooled(self.answer, pictures) @ self.weights + self.bias, axis=1)

    def tap(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The network's map and the gradient of the new head's logit in it."""
        activations, _ = self.answer.tap(pictures, classes)
        cells = activations.shape[1] * activations.shape[2]
        return activations, np.broadcast_to(self.weights.T[classes][:, None, None] / cells, activations.shape)


@dataclass(frozen=True)
class Reweighted:
    """The same Keras network with other weights. They are put back after every question: nothing is traced anew."""

    answer: Any  # an `Answer` with its Keras model in `.model`
    weights: tuple[np.ndarray, ...]  # as `model.get_weights()` orders them

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.answer.input_shape

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """See `questions.Answer`."""
        return self._asked("probabilities", pictures)

    def gradients(self, pictures: np.ndarray, classes: np.ndarray, *, of: Score = "probability") -> np.ndarray:
        """See `questions.Answer`."""
        return self._asked("gradients", pictures, classes, of=of)

    def scored_gradients(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `questions.ScoredAnswer`."""
        return self._asked("scored_gradients", pictures, classes)

    def tap(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `questions.Answer`."""
        return self._asked("tap", pictures, classes)

    def _asked(self, question: str, *about: np.ndarray, **how: Any) -> Any:
        learned = self.answer.model.get_weights()
        self.answer.model.set_weights(list(self.weights))
        try:
            return getattr(self.answer, question)(*about, **how)
        finally:
            self.answer.model.set_weights(learned)


def fit_head(answer: Answer, pictures: np.ndarray, labels: np.ndarray) -> NewHead:
    """Train a new head on a network's last spatial map: logistic regression on its mean over the page.

    Args:
        answer: a network with a spatial map.
        pictures: `(pages, height, width, 3)` of the size that it reads.
        labels: int `(pages,)`.
    """
    return NewHead(answer, *(part.T for part in regression(pooled(answer, pictures), labels)))


def random_head(answer: Answer, *, seed: int) -> NewHead:
    """A head with random weights on the same network: the first step of Adebayo's cascade."""
    height, width = answer.input_shape
    channels = pooled(answer, np.zeros((1, height, width, 3), np.float32)).shape[1]
    rng = np.random.default_rng(seed)
    return NewHead(answer, rng.normal(0, channels**-0.5, (channels, len(CLASSES))), np.zeros(len(CLASSES)))


def with_head(answer: Any, head: NewHead) -> Reweighted:
    """A Keras network that ends in a new head, so that it has pixel gradients too.

    Raises:
        ValueError: between the network's last map and its logits lies more than a mean over the page.
    """
    layer = answer.model.get_layer(_HEAD)
    learned, own = answer.model.get_weights(), layer.get_weights()
    if own[0].shape != head.weights.shape:
        raise ValueError(f"the head reads {len(head.weights)} numbers, the network's {len(own[0])}; use the head alone")
    layer.set_weights([head.weights, head.bias])
    try:
        return Reweighted(answer, tuple(answer.model.get_weights()))
    finally:
        answer.model.set_weights(learned)


def shuffled(answer: Any, *, seed: int) -> Reweighted:
    """The network with the numbers in each of its weight arrays shuffled: it has learned nothing.

    Shuffling keeps each array's distribution, so that signals neither vanish nor explode.

    Args:
        answer: an `Answer` with its Keras model in `.model`.
        seed: of the shuffling.

    References:
        The randomisation test: Adebayo et al. 2018, arXiv:1810.03292.
    """
    rng = np.random.default_rng(seed)
    learned = answer.model.get_weights()
    return Reweighted(answer, tuple(rng.permutation(array.ravel()).reshape(array.shape) for array in learned))


def pooled(answer: Answer, pictures: np.ndarray) -> np.ndarray:
    """The mean of the last spatial map over the page, `(batch, channels)`."""
    which = np.zeros(len(pictures), dtype=int)
    parts = [
        questions.tap(answer, pictures[at : at + _AT_ONCE], which[at : at + _AT_ONCE])[0].mean(axis=(1, 2))
        for at in range(0, len(pictures), _AT_ONCE)
    ]
    return np.concatenate(parts)
