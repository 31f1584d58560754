"""Maps from gradients in the pixels: integrated gradients, which add up to the score, and SmoothGrad."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ecgstudy.explanation import questions
from ecgstudy.explanation.backdrop import Backdrop
from ecgstudy.explanation.questions import Answer
from ecgstudy.vocabulary import choose

BASELINES = ("white", "blurred", "mean", "without_trace")
MOST_STEPS = 512
TOLERANCE = 0.01  # of the score difference
_LEAST_DIFFERENCE = 0.02  # of probabilities; a residual can't be a share of nothing
_FIRST_STEPS = 8
_BLUR = 0.05  # of the picture's width: no stroke of a trace is left
_BLOCK = 16  # rows of questions that are in memory at a time


@dataclass(frozen=True)
class PathAttribution:
    """Integrated gradients, and how well they add up."""

    maps: np.ndarray  # float32 (batch, height, width), signed
    differences: np.ndarray  # (batch,) score of the picture less score of the baseline: what a map should sum to
    residuals: np.ndarray  # (batch,) sum of the map less that
    steps: np.ndarray  # int (batch,)

    @property
    def relative_residuals(self) -> np.ndarray:
        """Shares of the difference, `(batch,)`; of 0.02 where the difference is smaller than that."""
        return np.abs(self.residuals) / np.maximum(np.abs(self.differences), _LEAST_DIFFERENCE)


def integrated_gradients(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, *,
    baseline: str | np.ndarray = "white", backdrop: Backdrop | None = None,
    tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS,
) -> PathAttribution:  # fmt: skip
    """How much each pixel adds to the score on the straight way from a baseline to the picture.

        map = (x - x') * integral_0^1 dp_c(x' + a (x - x')) / dx da, summed over colours

    The integral is a trapezoid sum whose steps are doubled, for each picture on its own, until the map adds up.

    Args:
        answer: a model with gradients.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        baseline: one of `BASELINES`, or pictures of one's own, `(height, width, 3)` or a batch of them.
        backdrop: of these pictures; `without_trace` needs it, `mean` takes its mean page where it has one.
        tolerance: allowed residual, as `PathAttribution.relative_residuals` counts it.
        most_steps: where doubling ends even so.

    Raises:
        ValueError: unknown baseline, or one that needs a backdrop.

    References:
        Sundararajan et al. 2017, arXiv:1703.01365.
    """
    pictures = questions.checked_pictures(answer, pictures)
    start = np.broadcast_to(_baseline(baseline, pictures, backdrop), pictures.shape).astype(np.float32)
    way = pictures - start
    differences = questions.scores(answer, pictures, classes) - questions.scores(answer, start, classes)

    def mean_slope(rows: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Mean over the points of the way times the gradient there, float64 `(rows, height, width)`."""
        total = np.zeros((len(rows), *pictures.shape[1:3]))
        for which, at in _blocks(len(rows), points):
            part = rows[which]
            asked = start[part] + at[:, None, None, None].astype(np.float32) * way[part]
            slopes = questions.gradients(answer, asked, classes[part])
            np.add.at(total, which, (slopes * way[part]).sum(axis=-1))
        return total / len(points)

    everything = np.arange(len(pictures))
    maps = mean_slope(everything, np.array([0.0, 1.0]))  # one step of the trapezoid sum
    steps = np.ones(len(pictures), dtype=int)
    open_rows = everything
    while len(open_rows):
        count = steps[open_rows[0]]
        maps[open_rows] = (maps[open_rows] + mean_slope(open_rows, (np.arange(count) + 0.5) / count)) / 2
        steps[open_rows] *= 2
        result = PathAttribution(maps.astype(np.float32), differences, maps.sum(axis=(1, 2)) - differences, steps)
        going_on = (result.relative_residuals > tolerance) | (steps < _FIRST_STEPS)
        open_rows = np.flatnonzero(going_on & (steps < most_steps) & (steps == 2 * count))
    return result


def _blocks(rows: int, points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of a row and a point, some at a time."""
    pairs = np.array([(row, point) for row in range(rows) for point in range(len(points))])
    for first in range(0, len(pairs), _BLOCK):
        block = pairs[first : first + _BLOCK]
        yield block[:, 0], points[block[:, 1]]


def _baseline(baseline: str | np.ndarray, pictures: np.ndarray, backdrop: Backdrop | None) -> np.ndarray:
    if isinstance(baseline, np.ndarray):
        return baseline
    choose("baseline", baseline, BASELINES)
    if baseline == "white":
        return np.full(pictures.shape[1:], 255, np.float32)
    if baseline == "mean":
        return pictures.mean(axis=0) if backdrop is None or backdrop.mean is None else backdrop.mean
    if baseline == "blurred":
        return np.stack([cv2.GaussianBlur(picture, (0, 0), _BLUR * pictures.shape[2]) for picture in pictures])
    if backdrop is None:
        raise ValueError("baseline 'without_trace' needs the backdrop of the pictures; `backdrop.prepare` makes it")
    return without_trace(pictures, backdrop)


def without_trace(pictures: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """The pages with an empty waveform area; header and footer stay. Float32 `(batch, height, width, 3)`."""
    emptied = pictures.astype(np.float32)
    for page, paper, layout in zip(emptied, backdrop.paper, backdrop.layouts, strict=True):
        part = layout.frame.pixels(*page.shape[:2])
        page[part] = paper[part]
    return emptied


def smoothgrad(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, *, samples: int = 32, noise: float = 25.0, seed: int
) -> np.ndarray:
    """Where the score reacts to a change of the pixels, whichever way.

        map = sum_colours |mean_n dp_c(x + e_n) / dx|,  e_n normal

    Args:
        answer: a model with gradients.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        samples: noisy copies of each picture.
        noise: standard deviation, in units of 0 to 255.
        seed: of the noise.

    Returns:
        float32 `(batch, height, width)`, not negative.

    References:
        Smilkov et al. 2017, arXiv:1706.03825.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(pictures.shape)
    for which, _ in _blocks(len(pictures), np.arange(samples)):
        noisy = pictures[which] + rng.normal(0, noise, (len(which), *pictures.shape[1:]))
        np.add.at(total, which, questions.gradients(answer, noisy.astype(np.float32), classes[which]))
    return np.abs(total / samples).sum(axis=-1).astype(np.float32)
