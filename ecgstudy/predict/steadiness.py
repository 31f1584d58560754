"""Does an answer hold when the page is changed in ways that nobody sees? If not, it is no answer."""

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from ecgstudy.predict.page import CheckedPage

MOST_WAVER = 0.25  # of a probability; an answer that moves more is withheld
NOISE = 4.0  # standard deviation in grey levels, of 255
SOFTENING_MM = 0.15  # standard deviation of a blur; a printed stroke is 0.4 mm wide
LIGHT = 0.99


def variations(page: CheckedPage) -> list[CheckedPage]:
    """The page with a little noise, a little blur, and a little less light."""
    pixels = SOFTENING_MM * page.layout.pixels_per_mm
    changes: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
        _noisy,
        lambda picture: cv2.GaussianBlur(picture, (0, 0), pixels),
        lambda picture: np.round(picture * LIGHT).astype(np.uint8),
    )
    return [dataclasses.replace(page, picture=change(page.picture)) for change in changes]


def waver(answers: np.ndarray) -> float:
    """By how much any probability changes, at most.

    Args:
        answers: `(1 + variations, 4)`, the page's own answer first.
    """
    return float(np.abs(answers[1:] - answers[0]).max(initial=0.0))


def _noisy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(picture.shape, dtype=np.float32)
    return np.clip(np.round(picture + NOISE * noise), 0, 255).astype(np.uint8)
