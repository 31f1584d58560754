"""Every score of the study, for one set of weights or for ten thousand at once.

A score takes true classes, probabilities and weights; weights of shape `(resamples, pages)` give one value per
resample, which is what the bootstrap needs. Scores of the four classes one by one carry the class in their
name (`recall_mi`), their plain means begin with `macro_`. `METRICS` lists all of them, in the order of tables.
"""

from dataclasses import dataclass

import numpy as np

from ecgstudy.evaluation import counts, probabilities
from ecgstudy.vocabulary import CLASSES, choose


@dataclass(frozen=True)
class MetricRow:
    """What tables, figures and intervals know about one score."""

    name: str
    title: str
    of: str  # counts: follows from the confusion matrix; pages: needs the probabilities of every page
    higher_is_better: bool
    lowest: float  # what the worst and the best possible answers score
    highest: float


def _per_class(name: str, title: str, of: str) -> list[MetricRow]:
    rows = [MetricRow(f"{name}_{label}", f"{title}, {label}", of, True, 0, 1) for label in CLASSES]
    return [MetricRow(f"macro_{name}", f"{title}, mean of classes", of, True, 0, 1), *rows]


METRICS = {
    row.name: row
    for row in (
        MetricRow("accuracy", "Accuracy", "counts", True, 0, 1),
        MetricRow("balanced_accuracy", "Balanced accuracy", "counts", True, 0, 1),
        *_per_class("precision", "Precision", "counts"),
        *_per_class("recall", "Recall", "counts"),
        *_per_class("f1", "F1", "counts"),
        *_per_class("specificity", "Specificity", "counts"),
        MetricRow("kappa", "Cohen's kappa", "counts", True, -1, 1),
        MetricRow("mcc", "Matthews correlation", "counts", True, -1, 1),
        *_per_class("auroc", "Area under the ROC curve", "pages"),
        *_per_class("average_precision", "Average precision", "pages"),
        MetricRow("brier_error", "Brier score", "pages", False, 0, 2),
        MetricRow("log_loss_error", "Log loss", "pages", False, 0, np.inf),
        MetricRow("squared_calibration_error", "Squared calibration error", "pages", False, -1, 1),
    )
}
COUNT_METRICS = tuple(row.name for row in METRICS.values() if row.of == "counts")


def scores(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray, *, only: str = "all") -> dict[str, np.ndarray]:
    """All scores of one model's answers.

    Args:
        labels: int, shape `(pages,)`, positions in `CLASSES`.
        answers: probabilities, shape `(pages, classes)`.
        weights: not negative, shape `(pages,)` or `(resamples, pages)`.
        only: `counts` leaves out what does not follow from the confusion matrix, and takes a tenth of the time.

    Returns:
        Name -> value, shape `()` or `(resamples,)`. NaN where a class has no weight and the score needs it.

    Raises:
        ValueError: the shapes do not fit, or a label is no class.
    """
    check(labels, answers, weights)
    found = counts.count_scores(counts.confusion(labels, answers, weights))
    if choose("kind of scores", only, ["all", "counts"]) == "all":
        found |= probabilities.page_scores(labels, answers, weights)
    return {name: found[name] for name in METRICS if name in found}


def score(name: str, labels: np.ndarray, answers: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """One score by its name; every page weighs the same unless `weights` are given. See `scores`."""
    choose("metric", name, list(METRICS))
    even = np.ones(len(labels)) if weights is None else weights
    return scores(labels, answers, even, only="counts" if METRICS[name].of == "counts" else "all")[name]


def check(labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> None:
    """Raise ValueError unless the three fit together."""
    pages = len(labels)
    if np.shape(answers) != (pages, len(CLASSES)) or np.shape(weights)[-1:] != (pages,):
        raise ValueError(
            f"{pages} labels, answers {np.shape(answers)} and weights {np.shape(weights)} do not fit; "
            f"needed are ({pages}, {len(CLASSES)}) and (..., {pages})"
        )
    if pages and not (np.min(labels) >= 0 and np.max(labels) < len(CLASSES)):
        raise ValueError(f"labels must be positions in {CLASSES}, got {np.unique(labels)}")
