"""The group bootstrap, against a loop over scikit-learn's scores."""

import numpy as np
import pandas as pd
import sklearn.metrics

from benchmarks.measure import Row, against, seconds
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

PAGES, RESAMPLES, LOOPS = 491, 10_000, 100


def units() -> pd.DataFrame:
    """Answers for as many pages as the study has, in 400 groups."""
    chance = np.random.default_rng(0)
    labels = np.sort(chance.choice(len(CLASSES), PAGES, p=(0.06, 0.47, 0.18, 0.29)))
    answers = chance.dirichlet(np.ones(len(CLASSES)), PAGES) + np.eye(len(CLASSES))[labels]
    table = pd.DataFrame(answers / answers.sum(axis=1, keepdims=True), columns=list(PROBABILITIES))
    names = [f"page{at}" for at in range(PAGES)]
    return table.assign(label=labels, group=[f"group{at % 400}" for at in range(PAGES)], page_id=names, share=1.0)


def loop(labels: np.ndarray, answers: np.ndarray, *, areas: bool) -> None:
    """What a user writes: draw pages with replacement, call scikit-learn, again and again."""
    chance = np.random.default_rng(0)
    one_hot = np.eye(len(CLASSES))
    for _ in range(LOOPS):
        rows = chance.integers(0, len(labels), len(labels))
        true, given = labels[rows], answers[rows].argmax(axis=1)
        sklearn.metrics.accuracy_score(true, given)
        sklearn.metrics.balanced_accuracy_score(true, given)
        sklearn.metrics.precision_recall_fscore_support(true, given, zero_division=0)
        sklearn.metrics.cohen_kappa_score(true, given)
        sklearn.metrics.matthews_corrcoef(true, given)
        if areas:
            sklearn.metrics.roc_auc_score(one_hot[true], answers[rows], average=None)
            sklearn.metrics.average_precision_score(one_hot[true], answers[rows], average=None)
            sklearn.metrics.log_loss(true, answers[rows], labels=range(len(CLASSES)))


def bootstrap() -> list[Row]:
    """10,000 resamples of all scores of one model; theirs on 100 resamples of pages, extrapolated."""
    from ecgstudy.evaluation import intervals, pooling, scoring

    table = units()
    labels, answers = table["label"].to_numpy(), pooling.probabilities(table)

    def ours(only: str) -> float:
        intervals._drawn.cache_clear()  # the draw is part of the work
        return seconds(
            lambda: scoring.score_units(table, scoring.drawn_for(table, resamples=RESAMPLES, seed=0), only=only)
        )

    def theirs(areas: bool) -> float:
        return seconds(lambda: loop(labels, answers, areas=areas)) * RESAMPLES / LOOPS

    note = f"{PAGES} pages, {RESAMPLES} resamples; theirs measured on {LOOPS} and extrapolated, pages not groups"
    return [
        against("bootstrap of counted scores", lambda: ours("counts"), lambda: theirs(False), goal=50, note=note),
        against("bootstrap with areas under curves", lambda: ours("all"), lambda: theirs(True), goal=50, note=note),
    ]


BENCHMARKS = (bootstrap,)
