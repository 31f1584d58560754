"""Scores that need the probabilities of every page: ranking, Brier, log loss, calibration."""

import numpy as np

from ecgstudy.evaluation.counts import divide, spread
from ecgstudy.vocabulary import CLASSES

BINS = 10
ROWS_AT_ONCE = 500  # resamples in memory at one time: 500 x 1,261 pages x 8 bytes = 5 MB per array


def page_scores(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """AUROC, average precision, Brier score, log loss and calibration error by name.

    Args:
        labels: int, shape `(pages,)`.
        answers: probabilities, shape `(pages, classes)`.
        weights: shape `(pages,)` or `(resamples, pages)`.

    Returns:
        Name -> shape `()` or `(resamples,)`.
    """
    rows = np.atleast_2d(weights)
    parts = [_page_scores(labels, answers, rows[at : at + ROWS_AT_ONCE]) for at in range(0, len(rows), ROWS_AT_ONCE)]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return found if np.ndim(weights) == 2 else {name: value[0] for name, value in found.items()}


def _page_scores(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    ranked = [ranking(labels == c, answers[:, c], weights) for c in range(len(CLASSES))]
    areas, precisions = (np.stack(side, axis=-1) for side in zip(*ranked, strict=True))  # (resamples, classes)
    found = spread("auroc", areas) | spread("average_precision", precisions)
    found["brier_error"] = brier_error(labels, answers, weights)
    found["log_loss_error"] = log_loss_error(labels, answers, weights)
    found["squared_calibration_error"] = squared_calibration_error(labels, answers, weights)
    return found


def ranking(is_class: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under the ROC curve and average precision of one class against the rest.

    Args:
        is_class: bool, shape `(pages,)`.
        probability: of that class, shape `(pages,)`. Equal ones form one step of the curve.
        weights: shape `(resamples, pages)`.

    Returns:
        Two arrays of shape `(resamples,)`; NaN where one of the two kinds of pages has no weight.

    References:
        Fawcett 2006, doi:10.1016/j.patrec.2005.10.010; average precision as scikit-learn has it (no interpolation).
    """
    pages = np.argsort(-probability, kind="stable")  # likeliest first
    own, others = (pages[is_class[pages] == side] for side in (True, False))
    values, of_others = -probability[own], -probability[others]
    last = np.searchsorted(values, values, side="right") - 1  # of the equal ones: there the curve bends
    ahead, level = (np.searchsorted(of_others, values, side=side) for side in ("left", "right"))
    by_page = np.ascontiguousarray(weights.T)  # (pages, resamples): sums run over whole rows
    hits = by_page[own]
    hits_so_far = np.cumsum(hits, axis=0)
    false_so_far = np.concatenate([np.zeros_like(by_page[:1]), np.cumsum(by_page[others], axis=0)])
    positive, negative = hits.sum(axis=0), false_so_far[-1]
    beaten = negative - (false_so_far[ahead] + false_so_far[level]) / 2  # a tie is half a mistake
    area = divide((hits * beaten).sum(axis=0), positive * negative)
    found = hits_so_far[last]
    precision = divide(found, found + false_so_far[level], empty=0.0)
    return area, divide((hits * precision).sum(axis=0), positive)


def brier_error(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared distance to the true answer, summed over classes: 0 is perfect, 2 the worst.

    References:
        Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    misses = ((answers - np.eye(len(CLASSES))[labels]) ** 2).sum(axis=1)
    return divide(times(weights, misses), weights.sum(axis=-1))


def log_loss_error(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean negative log probability of the true class, in nats; probabilities below 2e-16 count as that."""
    true = answers[np.arange(len(labels)), labels] / answers.sum(axis=1)
    smallest = np.finfo(float).eps
    surprise = -np.log(np.clip(true, smallest, 1 - smallest))
    return divide(times(weights, surprise), weights.sum(axis=-1))


def squared_calibration_error(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Squared distance between probability and frequency, mean of the classes; unbiased on small sets.

    In each of ten bins with equally many pages, the product of the residuals of two *different* pages estimates
    the squared gap without the noise that makes the usual calibration error grow as pages get fewer. A calibrated
    model scores 0 on average, so single values may be slightly negative; the square root is in units of probability.

    References:
        Bröcker 2012, doi:10.1007/s00382-011-1191-1; Kumar, Liang and Ma 2019, arXiv:1909.10155, section 5.
    """
    residuals = np.eye(len(CLASSES))[labels] - answers  # (pages, classes)
    bins = np.stack([even_bins(answers[:, c], BINS) for c in range(len(CLASSES))], axis=1)
    member = np.eye(BINS)[bins]  # (pages, classes, bins)
    residual = member * residuals[:, :, None]
    pages, gaps = _sums(weights, member), _sums(weights, residual)  # (..., classes, bins)
    same_pages, same_gaps = _sums(weights**2, member), _sums(weights**2, residual**2)
    pairs = np.where(pages**2 - same_pages > 1e-9, pages**2 - same_pages, 0.0)
    squared = divide(gaps**2 - same_gaps, pairs, empty=0.0)
    used = pages * (pairs > 0)
    return divide((used * squared).sum(axis=-1), used.sum(axis=-1)).mean(axis=-1)


def _sums(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted sums over pages of values of shape `(pages, classes, bins)`, for every row of the weights."""
    flat = values.reshape(len(values), -1)
    return times(weights, flat).reshape(*weights.shape[:-1], *values.shape[1:])


def times(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`weights @ values` in the precision of the weights: a mixed product would first be copied to double."""
    return weights @ values.astype(np.result_type(weights, np.float32))


def even_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each value, in `bins` bins with about equally many; equal values share a bin."""
    ranks = np.searchsorted(np.sort(values), values)
    return np.minimum(ranks * bins // max(len(values), 1), bins - 1)
