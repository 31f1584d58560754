"""Models whose reasons are known, because they were planted: a map can be right or wrong about them.

Made in seconds and without TensorFlow: trained on pages with a shortcut or on permuted labels, or with weights that
have learned nothing.
"""

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import scipy.special
from sklearn.linear_model import LogisticRegression

from ecgstudy.explanation import questions
from ecgstudy.explanation.questions import Answer, Score
from ecgstudy.vocabulary import CLASSES

_STRENGTH = 1.0  # inverse of the penalty, on inputs whose common standard deviation is 1


@dataclass(frozen=True)
class LinearAnswer:
    """softmax(sum of weights * ink + bias): every pixel's part in a logit is weight * ink, exactly."""

    weights: np.ndarray  # (height, width, 3, 4), per unit of ink; ink is 0 for white and 1 for black
    bias: np.ndarray  # (4,)

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.weights.shape[0], self.weights.shape[1]

    def logits(self, pictures: np.ndarray) -> np.ndarray:
        """`(batch, height, width, 3)` -> `(batch, 4)`."""
        return np.tensordot(1 - pictures.astype(float) / 255, self.weights, axes=3) + self.bias

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """`(batch, height, width, 3)` -> `(batch, 4)`."""
        return scipy.special.softmax(self.logits(pictures), axis=1)

    def gradients(self, pictures: np.ndarray, classes: np.ndarray, *, of: Score = "probability") -> np.ndarray:
        """`(batch, height, width, 3)`, of the `probability` or of the `logit` of each picture's class."""
        own = np.eye(len(CLASSES))[classes]  # (batch, 4)
        if of == "probability":
            p = self.probabilities(pictures)
            own = (p * own).sum(axis=1, keepdims=True) * (own - p)
        return (-np.einsum("bc,hwkc->bhwk", own, self.weights) / 255).astype(np.float32)


def fit_linear(pictures: np.ndarray, labels: np.ndarray, *, cells: tuple[int, int] = (16, 28)) -> LinearAnswer:
    """Logistic regression on the mean ink of the cells of a grid.

    Args:
        pictures: `(pages, height, width, 3)`, raw pixels.
        labels: int `(pages,)`.
        cells: rows and columns of the grid.
    """
    height, width = pictures.shape[1:3]
    ink = 1 - pictures.astype(np.float32).mean(axis=3) / 255  # (pages, height, width)
    small = np.stack([cv2.resize(page, cells[::-1], interpolation=cv2.INTER_AREA) for page in ink])
    coefficients, bias = _regression(small.reshape(len(small), -1), labels)
    per_cell = coefficients.reshape(len(CLASSES), *cells).transpose(1, 2, 0)  # (rows, columns, 4)
    rows, columns = np.arange(height) * cells[0] // height, np.arange(width) * cells[1] // width
    spread = per_cell[rows][:, columns] * (cells[0] * cells[1] / (height * width) / 3)
    return LinearAnswer(np.repeat(spread[:, :, None], 3, axis=2), bias)


@dataclass(frozen=True)
class NewHead:
    """Another head on a network's last spatial map: what a run on a frozen backbone trains, in seconds.

    Answers probabilities and its tap; pixel gradients it has none.
    """

    answer: Answer
    weights: np.ndarray  # (channels, 4)
    bias: np.ndarray  # (4,)

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.answer.input_shape

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """`(batch, height, width, 3)` -> `(batch, 4)`."""
        return scipy.special.softmax(pooled(self.answer, pictures) @ self.weights + self.bias, axis=1)

    def tap(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The network's map and the gradient of the new head's logit in it."""
        activations, _ = self.answer.tap(pictures, classes)
        cells = activations.shape[1] * activations.shape[2]
        return activations, np.broadcast_to(self.weights.T[classes][:, None, None] / cells, activations.shape)


def fit_head(answer: Answer, pictures: np.ndarray, labels: np.ndarray) -> NewHead:
    """Train a new head on a network's last spatial map.

    Args:
        answer: a network with a spatial map.
        pictures: `(pages, height, width, 3)` of the size that it reads.
        labels: int `(pages,)`.
    """
    return NewHead(answer, *(part.T for part in _regression(pooled(answer, pictures), labels)))


def random_head(answer: Answer, *, seed: int) -> NewHead:
    """A head with random weights on the same network: the last layer of Adebayo's cascade."""
    height, width = answer.input_shape
    channels = pooled(answer, np.zeros((1, height, width, 3), np.float32)).shape[1]
    rng = np.random.default_rng(seed)
    return NewHead(answer, rng.normal(0, channels**-0.5, (channels, len(CLASSES))), np.zeros(len(CLASSES)))


@dataclass(frozen=True)
class Shuffled:
    """The same Keras network with the numbers in each weight array shuffled: it has learned nothing.

    Shuffling keeps each array's distribution, so that signals neither vanish nor explode. The weights are put back
    after every question, so nothing is built or traced anew.

    References:
        The randomisation test: Adebayo et al. 2018, arXiv:1810.03292.
    """

    answer: Any  # an `Answer` with its Keras model in `.model`
    seed: int

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

    def tap(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `questions.Answer`."""
        return self._asked("tap", pictures, classes)

    @functools.cached_property
    def _weights(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        rng = np.random.default_rng(self.seed)
        learned = self.answer.model.get_weights()
        return learned, [rng.permutation(array.ravel()).reshape(array.shape) for array in learned]

    def _asked(self, question: str, *about: np.ndarray, **how: Any) -> Any:
        learned, shuffled = self._weights
        self.answer.model.set_weights(shuffled)
        try:
            return getattr(self.answer, question)(*about, **how)
        finally:
            self.answer.model.set_weights(learned)


def pooled(answer: Answer, pictures: np.ndarray) -> np.ndarray:
    """The mean of the last spatial map over the page, `(batch, channels)`."""
    which = np.zeros(len(pictures), dtype=int)
    parts = [  # the whole maps of many pictures need not be held
        questions.tap(answer, pictures[at : at + 64], which[at : at + 64])[0].mean(axis=(1, 2))
        for at in range(0, len(pictures), 64)
    ]
    return np.concatenate(parts)


def _regression(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients `(4, inputs)` and bias `(4,)` for inputs as they are; classes that are missing get a low bias."""
    middle, spread = inputs.mean(axis=0), inputs.std() + 1e-9  # one spread: what varies much may count much
    model = LogisticRegression(C=_STRENGTH, max_iter=2000, class_weight="balanced")
    model.fit((inputs - middle) / spread, labels)
    coefficients, bias = np.zeros((len(CLASSES), inputs.shape[1])), np.full(len(CLASSES), -30.0)
    two = len(model.classes_) == 2  # sklearn then gives one row, for the second class
    coefficients[model.classes_] = np.vstack([-model.coef_, model.coef_]) / 2 if two else model.coef_
    bias[model.classes_] = np.concatenate([-model.intercept_, model.intercept_]) / 2 if two else model.intercept_
    coefficients = coefficients / spread
    return coefficients, bias - coefficients @ middle
