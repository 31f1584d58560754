"""Scores that follow from a confusion matrix: rows are true classes, columns are answers.

All functions take leading dimensions, so one call scores every resample of a bootstrap.
"""

import numpy as np

from ecgstudy.vocabulary import CLASSES


def confusion(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Confusion matrices, shape `(4, 4)` or `(resamples, 4, 4)`: true class by answered class.

    The answer is the most probable class; among equals the first of `CLASSES`.
    """
    return np.reshape(weights @ cells(labels, answers), (*np.shape(weights)[:-1], len(CLASSES), len(CLASSES)))


def cells(labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """In which cell of the flattened confusion matrix each page falls: one-hot, shape `(pages, 16)`."""
    return np.eye(len(CLASSES) ** 2)[labels * len(CLASSES) + answers.argmax(axis=1)]


def standardised(confusions: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Confusion matrices with their rows scaled to given class frequencies (direct standardisation).

    Args:
        confusions: shape `(..., 4, 4)`.
        frequencies: shape `(4,)`, summing to 1.

    Returns:
        The same shape; NaN in the row of a class without pages that should have some.
    """
    pages = confusions.sum(axis=-1, keepdims=True)
    return divide(confusions, pages) * frequencies[:, None]


def count_scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """All scores of confusion matrices of shape `(..., 4, 4)`, by name, each of shape `(...)`.

    A class without pages has NaN scores, and so have the means that it is part of. Precision and F1 of a class that
    has pages but is never answered are 0. Values agree with scikit-learn's (`zero_division=0`).
    """
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)  # (..., classes)
    true, answered = confusions.sum(axis=-1), confusions.sum(axis=-2)
    total = true.sum(axis=-1)  # (...)
    others = total[..., None] - true
    recall = divide(hits, true)
    precision = np.where(true > 0, divide(hits, answered, empty=0.0), np.nan)
    f1 = np.where(true > 0, divide(2 * hits, true + answered, empty=0.0), np.nan)
    specificity = divide(others - (answered - hits), others)
    found = {"accuracy": divide(hits.sum(axis=-1), total), "balanced_accuracy": recall.mean(axis=-1)}
    found |= spread("precision", precision) | spread("recall", recall)
    found |= spread("f1", f1) | spread("specificity", specificity)
    return found | {"kappa": _kappa(hits, true, answered, total), "mcc": _mcc(hits, true, answered, total)}


def spread(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """`(..., classes)` as one entry per class and their mean `macro_<name>`."""
    each = {f"{name}_{label}": values[..., position] for position, label in enumerate(CLASSES)}
    return {f"macro_{name}": values.mean(axis=-1)} | each


def divide(above: np.ndarray, below: np.ndarray, *, empty: float = np.nan) -> np.ndarray:
    """`above / below`, and `empty` where there is nothing to divide by."""
    shape = np.broadcast_shapes(np.shape(above), np.shape(below))
    return np.divide(above, below, out=np.full(shape, empty), where=np.asarray(below) > 0)


def _kappa(hits: np.ndarray, true: np.ndarray, answered: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Cohen 1960, doi:10.1177/001316446002000104; 0 for a constant answer."""
    agreed, expected = hits.sum(axis=-1) * total, (true * answered).sum(axis=-1)
    return divide(agreed - expected, total**2 - expected)


def _mcc(hits: np.ndarray, true: np.ndarray, answered: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006; 0 for a constant answer."""
    shared = hits.sum(axis=-1) * total - (true * answered).sum(axis=-1)
    own_true, own_answered = (total**2 - (side**2).sum(axis=-1) for side in (true, answered))
    return divide(shared, np.sqrt(np.clip(own_true * own_answered, 0, None)), empty=0.0)
