"""Why is the last step of the ladder so deep? Selection, labels, or class frequencies."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ecgstudy.evaluation import intervals, pooling, probabilities
from ecgstudy.vocabulary import CLASSES, choose

MODEL = pooling.MODEL
FEWEST_GROUPS = 5  # of each kind, for a classifier of selected and unseen pages


def recall_by(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    column: str,
    *,
    protocol: str = "unseen",
    edges: Sequence[float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Recall of each class among pages that are alike in one column of the manifest: rate, month, layout, quality.

    Args:
        predictions: of finished runs.
        manifest: one row per file.
        column: of the manifest, such as `printed_bpm`, `month`, `layout`, `low_quality`, `lead_off`.
        protocol: whose answers. Unseen pages in another layout than the selected ones are left out, unless the
            layout is the column.
        edges: of bins for a column of numbers; `[60, 100]` gives three bins, and a page on an edge is in the
            lower one.
        level: of the exact intervals, with as many trials as there are groups.

    Returns:
        `model, weights, trained, protocol, column, stratum, label, found, pages, groups, value, low, high`;
        pages without the fact are in the stratum `unknown`.
    """
    choose("column", column, list(manifest.columns))
    pooled = pooling.main_units if column != "layout" else pooling.all_units
    units = pooled(predictions, manifest, protocol)
    facts = pooling.page_facts(manifest)[column][units["page_id"]].reset_index(drop=True)
    units = units.reset_index(drop=True).assign(
        stratum=_strata(facts, edges),
        right=pooling.probabilities(units).argmax(axis=1) == units["label"].to_numpy(),
        label=[CLASSES[at] for at in units["label"]],
    )
    rows = []
    for (*model, stratum, label), own in units.groupby([*MODEL, "stratum", "label"], sort=False):
        found, pages, groups = int(own["right"].sum()), len(own), own["group"].nunique()
        ends = intervals.exact(round(found / pages * groups, 9), groups, level)
        rows.append((*model, protocol, column, stratum, label, found, pages, groups, found / pages, *ends))
    names = ["protocol", "column", "stratum", "label", "found", "pages", "groups", "value", "low", "high"]
    return pd.DataFrame(rows, columns=[*MODEL, *names])


def _strata(facts: pd.Series, edges: Sequence[float] | None) -> pd.Series:
    if edges is None:
        return facts.astype("string").fillna("unknown").astype(str)
    ends = [-np.inf, *edges, np.inf]
    names = [f"up to {edges[0]:g}", *(f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges))]
    bins = pd.cut(pd.to_numeric(facts), ends, labels=[*names, f"above {edges[-1]:g}"])
    return bins.astype("string").fillna("unknown").astype(str)


def selection_visible(
    features: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    folds: int = 5,
    resamples: int = 2_000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Can selected pages of one class be told from those left out, by their measurements alone?

    A logistic regression answers each page out of fold; groups stay together. An area under the curve whose interval
    lies above 1/2 says that the selection changed what pages of that class look like.

    Args:
        features: numbers, one row per page, indexed by `page_id`; missing ones are set to the median.
        manifest: one row per file; only pages in the selected pages' layout are compared.
        folds: of the cross-validation.
        resamples: of the bootstrap over groups.
        level: of the interval.
        seed: of folds and resamples.

    Returns:
        `label, auroc, low, high, selected, unseen, groups`, one row per class; NaN where fewer than five groups
        of either kind are left.
    """
    facts = pooling.page_facts(manifest).drop(columns=list(set(features.columns) & set(manifest.columns)))
    pages = facts[facts["layout"].isin(pooling.main_layouts(manifest))].join(features, how="inner")
    rows = []
    for at, label in enumerate(CLASSES):
        own = pages[pages["label"] == at]
        selected, groups = own["selected"].astype(bool).to_numpy(), own["group"].astype(str).to_numpy()
        few = min((len(np.unique(groups[side])) for side in (selected, ~selected)), default=0)
        area = low = high = np.nan
        if few >= FEWEST_GROUPS:
            answers = _out_of_fold(own[features.columns].to_numpy(float), selected, groups, folds, seed)
            draw = intervals.draw_groups(groups, np.where(selected, 0, 1), resamples=resamples, seed=seed)
            area = float(probabilities.ranking(selected, answers, np.ones((1, len(own))))[0][0])
            drawn = probabilities.ranking(selected, answers, draw.page_weights(groups))[0]
            low, high = intervals.percentile(drawn, level, few)
        counts = (int(selected.sum()), int((~selected).sum()), len(np.unique(groups)))
        rows.append((label, area, low, high, *counts))
    return pd.DataFrame(rows, columns=["label", "auroc", "low", "high", "selected", "unseen", "groups"])


def _out_of_fold(features, selected, groups, folds: int, seed: int) -> np.ndarray:
    """Log odds of being selected, less their median over the training pages, so that folds can be ranked together."""
    found = np.zeros(len(selected))
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(features, selected, groups):
        model = make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True),
            StandardScaler(),
            LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000),
        )
        model.fit(features[train], selected[train])
        middle = np.median(model.decision_function(features[train]))
        found[test] = model.decision_function(features[test]) - middle
    return found


def label_disagreement(manifest: pd.DataFrame, other: str = "label_v1") -> pd.DataFrame:
    """Distinct pages by label and by another reading of the same page (version 1, or the device's own).

    Returns:
        `label, other, pages, share`; `share` is of the label's pages that have the other reading. The attribute
        `attrs["kappa"]` is Cohen's kappa where both use the study's classes.
    """
    choose("column", other, list(manifest.columns))
    pages = manifest.drop_duplicates("page_id")[["label", other]].dropna()
    table = pages.rename(columns={other: "other"}).groupby(["label", "other"]).size().rename("pages").reset_index()
    table["share"] = table["pages"] / table.groupby("label")["pages"].transform("sum")
    table = table.sort_values(["label", "other"], key=lambda names: names.map(_place)).reset_index(drop=True)
    if len(pages) and set(pages[other]) <= set(CLASSES):
        table.attrs["kappa"] = float(cohen_kappa_score(pages["label"], pages[other]))
    return table


def _place(name: str) -> int:
    return CLASSES.index(name) if name in CLASSES else len(CLASSES)
