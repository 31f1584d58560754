"""How many infarcts are found at a bearable number of false alarms, and what an alarm means.

Thresholds are those of `operating`, chosen before a test page was read.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecgstudy.evaluation import counts, intervals, operating, pooling, scoring

MODEL = pooling.MODEL
KEYS = [*MODEL, "target", "rule"]
PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)


def detection(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    protocol: str = "grouped",
    prevalences: Sequence[float] = PREVALENCES,
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Sensitivity, specificity and predictive values at the thresholds chosen on inner predictions.

    A page raises an alarm when the mean over its runs of probability less the run's own threshold is above zero.

    Returns:
        `model, weights, trained, target, rule, metric, prevalence, value, low, high, pages, ill`;
        `prevalence` is NaN for sensitivity and specificity. Predictive values at a prevalence follow from both by
        Bayes' rule; how ill and healthy pages were collected here says nothing about how common MI is elsewhere.
    """
    margins = alarm_margins(predictions, manifest, protocol)
    if margins.empty:
        return pd.DataFrame()
    draw = scoring.drawn_for(margins, resamples=resamples, seed=seed)
    tables = [
        _detected(own, draw, prevalences, level).assign(**dict(zip(KEYS, map(str, keys), strict=True)))
        for keys, own in margins.groupby(KEYS, sort=False)
    ]
    names = [*KEYS, "metric", "prevalence", "value", "low", "high", "pages", "ill"]
    return pd.concat(tables, ignore_index=True)[names]


def alarm_margins(predictions: pd.DataFrame, manifest: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """One row per model, target, rule and page: `is_ill` and `margin`, the mean of risk less threshold."""
    chosen = operating.thresholds(predictions, manifest)
    rows = pooling.answered(pooling.clean(predictions), protocol)
    rows = rows.assign(**{name: rows[name].fillna("") for name in MODEL})
    facts, tables = pooling.page_facts(manifest), []
    if protocol == "unseen":
        rows = rows[rows["page_id"].map(facts["layout"]).isin(pooling.main_layouts(manifest))]
    for (target, rule), own in chosen.groupby(["target", "rule"], sort=False):
        cut = rows["run"].map(own.set_index("run")["threshold"])
        margins = rows.assign(margin=operating.risks(rows, str(target)) - cut).dropna(subset="margin")
        per_seed = margins.groupby([*MODEL, "page_id", "seed"])["margin"].mean()
        mean = per_seed.groupby([*MODEL, "page_id"]).mean().reset_index()
        mean = mean.join(facts[["label", "group"]], on="page_id").assign(target=str(target), rule=str(rule))
        tables.append(mean.assign(is_ill=operating.ill(mean["label"].to_numpy(), str(target))))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _detected(pages: pd.DataFrame, draw: intervals.Resamples, prevalences: Sequence[float], level: float):
    is_ill, alarm = pages["is_ill"].to_numpy(), pages["margin"].to_numpy() > 0
    weights = draw.page_weights(pages["group"].to_numpy().astype(str))
    groups = min(pages.loc[side, "group"].nunique() for side in (is_ill, ~is_ill))
    once, drawn = (_rates(is_ill, alarm, each) for each in (np.ones((1, len(pages))), weights))
    rows = []
    for at, (name, side) in enumerate((("sensitivity", is_ill), ("specificity", ~is_ill))):
        value, own = float(once[at][0]), pages.loc[side, "group"].nunique()
        low, high = intervals.percentile(drawn[at], level, own)
        if value in (0.0, 1.0):
            low, high = intervals.exact(value * own, own, level)
        rows.append((name, np.nan, value, low, high))
    for prevalence in prevalences:
        values, resampled = predictive_values(*once, prevalence), predictive_values(*drawn, prevalence)
        for name in values:
            low, high = intervals.percentile(resampled[name], level, groups)
            rows.append((name, prevalence, float(values[name][0]), low, high))
    table = pd.DataFrame(rows, columns=["metric", "prevalence", "value", "low", "high"])
    return table.assign(pages=len(pages), ill=int(is_ill.sum()))


def _rates(is_ill: np.ndarray, alarm: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity and specificity, each of shape (resamples,)."""
    sides = [weights * side for side in (is_ill, ~is_ill)]
    right = (sides[0] @ alarm, sides[1] @ ~alarm)
    return counts.divide(right[0], sides[0].sum(axis=1)), counts.divide(right[1], sides[1].sum(axis=1))


def predictive_values(sensitivity: np.ndarray, specificity: np.ndarray, prevalence: float) -> dict[str, np.ndarray]:
    """The share of alarms that are right, and of silences, where `prevalence` of the pages are ill (Bayes' rule)."""
    found, missed = sensitivity * prevalence, (1 - sensitivity) * prevalence
    false, quiet = (1 - specificity) * (1 - prevalence), specificity * (1 - prevalence)
    return {
        "positive predictive value": counts.divide(found, found + false),
        "negative predictive value": counts.divide(quiet, quiet + missed),
    }
