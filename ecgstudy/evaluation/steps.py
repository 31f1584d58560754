"""How far does a model fall from one rung of the ladder to the next?"""

import itertools
from collections.abc import Iterable

import pandas as pd

from ecgstudy.evaluation import ladder, pooling, scoring
from ecgstudy.vocabulary import PROTOCOLS

MODEL = pooling.MODEL


def steps(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    metrics_wanted: Iterable[str] = ("balanced_accuracy", "macro_f1"),
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The size of each step of the ladder: a rung's score less that of the rung above it, negative for a fall.

    The first three rungs test the same pages and are compared on the same resamples of groups; unseen pages are
    other pages, so the last step treats the two rungs as independent. Some record numbers stand on both sides, and fold
    models are shared, so the two are not quite independent; what that does to the interval was not measured.
    All intervals are about these pages: what splitting and training anew would change is not in them.

    Returns:
        `model, weights, trained, step, metric, weighting, value, low, high, paired`; distinct pages counted
        once, re-weighted to the selected pages' class frequencies.
    """
    frequencies, rungs, wanted = pooling.selected_frequencies(manifest), {}, tuple(metrics_wanted)
    for protocol, stratum, units, draw in ladder.strata(predictions, manifest, resamples=resamples, seed=seed):
        if stratum == "all":
            for model, mine in units.groupby(MODEL, sort=False):
                rungs[model, protocol] = scoring.score_units(mine, draw, frequencies=frequencies).only(wanted)
    rows = []
    for model in dict.fromkeys(key[0] for key in rungs):
        own = [name for name in PROTOCOLS if (model, name) in rungs]
        for upper, lower in itertools.pairwise(own):
            for metric in wanted:
                values = _step(rungs[model, upper], rungs[model, lower], metric, level)
                rows.append((*model, f"{upper} to {lower}", metric, "selected", *values, lower != "unseen"))
    names = [*MODEL, "step", "metric", "weighting", "value", "low", "high", "paired"]
    return pd.DataFrame(rows, columns=names)


def _step(above: scoring.Scored, below: scoring.Scored, metric: str, level: float) -> tuple[float, float, float]:
    groups = min(scoring.groups_behind(metric, scored.groups, even=False) for scored in (above, below))
    low, high = scoring.difference_interval(metric, below, above, level, groups)
    return below.points[metric] - above.points[metric], low, high
