"""Scores of one model's units with their intervals: what every table of this room is made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from ecgstudy.evaluation import counts, intervals, metrics, pooling, probabilities
from ecgstudy.evaluation.intervals import Resamples
from ecgstudy.vocabulary import CLASSES

AREAS = ("auroc", "average_precision")
FEW_GROUPS = 10  # a class recall resting on fewer groups gets an exact interval
_CHANCE_SEED = 20  # of the recalls that are drawn for classes found always or never


@dataclass(frozen=True)
class Scored:
    """All scores of one model: as they are (points), and in every resample."""

    points: dict[str, float]
    drawn: dict[str, np.ndarray]  # each of shape (resamples,)
    groups: "Groups"  # behind them
    unsure: dict[str, np.ndarray]  # `drawn` with chance in the classes that are found always or never; else empty

    def only(self, names: Iterable[str]) -> Self:
        """The same with the resamples of a few scores alone, a fifth of the memory."""
        drawn, unsure = ({name: kept[name] for name in names if name in kept} for kept in (self.drawn, self.unsure))
        return replace(self, drawn=drawn, unsure=unsure)


@dataclass(frozen=True)
class Groups:
    """How many groups some units of one model stand for, in all and per class."""

    all: int
    of_class: list[int]
    of_others: list[int]
    named: list[int]  # groups with a unit that the model gives to the class

    @classmethod
    def of(cls, units: pd.DataFrame, answers: np.ndarray) -> Self:
        """Count them; `answers` are the units' probabilities."""
        groups, labels, named = pd.factorize(units["group"])[0], units["label"].to_numpy(), answers.argmax(axis=1)

        def each(chosen: Callable[[int], np.ndarray]) -> list[int]:
            return [len(np.unique(groups[chosen(at)])) for at in range(len(CLASSES))]

        every = [each(lambda at: labels == at), each(lambda at: labels != at), each(lambda at: named == at)]
        return cls(len(np.unique(groups)), *every)


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
    groups = units["group"].to_numpy().astype(str)
    cells = once[:, None] * counts.cells(labels, answers)
    own, sums, behind = cells.sum(axis=0), draw.sums(groups, cells), Groups.of(units, answers)
    values, drawn = (_counted(each, frequencies) for each in (own[None], sums))
    changed = _with_chance(sums, own, behind)
    unsure = {} if changed is None else _counted(changed, frequencies)
    if only == "all":
        columns = draw.positions(groups)
        values |= _paged(labels, answers, once, np.ones((1, len(draw.groups))), columns, frequencies)
        drawn |= _paged(labels, answers, once, draw.times, columns, frequencies)
    return Scored({name: float(value[0]) for name, value in values.items()}, drawn, behind, unsure)


def _with_chance(sums: np.ndarray, own: np.ndarray, behind: Groups) -> np.ndarray | None:
    """Resampled counts in which a class that was found always, or never, is not found always, or never.

    No resample of seven pages out of seven holds a miss, so the bootstrap takes such a class for certain, and every
    mean that it is part of for surer than it is. Here its recall is drawn from the distribution whose quantile is the
    end of Clopper and Pearson's interval: Beta(n, 1) for n of n groups, Beta(1, n) for none of them.

    Args:
        sums: of the resamples, flattened confusion matrices `(resamples, 16)`.
        own: those of the units themselves, `(16,)`.
        behind: groups of each class.

    Returns:
        As `sums`; None where no class is found always or never, or one answer is given to every page.
    """
    if (own.reshape(len(CLASSES), len(CLASSES)).sum(axis=0) > 0).sum() == 1:
        return None  # a constant answer has nothing to do with the pages: no doubt about it
    matrices, found = sums.reshape(-1, len(CLASSES), len(CLASSES)).copy(), False
    for at, row in enumerate(own.reshape(len(CLASSES), len(CLASSES))):
        missed = np.delete(row, at).sum()
        if row.sum() == 0 or (missed > 0 and row[at] > 0):
            continue
        found, groups = True, behind.of_class[at]
        chance = np.random.default_rng([_CHANCE_SEED, at])
        recall = chance.beta(*((groups, 1) if missed == 0 else (1, groups)), size=len(matrices))
        others = np.where(np.arange(len(row)) == at, 0.0, row if missed > 0 else 1.0)
        pages = matrices[:, at].sum(axis=1)
        matrices[:, at] = (pages * (1 - recall))[:, None] * others / others.sum()
        matrices[:, at, at] = pages * recall
    return matrices.reshape(sums.shape) if found else None


def _counted(cells, frequencies) -> dict[str, np.ndarray]:
    """Scores of counts from flattened confusion matrices, one per resample."""
    confusions = cells.reshape(-1, len(CLASSES), len(CLASSES))
    return counts.count_scores(confusions if frequencies is None else counts.standardised(confusions, frequencies))


def _paged(labels, answers, once, times, columns, frequencies) -> dict[str, np.ndarray]:
    """Scores that need every page, some resamples at a time, in single precision where there are many."""
    kind = np.float64 if len(times) == 1 else np.float32
    kept = [name for name, row in metrics.METRICS.items() if row.of == "pages"]
    parts = []
    for at in range(0, len(times), probabilities.ROWS_AT_ONCE):
        weights = once.astype(kind) * times[at : at + probabilities.ROWS_AT_ONCE][:, columns].astype(kind)
        if frequencies is not None:
            totals = weights @ np.eye(len(CLASSES), dtype=kind)[labels]  # (resamples, classes)
            weights *= counts.divide(frequencies, totals, empty=0.0).astype(kind)[:, labels]
        parts.append(probabilities.page_scores(labels, answers, weights))
    return {name: np.concatenate([part[name] for part in parts]) for name in kept}


def interval(name: str, scored: Scored, level: float, *, even: bool) -> tuple[float, float]:
    """The interval of one score.

    The bootstrap's, except where it must fail: a share of 0 or 1, or a recall that rests on few groups, gets the
    exact interval of as many trials as there are groups; areas under curves get the logit interval. A mean of
    classes that is 1 could at worst hide all its errors in the class with the fewest groups. Where one class is found
    always or never, the interval also holds that of the draws in which it is not (`_with_chance`).

    Args:
        name: of the score.
        scored: from `score_units`.
        level: such as 0.95.
        even: every unit weighs the same, so that accuracy rests on all groups, not on the rarest class.
    """
    value, groups = scored.points[name], groups_behind(name, scored.groups, even=even)
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
    return intervals.widest([kept[name] for kept in (scored.drawn, scored.unsure) if name in kept], level, groups)


def difference_interval(name: str, one: Scored, other: Scored, level: float, groups: int) -> tuple[float, float]:
    """The interval of one score of `one` less that of `other`, whose resamples are paired row by row.

    Where a side has a class that is found always or never, the interval holds all that either side could mean.
    """
    sides = [[kept[name] for kept in (side.drawn, side.unsure) if name in kept] for side in (one, other)]
    return intervals.widest([first - second for first in sides[0] for second in sides[1]], level, groups)


def groups_behind(name: str, groups: Groups, *, even: bool) -> int:
    """How many groups a score rests on: those of its class, of the rarest class for means, else all.

    Precision rests on the groups that the model gives to the class; a class it never names has no interval.
    """
    kind, _, label = name.rpartition("_")
    if label in CLASSES:
        behind = {"precision": groups.named, "specificity": groups.of_others}.get(kind, groups.of_class)
        return behind[CLASSES.index(label)]
    if even and name in ("accuracy", "kappa", "mcc", "brier_error", "log_loss_error"):
        return groups.all
    return min(groups.of_class)
