"""Maps that know nothing of the model: what a test says about a method counts only beside what it says about these."""

import cv2
import numpy as np

_GRAIN = 1 / 32  # of the width: about as coarse as Grad-CAM
_STROKES = 1 / 80  # of the width


def random_map(pictures: np.ndarray, *, seed: int) -> np.ndarray:
    """Clouds: smooth noise that knows neither the model nor the page. Float32 `(batch, height, width)`, from 0."""
    rng = np.random.default_rng(seed)
    clouds = [cv2.GaussianBlur(rng.standard_normal(p.shape[:2]), (0, 0), _GRAIN * p.shape[1]) for p in pictures]
    return np.stack([cloud - cloud.min() for cloud in clouds]).astype(np.float32)


def blur_map(pictures: np.ndarray) -> np.ndarray:
    """Where much ink is: the darkness of the page, blurred. Float32 `(batch, height, width)`, not negative."""
    return np.stack([cv2.GaussianBlur(dark, (0, 0), _STROKES * dark.shape[1]) for dark in _darkness(pictures)])


def edge_map(pictures: np.ndarray) -> np.ndarray:
    """How steep the darkness changes (Sobel). Float32 `(batch, height, width)`, not negative."""
    return np.stack(
        [np.hypot(cv2.Sobel(d, cv2.CV_32F, 1, 0), cv2.Sobel(d, cv2.CV_32F, 0, 1)) for d in _darkness(pictures)]
    )


def _darkness(pictures: np.ndarray) -> np.ndarray:
    return 1 - pictures.astype(np.float32).max(axis=-1) / 255
