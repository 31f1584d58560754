"""What happened to the pages of each class: found k of n, confused with what, and how far seeds differ."""

import pandas as pd

from ecgstudy.evaluation import intervals, ladder, metrics, pooling
from ecgstudy.vocabulary import CLASSES

MODEL = pooling.MODEL


def recalls(predictions: pd.DataFrame, manifest: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """How many units of each class each model found: `found` of `pages`, with an exact interval.

    The interval has as many trials as there are groups, because pages of one group fail together.

    Returns:
        Columns `model, weights, trained, protocol, stratum, label, found, pages, groups, value, low, high`.
    """
    rows = []
    for protocol, stratum, units, _ in ladder.strata(predictions, manifest, resamples=1, seed=0):
        right = units.assign(
            right=pooling.probabilities(units).argmax(axis=1) == units["label"],
            label=[CLASSES[at] for at in units["label"]],
        )
        for (*model, label), mine in right.groupby([*MODEL, "label"]):
            found, pages, groups = int(mine["right"].sum()), len(mine), mine["group"].nunique()
            value = found / pages
            low, high = intervals.exact(round(value * groups, 9), groups, level)
            rows.append((*model, protocol, stratum, label, found, pages, groups, value, low, high))
    names = [*MODEL, "protocol", "stratum", "label", "found", "pages", "groups", "value", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def confusion(predictions: pd.DataFrame, manifest: pd.DataFrame, *, protocol: str = "grouped") -> pd.DataFrame:
    """Out-of-fold confusion of every model: `label, answer, pages, share` (of the label's pages), in long form.

    Copies of a page count as one page between them. Unseen pages are those of the selected pages' layout.
    """
    units = pooling.main_units(predictions, manifest, protocol)
    answers = pooling.probabilities(units).argmax(axis=1)
    names = pd.CategoricalDtype(list(CLASSES), ordered=True)
    cells = units.assign(
        label=pd.Categorical([CLASSES[at] for at in units["label"]], dtype=names),
        answer=pd.Categorical([CLASSES[at] for at in answers], dtype=names),
    )
    table = cells.groupby([*MODEL, "label", "answer"], observed=False)["share"].sum().rename("pages").reset_index()
    table = table[table.groupby(MODEL)["pages"].transform("sum") > 0]  # combinations that no model has
    table["share"] = table["pages"] / table.groupby([*MODEL, "label"], observed=False)["pages"].transform("sum")
    return table.astype({"label": str, "answer": str}).reset_index(drop=True)


def seed_spread(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, protocol: str = "grouped", metric: str = "balanced_accuracy"
) -> pd.DataFrame:
    """How far single seeds differ: `seeds, mean, standard_deviation, lowest, highest` of one score per model.

    It says how noisy splitting and training are, not how well 30 MI pages are known; no seed is ever chosen by it.
    """
    plain = pooling.clean(predictions)
    rows = []
    for seed, own in plain.groupby("seed"):
        for model, units in pooling.pool(own, manifest, protocol).groupby(MODEL):
            value = metrics.score(
                metric, units["label"].to_numpy(), pooling.probabilities(units), units["share"].to_numpy()
            )
            rows.append((*model, seed, float(value)))
    each = pd.DataFrame(rows, columns=[*MODEL, "seed", "value"]).groupby(MODEL)["value"]
    table = each.agg(seeds="size", mean="mean", standard_deviation="std", lowest="min", highest="max")
    return table.reset_index().assign(protocol=protocol, metric=metric)
