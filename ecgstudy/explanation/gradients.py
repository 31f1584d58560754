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
_LEAST_DIFFERENCE = 0.1  # of probabilities; a residual can't be a share of nothing
_FIRST_STEPS = 16  # and so many are halved at a time: one batch of questions
_LOCALLY = 10  # times the tolerance may be missed step by step, so that a sum is not right by chance alone
_NEGLIGIBLE = 0.1  # of an even share of what may be missed
_BLUR = 0.05  # of the picture's width: no stroke of a trace is left
_BLOCK = 64  # rows of questions that are in memory at a time


@dataclass(frozen=True)
class PathAttribution:
    """Integrated gradients, and how well they add up."""

    maps: np.ndarray  # float32 (batch, height, width), signed
    differences: np.ndarray  # (batch,) score of the picture less score of the baseline: what a map should sum to
    residuals: np.ndarray  # (batch,) sum of the map less that
    steps: np.ndarray  # int (batch,)

    @property
    def relative_residuals(self) -> np.ndarray:
        """Shares of the difference, `(batch,)`; of 0.1 where the difference is smaller than that."""
        return np.abs(self.residuals) / np.maximum(np.abs(self.differences), _LEAST_DIFFERENCE)


def integrated_gradients(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, *,
    baseline: str | np.ndarray | None = None, backdrop: Backdrop | None = None,
    tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS,
) -> PathAttribution:  # fmt: skip
    """How much each pixel adds to the score on the straight way from a baseline to the picture.

        map = (x - x') * integral_0^1 dp_c(x' + a (x - x')) / dx da, summed over colours

    The integral is a trapezoid sum. What each step of it misses is known, as the score at both its ends is: the steps
    that miss most are halved until the sum is right.

    Args:
        answer: a model with gradients.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        baseline: one of `BASELINES`, or pictures of one's own, `(height, width, 3)` or a batch of them. By default
            `without_trace` where there is a backdrop, so that the ink alone is judged, and `white` where there is none.
        backdrop: of these pictures; `without_trace` and `mean` need it, `mean` its mean page: that of the batch would
            make each map depend on the others.
        tolerance: allowed residual, as `PathAttribution.relative_residuals` counts it.
        most_steps: where halving ends even so.

    Raises:
        ValueError: unknown baseline, or one that needs a backdrop.

    References:
        Sundararajan et al. 2017, arXiv:1703.01365.
    """
    pictures = questions.checked_pictures(answer, pictures)
    starts = np.broadcast_to(_baseline(baseline, pictures, backdrop), pictures.shape).astype(np.float32)
    found = [
        _one_path(answer, start, picture - start, number, tolerance, most_steps)
        for start, picture, number in zip(starts, pictures, classes, strict=True)
    ]
    maps, differences, residuals, steps = (np.array(part) for part in zip(*found, strict=True))
    return PathAttribution(maps, differences, residuals, steps)


def _one_path(
    answer: Answer, start: np.ndarray, way: np.ndarray, number: int, tolerance: float, most_steps: int
) -> tuple[np.ndarray, float, float, int]:
    """Map, difference, residual and steps of one picture."""

    def asked(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Score and, for each pixel, its rate of change along the way, at each point."""
        pictures = start + points[:, None, None, None].astype(np.float32) * way
        which = np.full(len(points), number)
        scores, slopes = questions.scored_gradients(answer, pictures, which)
        return scores.astype(float), np.einsum("nhwc,hwc->nhw", slopes, way).astype(np.float32)

    points = np.linspace(0, 1, _FIRST_STEPS + 1)
    scores, rates = asked(points)
    while True:
        lengths, totals = np.diff(points), rates.sum(axis=(1, 2), dtype=float)
        missed = np.diff(scores) - lengths * (totals[1:] + totals[:-1]) / 2
        difference = scores[-1] - scores[0]
        allowed = tolerance * max(abs(difference), _LEAST_DIFFERENCE)
        left = most_steps - len(lengths)
        enough = abs(missed.sum()) <= allowed and np.abs(missed).sum() <= _LOCALLY * allowed
        if enough or left <= 0 or not np.isfinite(difference):
            break
        worst = np.argsort(-np.abs(missed))[: min(_FIRST_STEPS, left)]
        worst = worst[np.abs(missed[worst]) > _NEGLIGIBLE * allowed / len(missed)]
        added = points[worst] + lengths[worst] / 2
        order = np.argsort(np.concatenate([points, added]))
        more_scores, more_rates = asked(added)
        points = np.concatenate([points, added])[order]
        scores, rates = np.concatenate([scores, more_scores])[order], np.concatenate([rates, more_rates])[order]
    weights = (np.append(lengths, 0) + np.append(0, lengths)) / 2  # of the trapezoid sum
    heat = np.tensordot(weights, rates, axes=1).astype(np.float32)
    return heat, difference, -missed.sum(), len(lengths)


def _blocks(rows: int, points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of a row and a point, some at a time."""
    pairs = np.array([(row, point) for row in range(rows) for point in range(len(points))])
    for first in range(0, len(pairs), _BLOCK):
        block = pairs[first : first + _BLOCK]
        yield block[:, 0], points[block[:, 1]]


def _baseline(baseline: str | np.ndarray | None, pictures: np.ndarray, backdrop: Backdrop | None) -> np.ndarray:
    if isinstance(baseline, np.ndarray):
        return baseline
    baseline = baseline or ("white" if backdrop is None else "without_trace")
    choose("baseline", baseline, BASELINES)
    if baseline == "white":
        return np.full(pictures.shape[1:], 255, np.float32)
    if baseline == "mean":
        if backdrop is None or backdrop.mean is None:
            raise ValueError("baseline 'mean' needs a backdrop with its mean page; give the page itself as an array")
        return backdrop.mean
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
