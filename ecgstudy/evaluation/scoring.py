"""Scores of one model's units with their intervals: what every table of this room is made of."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecgstudy.evaluation import counts, intervals, metrics, pooling
from ecgstudy.evaluation.intervals import Resamples
from ecgstudy.vocabulary import CLASSES

AREAS = ("auroc", "average_precision")
FEW_GROUPS = 10  # a class recall resting on fewer groups gets an exact interval


@dataclass(frozen=True)
class Scored:
    """All scores of one model: as they are (points), and in every resample."""

    points: dict[str, float]
    drawn: dict[str, np.ndarray]  # each of shape (resamples,)


def drawn_for(units: pd.DataFrame, *, resamples: int, seed: int) -> Resamples:
    """The groups behind some units, drawn once for all models; copies of a page count once for the strata."""
    pages = units.drop_duplicates("page_id")
    return intervals.draw_groups(pages["group"].to_numpy(), pages["label"].to_numpy(), resamples=resamples, seed=seed)


def score_units(
    units: pd.DataFrame, draw: Resamples, *, frequencies: np.ndarray | None = None, only: str = "counts"
) -> Scored:
    """Score one model's units once as they are and once per resample.

    Args:
        units: of one model, as `pooling.pool` gives them.
        draw: of groups that hold all of these units.
        frequencies: class frequencies to re-weight to, each distinct page counted once; None counts every
            unit once.
        only: `counts`, or `all` for ranking and calibration scores too (ten times as long).
    """
    labels, answers = units["label"].to_numpy(), pooling.probabilities(units)
    once = np.ones(len(units)) if frequencies is None else units["share"].to_numpy()
    metrics.check(labels, answers, once)
    columns = draw.positions(units["group"].to_numpy().astype(str))
    values = _counted(labels, answers, once, np.ones((1, len(draw.groups))), columns, frequencies)
    drawn = _counted(labels, answers, once, draw.times, columns, frequencies)
    if only == "all":
        values |= _paged(labels, answers, once[None, :], frequencies)
        drawn |= _paged(labels, answers, once * draw.times[:, columns], frequencies)
    return Scored({name: float(value[0]) for name, value in values.items()}, drawn)


def _counted(labels, answers, once, times, columns, frequencies) -> dict[str, np.ndarray]:
    """Scores of counts by way of one confusion matrix per group: (resamples, groups) @ (groups, 16)."""
    per_group = np.zeros((times.shape[1], len(CLASSES) ** 2))
    np.add.at(per_group, columns, once[:, None] * counts.cells(labels, answers))
    confusions = (times.astype(np.float32) @ per_group).reshape(-1, len(CLASSES), len(CLASSES))
    return counts.count_scores(confusions if frequencies is None else counts.standardised(confusions, frequencies))


def _paged(labels, answers, weights, frequencies) -> dict[str, np.ndarray]:
    if frequencies is not None:
        totals = weights @ np.eye(len(CLASSES))[labels]  # (resamples, classes)
        weights = weights * counts.divide(frequencies, totals, empty=0.0)[:, labels]
    found = metrics.scores(labels, answers, weights)
    return {name: value for name, value in found.items() if metrics.METRICS[name].of == "pages"}


def interval(name: str, scored: Scored, units: pd.DataFrame, level: float, *, even: bool) -> tuple[float, float]:
    """The interval of one score.

    The bootstrap's, except where it must fail: a share of 0 or 1, or a recall that rests on few groups, gets the
    exact interval of as many trials as there are groups; areas under curves get the logit interval. A mean of
    classes that is 1 could at worst hide all its errors in the class with the fewest groups.

    Args:
        name: of the score.
        scored: from `score_units`.
        units: the same units.
        level: such as 0.95.
        even: every unit weighs the same, so that accuracy rests on all groups, not on the rarest class.
    """
    value, groups = scored.points[name], groups_behind(name, units, even=even)
    kind, _, label = name.rpartition("_")
    is_share = label in CLASSES and kind in ("precision", "recall", "f1", "specificity")
    if np.isnan(value):
        return np.nan, np.nan
    edge = any(np.isclose(value, end, rtol=0, atol=1e-12) for end in (0, 1))
    if (edge and (is_share or name == "accuracy")) or (kind == "recall" and is_share and groups < FEW_GROUPS):
        return intervals.exact(round(value * groups, 9), groups, level)
    if edge and value > 0.5 and (name.startswith("macro_") or name == "balanced_accuracy"):
        return 1 - (1 - intervals.exact(groups, groups, level)[0]) / len(CLASSES), 1.0
    if name.removeprefix("macro_").startswith(AREAS):
        return intervals.logit(value, scored.drawn[name], level, groups)
    return intervals.percentile(scored.drawn[name], level, groups)


def groups_behind(name: str, units: pd.DataFrame, *, even: bool) -> int:
    """How many groups a score rests on: those of its class, of the rarest class for means, else all.

    Precision rests on the groups that the model gives to the class; a class it never names has no interval.
    """
    kind, _, label = name.rpartition("_")
    groups, labels = units["group"].to_numpy(), units["label"].to_numpy()
    if label in CLASSES:
        at = CLASSES.index(label)
        if kind == "precision":
            named = pooling.probabilities(units).argmax(axis=1) == at
            return len(np.unique(groups[named]))
        return len(np.unique(groups[labels != at] if kind == "specificity" else groups[labels == at]))
    if even and name in ("accuracy", "kappa", "mcc", "brier_error", "log_loss_error"):
        return len(np.unique(groups))
    return min(len(np.unique(groups[labels == at])) for at in range(len(CLASSES)))
