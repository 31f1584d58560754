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
        `prevalence` is NaN for sensitivity and specificity, which have exact intervals at 0 and 1 and for few
        groups; predictive values then span what both intervals allow. They follow from both by Bayes' rule;
        how ill and healthy pages were collected here says nothing about how common MI is elsewhere.
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


def _detected(
    pages: pd.DataFrame, draw: intervals.Resamples, prevalences: Sequence[float], level: float
) -> pd.DataFrame:
    is_ill, alarm = pages["is_ill"].to_numpy(), pages["margin"].to_numpy() > 0
    counted = np.stack([is_ill, ~is_ill, is_ill & alarm, ~is_ill & ~alarm], axis=1)  # (pages, 4)
    groups = [pages.loc[side, "group"].nunique() for side in (is_ill, ~is_ill)]
    once = [float(rate[0]) for rate in _rates(counted.sum(axis=0)[None])]
    drawn = _rates(draw.sums(pages["group"].to_numpy().astype(str), counted))
    ends = [_rate_interval(*rate, level) for rate in zip(once, drawn, groups, strict=True)]
    sides = zip(("sensitivity", "specificity"), once, ends, strict=True)
    rows = [(name, np.nan, value, *interval) for name, value, interval in sides]
    smooth = all(0 < value < 1 for value in once) and min(groups) >= scoring.FEW_GROUPS
    for prevalence in prevalences:
        values = predictive_values(once[0], once[1], prevalence)
        corners = [predictive_values(hit, quiet, prevalence) for hit, quiet in zip(*ends, strict=True)]
        resampled = predictive_values(*drawn, prevalence)
        for name, value in values.items():
            low, high = (float(corner[name]) for corner in corners)
            if smooth:
                low, high = intervals.percentile(resampled[name], level, min(groups))
            rows.append((name, prevalence, float(value), low, high))
    table = pd.DataFrame(rows, columns=["metric", "prevalence", "value", "low", "high"])
    return table.assign(pages=len(pages), ill=int(is_ill.sum()))


def _rate_interval(value: float, drawn: np.ndarray, groups: int, level: float) -> tuple[float, float]:
    if value in (0.0, 1.0) or groups < scoring.FEW_GROUPS:
        return intervals.exact(round(value * groups, 9), groups, level)
    return intervals.percentile(drawn, level, groups)


def _rates(counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity and specificity, each of shape (resamples,), from pages ill, well, found and left alone."""
    ill, well, found, quiet = counted.T
    return counts.divide(found, ill), counts.divide(quiet, well)


def predictive_values(
    sensitivity: np.ndarray | float, specificity: np.ndarray | float, prevalence: float
) -> dict[str, np.ndarray]:
    """The share of alarms that are right, and of silences, where `prevalence` of the pages are ill (Bayes' rule)."""
    sensitivity, specificity = np.asarray(sensitivity), np.asarray(specificity)
    found, missed = sensitivity * prevalence, (1 - sensitivity) * prevalence
    false, quiet = (1 - specificity) * (1 - prevalence), specificity * (1 - prevalence)
    return {
        "positive predictive value": counts.divide(found, found + false),
        "negative predictive value": counts.divide(quiet, quiet + missed),
    }
