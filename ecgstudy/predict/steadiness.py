"""Does an answer hold when the page is changed in ways that nobody sees? If not, it is no answer."""

from collections.abc import Callable

import cv2
import numpy as np

MOST_WAVER = 0.25  # of a probability; an answer that moves more is withheld
NOISE = 2.0  # standard deviation in grey levels, of 255
SHIFT = 0.5  # pixels of the picture that the model reads, about half a millimetre on the page
SOFTENING = 0.4  # standard deviation of a blur in pixels
LIGHT = 0.99


def waver(ask: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """By how much any probability changes, at most, over small variations of each picture.

    Args:
        ask: pictures `(n, height, width, 3)` -> probabilities `(n, 4)`.
        pictures: uint8, as the model reads them.
        answers: its probabilities for them.

    Returns:
        Shape `(n,)`, 0 to 1.
    """
    changed = [ask(np.stack([vary(picture) for picture in pictures])) for vary in VARIATIONS]
    return np.abs(np.stack(changed) - answers).max(axis=(0, 2))


def _noise(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, NOISE, picture.shape)
    return np.clip(np.round(picture + noise), 0, 255).astype(np.uint8)


def _shift(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    onto = np.array([[1, 0, SHIFT], [0, 1, SHIFT]])
    return cv2.warpAffine(picture, onto, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _soften(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), SOFTENING)


def _darken(picture: np.ndarray) -> np.ndarray:
    return np.round(picture * LIGHT).astype(np.uint8)


VARIATIONS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (_noise, _shift, _soften, _darken)
