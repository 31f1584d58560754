"""A model whose reasons are known, because they were planted: a map can be right or wrong about it.

Made in seconds and without TensorFlow, on pages with a shortcut, say.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.special
from sklearn.linear_model import LogisticRegression

from ecgstudy.explanation.questions import Score
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
        if of == "probability":
            return self.scored_gradients(pictures, classes)[1]
        return self._slopes(np.eye(len(CLASSES))[classes])

    def scored_gradients(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `questions.ScoredAnswer`."""
        p = self.probabilities(pictures)
        score = p[np.arange(len(p)), classes]
        return score, self._slopes(score[:, None] * (np.eye(len(CLASSES))[classes] - p))

    def _slopes(self, parts: np.ndarray) -> np.ndarray:
        """The sum of all logits' gradients, each times its part, `(batch, 4)` -> `(batch, height, width, 3)`."""
        return (-np.einsum("bc,hwkc->bhwk", parts, self.weights) / 255).astype(np.float32)


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
    coefficients, bias = regression(small.reshape(len(small), -1), labels)
    per_cell = coefficients.reshape(len(CLASSES), *cells).transpose(1, 2, 0)  # (rows, columns, 4)
    rows, columns = np.arange(height) * cells[0] // height, np.arange(width) * cells[1] // width
    spread = per_cell[rows][:, columns] * (cells[0] * cells[1] / (height * width) / 3)
    return LinearAnswer(np.repeat(spread[:, :, None], 3, axis=2), bias)


def regression(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
