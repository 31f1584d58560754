"""A score under changed circumstances beside the same score without the change, on the same pages.

Robustness (damaged pages), controls (masked pages, permuted labels) and learning curves (a share of the pages)
are all this table: what differs is a column of the predictions, `condition` or `variant`.
"""

import pandas as pd

from ecgstudy.evaluation import pooling, scoring
from ecgstudy.vocabulary import choose

MODEL = pooling.MODEL
CLEAN = "clean"
METRICS = ("balanced_accuracy", "macro_f1", "recall_mi")


def against_clean(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    by: str,
    *,
    protocol: str = "grouped",
    metrics: tuple[str, ...] = METRICS,
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every value of one column of the predictions against `clean`, on the pages that both answered.

    Args:
        predictions: of finished runs.
        manifest: one row per file.
        by: `condition` (of clean runs) or `variant` (on clean pages).
        protocol: whose answers.
        metrics: which scores; they follow from the confusion matrix, and each distinct page counts once.
        resamples: of the bootstrap over groups; both sides of a difference share them.
        level: of the intervals.
        seed: of the resamples.

    Returns:
        `model, weights, trained, <by>, metric, value, low, high, clean, difference, difference_low,
        difference_high, pages`; the rows of `clean` itself come first, over all of its pages. Models that
        were only run clean are left out.

    Raises:
        ValueError: a model has no clean predictions to compare with.
    """
    other = {"condition": "variant", "variant": "condition"}[choose("column", by, ["condition", "variant"])]
    rows = predictions[predictions[other] == CLEAN]
    units = pooling.pool(rows, manifest, protocol, by=[by])
    if protocol == "unseen":
        units = units[units["layout"].isin(pooling.main_layouts(manifest))]
    table = []
    for model, own in units.groupby(MODEL, sort=False):
        clean = own[own[by] == CLEAN]
        if len(clean) == len(own):
            continue  # nothing to compare: this model was only run clean
        if clean.empty:
            raise ValueError(f"{model[0]}: no clean predictions of {protocol!r} to compare its other {by}s with")
        names = [CLEAN, *(name for name in own[by].unique() if name != CLEAN)]
        for name in names:
            pair = _on_same_pages(own[own[by] == name], clean)
            found = _compared(*pair, metrics, resamples=resamples, level=level, seed=seed)
            table += [(*model, name, *row, len(pair[0])) for row in found]
    spread = ["value", "low", "high", "clean", "difference", "difference_low", "difference_high", "pages"]
    return pd.DataFrame(table, columns=[*MODEL, by, "metric", *spread])


def _on_same_pages(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    common = set(one["path"]) & set(other["path"])
    if not common:
        raise ValueError("the changed and the clean predictions are of different pages; answer the same ones")
    first, second = (each[each["path"].isin(common)].sort_values("path") for each in (one, other))
    return first, second


def _compared(
    one: pd.DataFrame, clean: pd.DataFrame, metrics: tuple[str, ...], *, resamples: int, level: float, seed: int
) -> list[tuple]:
    draw = scoring.drawn_for(clean, resamples=resamples, seed=seed)
    ours, theirs = scoring.score_units(one, draw), scoring.score_units(clean, draw)
    rows = []
    for metric in metrics:
        groups = scoring.groups_behind(metric, theirs.groups, even=True)
        spread = scoring.difference_interval(metric, ours, theirs, level, groups)
        low, high = scoring.interval(metric, ours, level, even=True)
        value, base = ours.points[metric], theirs.points[metric]
        rows.append((metric, value, low, high, base, value - base, *spread))
    return rows
