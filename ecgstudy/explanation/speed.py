"""How long a map takes here and in tf-explain, for the same steps on the same network."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.explanation import cam, crosscheck, gradients, occlusion, questions

_STEPS = 32
_PATCH = 32  # pixels


def compare_speed(
    answer: Any, pictures: np.ndarray, classes: np.ndarray, *, steps: int = _STEPS, patch: int = _PATCH
) -> pd.DataFrame:
    """Seconds per picture of three methods, after one picture that is not counted.

    Both programs answer the same question: Grad-CAM of the class's logit on the same layer, integrated gradients with
    as many steps, occlusion with patches of one size. tf-explain is asked picture by picture, as it works.

    Args:
        answer: a network's answer, with its Keras model in `.model` and its layer in `.tap_name`.
        pictures: `(batch, height, width, 3)`.
        classes: one for each picture.
        steps: of integrated gradients.
        patch: side of the patches that are hidden, in pixels.

    Returns:
        One row per method: `method, ours, theirs` (seconds of wall time per picture) and `times` (theirs by ours).
    """
    numbers = questions.class_indices(list(classes), len(pictures))
    pictures = questions.checked_pictures(answer, pictures)
    black = np.zeros(pictures.shape[1:], np.float32)
    ours: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
        "gradcam": lambda p, c: cam.gradcam(answer, p, c),
        "integrated_gradients": lambda p, c: gradients.integrated_gradients(
            answer, p, c, baseline=black, tolerance=0, most_steps=steps
        ),
        "occlusion": lambda p, c: occlusion.occlusion(answer, p, c, size=patch),
    }
    theirs: dict[str, Callable[[np.ndarray, int], Any]] = {
        "gradcam": lambda p, c: crosscheck.their_gradcam(answer, p, c),
        "integrated_gradients": lambda p, c: crosscheck.their_gradients(answer, p, c, steps=steps),
        "occlusion": lambda p, c: crosscheck.their_occlusion(answer, p, c, patch=patch),
    }
    rows = []
    for method in ours:
        own = _seconds(lambda some, which, run=ours[method]: run(some, which), pictures, numbers)
        other = _seconds(lambda some, which, run=theirs[method]: _one_by_one(run, some, which), pictures, numbers)
        rows.append((method, own / len(pictures), other / len(pictures), other / own))
    return pd.DataFrame(rows, columns=["method", "ours", "theirs", "times"])


def _one_by_one(run: Callable[[np.ndarray, int], Any], pictures: np.ndarray, numbers: np.ndarray) -> None:
    for picture, number in zip(pictures, numbers, strict=True):
        run(picture, int(number))


def _seconds(run: Callable[..., Any], pictures: np.ndarray, numbers: np.ndarray) -> float:
    run(pictures[:1], numbers[:1])  # traced and warm
    began = time.perf_counter()
    run(pictures, numbers)
    return time.perf_counter() - began
