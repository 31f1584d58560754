"""Is one model better than another?

Two models are compared on the same pages and the same resamples. The test behind the p value swaps the two models'
answers for whole groups at random: if the models were equally good, nobody could tell.
"""

import functools
from collections.abc import Iterable

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from ecgstudy.evaluation import counts, intervals, metrics, pooling, scoring
from ecgstudy.models import registry
from ecgstudy.vocabulary import CLASSES, choose

BASELINES = ("traces", "heart_rate")  # what a deep model must beat
COMPARISON_COLUMNS = [
    "family", "model", "other", "metric", "value", "low", "high", "p_flip", "p_holm", "p_mcnemar",
    "mcnemar_pages", "pages", "groups",
]  # fmt: skip


def families(predictions: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """The comparisons that are named beforehand: every network with each simple baseline that was run.

    Networks on frozen random weights are a control and stand in no comparison.
    """
    is_control = registry.is_random_control(predictions["weights"], predictions["trained"])
    is_network = predictions["weights"] != "none"  # an average of simple models is none either
    networks = predictions.loc[is_network & ~is_control, "model"].unique()
    here = set(predictions["model"])
    return {
        f"better than {other}": [(name, other) for name in sorted(networks)]
        for other in BASELINES
        if other in here and len(networks)
    }


def compare(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    pairs: Iterable[tuple[str, str]],
    *,
    family: str,
    protocol: str = "grouped",
    metric: str = "balanced_accuracy",
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Differences of one score between pairs of models on the same pages.

    Args:
        predictions: of finished runs.
        manifest: one row per file.
        pairs: `(model, other)`; all of them form the family that Holm's correction is over.
        family: its name, fixed before the scores were seen.
        protocol: whose out-of-fold answers are compared.
        metric: one that follows from the confusion matrix; copies of a page count once between them.
        resamples: of the bootstrap, and swaps of the test.
        level: of the intervals.
        seed: of both.

    Returns:
        `COMPARISON_COLUMNS`, one row per pair. `value` is the model's score less the other's, with a paired
        interval; `p_flip` is two-sided from swaps of whole groups, `p_holm` corrected for the family;
        `p_mcnemar` is exact, on one page per group (`mcnemar_pages`), because pages of a group are not independent.

    Raises:
        ValueError: a model has no finished runs, or the two answered different pages.

    References:
        Good 2005, Permutation, Parametric, and Bootstrap Tests of Hypotheses, chapter 3; Holm 1979;
        McNemar 1947, doi:10.1007/BF02295996.
    """
    choose("metric", metric, list(metrics.COUNT_METRICS))
    units = pooling.main_units(predictions, manifest, protocol)
    rows = []
    for first, second in pairs:
        one, other = _paired(units, first, second)
        row = {"family": family, "model": first, "other": second, "metric": metric, "pages": round(one["share"].sum())}
        row |= difference(one, other, metric, resamples=resamples, level=level, seed=seed)
        row["p_flip"] = flip_test(one, other, metric, flips=resamples, seed=seed)
        rows.append(row | _mcnemar(one, other, seed))
    if not rows:
        return pd.DataFrame(columns=COMPARISON_COLUMNS)
    table = pd.DataFrame(rows)
    table["p_holm"] = multipletests(table["p_flip"], method="holm")[1]
    return table[COMPARISON_COLUMNS]


def compare_families(predictions: pd.DataFrame, manifest: pd.DataFrame, **options) -> pd.DataFrame:
    """`compare` for every family of `families`, one below the other."""
    tables = [
        compare(predictions, manifest, pairs, family=name, **options) for name, pairs in families(predictions).items()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COMPARISON_COLUMNS)


def difference(
    one: pd.DataFrame, other: pd.DataFrame, metric: str, *, resamples: int, level: float, seed: int
) -> dict[str, float]:
    """`value, low, high` of one score's difference between two models' units, on the same resamples; and `groups`."""
    draw = scoring.drawn_for(one, resamples=resamples, seed=seed)
    first, second = (_scored(units, draw) for units in (one, other))
    groups = scoring.groups_behind(metric, first.groups, even=False)
    low, high = scoring.difference_interval(metric, first, second, level, groups)
    value = first.points[metric] - second.points[metric]
    return {"value": value, "low": low, "high": high, "groups": len(draw.groups)}


def flip_test(one: pd.DataFrame, other: pd.DataFrame, metric: str, *, flips: int, seed: int) -> float:
    """Two-sided p of a difference: how often random swaps of whole groups make one at least as large."""
    names, group = np.unique(one["group"].to_numpy().astype(str), return_inverse=True)
    first, second = (_cells_by_group(units, group, len(names)) for units in (one, other))
    swapped = _swaps(flips, len(names), seed)
    moved = (swapped @ (second - first).astype(np.float32)).astype(float)  # (flips, 16)
    ours, theirs = first.sum(axis=0) + moved, second.sum(axis=0) - moved
    chance = _score_cells(ours, metric) - _score_cells(theirs, metric)
    seen = _score_cells(first.sum(axis=0), metric) - _score_cells(second.sum(axis=0), metric)
    return float((1 + np.sum(np.abs(chance) >= abs(seen) - 1e-12)) / (1 + flips))


@functools.lru_cache(maxsize=2)  # all pairs of a family are swapped alike; 18 MB
def _swaps(flips: int, groups: int, seed: int) -> np.ndarray:
    chance = np.random.default_rng([seed, 1]).random((flips, groups), dtype=np.float32)
    return (chance < 0.5).astype(np.float32)


def _paired(units: pd.DataFrame, first: str, second: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    sides = []
    for name in (first, second):
        mine = units[units["model"] == name].sort_values("path").reset_index(drop=True)
        choose("model", name, sorted(units["model"].unique()))
        if mine["path"].duplicated().any():
            raise ValueError(f"{name} was run in more than one way (weights, trained); keep one before comparing")
        sides.append(mine)
    if not sides[0]["path"].equals(sides[1]["path"]):
        raise ValueError(f"{first} and {second} answered different pages; finish the grid before comparing")
    return sides[0], sides[1]


def _scored(units: pd.DataFrame, draw: intervals.Resamples) -> scoring.Scored:
    pages = np.bincount(units["label"], weights=units["share"], minlength=len(CLASSES))
    return scoring.score_units(units, draw, frequencies=pages / pages.sum())


def _cells_by_group(units: pd.DataFrame, group: np.ndarray, groups: int) -> np.ndarray:
    found = np.zeros((groups, len(CLASSES) ** 2))
    cells = counts.cells(units["label"].to_numpy(), pooling.probabilities(units))
    np.add.at(found, group, units["share"].to_numpy()[:, None] * cells)
    return found


def _score_cells(cells: np.ndarray, metric: str) -> np.ndarray:
    return counts.count_scores(cells.reshape(*cells.shape[:-1], len(CLASSES), len(CLASSES)))[metric]


def _mcnemar(one: pd.DataFrame, other: pd.DataFrame, seed: int) -> dict[str, float]:
    """Exact test on one page per group, the page chosen by the seed."""
    right = [pooling.probabilities(units).argmax(axis=1) == units["label"] for units in (one, other)]
    kept = one.sample(frac=1, random_state=seed).drop_duplicates("group").index
    table = pd.crosstab(right[0][kept], right[1][kept]).reindex([True, False], fill_value=0)
    table = table.reindex(columns=[True, False], fill_value=0)
    return {"p_mcnemar": float(mcnemar(table.to_numpy(), exact=True).pvalue), "mcnemar_pages": len(kept)}
