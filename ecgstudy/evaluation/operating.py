"""Where a model raises the alarm: targets, rules and thresholds.

Two questions are asked of every model: MI against the rest, and MI or its history against the rest. Thresholds come
from a run's inner out-of-fold predictions of its own training part, never from the pages that it tests.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecgstudy.evaluation import pooling
from ecgstudy.vocabulary import CLASSES, choose

TARGETS = {"mi": ("mi",), "mi or history": ("mi", "history")}
SPECIFICITY, SENSITIVITY = 0.90, 0.95


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen on inner predictions."""

    name: str
    of_ill: bool  # the quantile is taken among the ill (sensitivity) or among the others (specificity)
    share: float


RULES = (
    Rule(f"specificity {SPECIFICITY:.0%}", False, SPECIFICITY),
    Rule(f"sensitivity {SENSITIVITY:.0%}", True, SENSITIVITY),
)


def threshold(is_ill: np.ndarray, risk: np.ndarray, rule: Rule) -> float:
    """The threshold of a rule; a page raises an alarm when its risk is *above* it.

    Args:
        is_ill: bool, shape `(pages,)`.
        risk: probability of being ill, shape `(pages,)`.
        rule: `specificity` keeps at least its share of the others silent; `sensitivity` alarms at least its share
            of the ill.

    Raises:
        ValueError: one kind of page is missing.

    References:
        Points of the ROC curve: Fawcett 2006, doi:10.1016/j.patrec.2005.10.010.
    """
    ill, others = risk[is_ill], risk[~is_ill]
    if not (ill.size and others.size):
        raise ValueError(f"a threshold needs ill pages and others, got {ill.size} and {others.size}")
    if not rule.of_ill:
        return float(np.quantile(others, rule.share, method="inverted_cdf"))
    lowest = np.sort(ill)[::-1][int(np.ceil(rule.share * ill.size - 1e-9)) - 1]  # the last of the ill to be found
    return float(np.nextafter(lowest, -np.inf))


def thresholds(predictions: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """Every run's threshold for every target and rule, from `part == "inner"` alone.

    Returns:
        `run, target, rule, threshold, pages, ill`.
    """
    labels, rows = pooling.page_facts(manifest)["label"], []
    for run, inner in pooling.clean(predictions).query("part == 'inner'").groupby("run", sort=False):
        own = labels[inner["page_id"]].to_numpy()
        for target in TARGETS:
            is_ill, risk = ill(own, target), risks(inner, target)
            for rule in RULES:
                rows.append((run, target, rule.name, threshold(is_ill, risk, rule), len(own), int(is_ill.sum())))
    return pd.DataFrame(rows, columns=["run", "target", "rule", "threshold", "pages", "ill"])


def risks(rows: pd.DataFrame, target: str) -> np.ndarray:
    """The probability of a target, shape `(rows,)`."""
    choose("target", target, list(TARGETS))
    return rows[[f"p_{name}" for name in TARGETS[target]]].sum(axis=1).to_numpy()


def ill(labels: np.ndarray, target: str) -> np.ndarray:
    """Which labels belong to a target, bool."""
    return np.isin(labels, [CLASSES.index(name) for name in TARGETS[target]])
