"""What a reader of ECGs would ask beyond scores: is acting on the answer worth it, and may the model abstain?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from dcurves import dca

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
        Vickers and Elkin 2006, doi:10.1177/0272989X06295361; computed by the package dcurves.
    """
    units, tables = pooling.main_units(predictions, manifest, protocol), []
    for target in operating.TARGETS:
        units = units.assign(risk=operating.risks(units, target))
        wide = units.pivot_table(index="path", columns="model", values="risk")
        models = list(wide.columns)
        outcome = (
            pd.Series(operating.ill(units["label"].to_numpy(), target), index=units["path"]).groupby(level=0).first()
        )
        data = wide.assign(outcome=outcome.astype(int)).dropna()
        curve = dca(data, "outcome", models, thresholds=list(thresholds), prevalence=prevalence)
        tables.append(curve.assign(target=target, prevalence=prevalence or float(data["outcome"].mean())))
    table = pd.concat(tables, ignore_index=True)
    return table[["target", "model", "threshold", "net_benefit", "prevalence"]]


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
