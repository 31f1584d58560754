"""What a reader of ECGs would ask beyond scores: is acting on the answer worth it, and may the model abstain?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecgstudy.evaluation import counts, operating, pooling
from ecgstudy.vocabulary import PROBABILITIES

MODEL = pooling.MODEL


def decision_curve(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    protocol: str = "grouped",
    prevalence: float | None = None,
    thresholds: Sequence[float] = tuple(np.round(np.arange(0.01, 0.61, 0.01), 2)),
) -> pd.DataFrame:
    """Net benefit of acting on each model's risk, beside acting on all pages and on none.

    Args:
        predictions: calibrated ones (`calibration.calibrate`): a decision curve takes probabilities at their word.
        manifest: one row per file.
        protocol: whose answers.
        prevalence: of the target, where it differs from its share among these pages (then risks must be for it).
        thresholds: risks at which one would act.

    Returns:
        `target, model, threshold, net_benefit, prevalence`, with the models `all` and `none`.

    References:
        Vickers and Elkin 2006, doi:10.1177/0272989X06295361; the same numbers as the package dcurves gives.
    """
    units, tables = pooling.main_units(predictions, manifest, protocol), []
    for target in operating.TARGETS:
        units = units.assign(risk=operating.risks(units, target))
        wide = units.pivot_table(index="path", columns="model", values="risk")
        labels = units.drop_duplicates("path").set_index("path")["label"]
        is_ill = operating.ill(labels[wide.index].to_numpy(), target)
        known = wide.notna().all(axis=1).to_numpy()
        risks = wide.assign(all=1.0, none=-1.0)[known]  # above every threshold, and below
        tables.append(_net_benefits(risks, is_ill[known], thresholds, prevalence).assign(target=target))
    table = pd.concat(tables, ignore_index=True)
    return table[["target", "model", "threshold", "net_benefit", "prevalence"]]


def _net_benefits(
    risks: pd.DataFrame, is_ill: np.ndarray, thresholds: Sequence[float], prevalence: float | None
) -> pd.DataFrame:
    """One row per column of `risks` and threshold."""
    ill_share = float(is_ill.mean()) if prevalence is None else prevalence
    edges = np.asarray(thresholds, dtype=float)
    alarm = risks.to_numpy()[:, :, None] >= edges  # (pages, models, thresholds)
    benefit = alarm[is_ill].mean(axis=0) * ill_share
    harm = alarm[~is_ill].mean(axis=0) * (1 - ill_share) * edges / (1 - edges)
    models = np.repeat(risks.columns.to_numpy(), len(edges))
    found = {"model": models, "threshold": np.tile(edges, len(risks.columns)), "net_benefit": (benefit - harm).ravel()}
    return pd.DataFrame(found).assign(prevalence=ill_share)


def risk_coverage(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, protocol: str = "grouped", steps: int = 50
) -> pd.DataFrame:
    """What happens when a model may abstain from the pages that it is least sure of.

    Returns:
        `model, weights, trained, coverage, error, balanced_error, mi_answered`: the share of pages answered, the
        share of errors among them, the mean over classes of the same (NaN once a class is gone), and the share of
        MI pages that still get an answer. Abstaining is no gain if it falls on the MI pages.

    References:
        Geifman and El-Yaniv 2017, arXiv:1705.08500.
    """
    units, rows = pooling.main_units(predictions, manifest, protocol), []
    for model, own in units.groupby(MODEL):
        own = own.assign(sure=own[list(PROBABILITIES)].max(axis=1)).sort_values("sure", ascending=False, kind="stable")
        labels, answers = own["label"].to_numpy(), pooling.probabilities(own)
        for pages in np.unique(np.linspace(1, len(own), steps).round().astype(int)):
            matrix = counts.confusion(labels[:pages], answers[:pages], np.ones(pages))
            found = counts.count_scores(matrix)
            mi = float(np.sum(labels[:pages] == 0) / np.sum(labels == 0))
            rows.append((*model, pages / len(own), 1 - found["accuracy"], 1 - found["balanced_accuracy"], mi))
    names = [*MODEL, "coverage", "error", "balanced_error", "mi_answered"]
    return pd.DataFrame(rows, columns=names)
