"""Models whose explanations are known by hand, and pages whose truth was planted."""

import numpy as np
import pytest

from ecgstudy.explanation import backdrop
from ecgstudy.pages import draw

HEIGHT, WIDTH = 24, 42  # not square, as no page is


class SquareAnswer:
    """p_c = sum(w_c x^2), x from 0 to 1; its tap is the mean brightness of cells of 6 x 6 pixels."""

    cell = 6

    def __init__(self, weights: np.ndarray, *, power: int = 2) -> None:
        self.weights, self.power = weights, power  # (height, width, 3, 4)
        self.input_shape = weights.shape[:2]
        self.batches: list[int] = []

    def probabilities(self, pictures):
        self.batches.append(len(pictures))
        return np.tensordot((pictures / 255.0) ** self.power, self.weights, axes=3)

    def gradients(self, pictures, classes, *, of="probability"):
        self.batches.append(len(pictures))
        own = self.weights[..., classes].transpose(3, 0, 1, 2)
        return own * self.power * (pictures / 255.0) ** (self.power - 1) / 255

    def tap(self, pictures, classes):
        count, height, width, _ = pictures.shape
        cells = pictures.mean(axis=3).reshape(count, height // self.cell, self.cell, width // self.cell, self.cell)
        activations = cells.mean(axis=(2, 4))[..., None] / 255
        return activations, np.ones_like(activations)


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(size=(HEIGHT, WIDTH, 3, 4))


@pytest.fixture
def pictures():
    return np.random.default_rng(1).uniform(0, 255, size=(3, HEIGHT, WIDTH, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def mi_pages():
    """Four pages with an infarction, drawn with their truth."""
    return [draw.synthetic_page(number, seed=5, label="mi") for number in range(4)]


@pytest.fixture(scope="session")
def prepared(mi_pages):
    """What a model of 64 x 112 pixels reads of them, and their backdrop."""
    return backdrop.prepare([page.picture for page in mi_pages], height=64, width=112)
