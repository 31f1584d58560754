"""The study's headline: every model on four rungs, from files with copies to pages left out of the selection."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ecgstudy.evaluation import pooling, scoring
from ecgstudy.evaluation.intervals import Resamples
from ecgstudy.models import registry
from ecgstudy.vocabulary import LADDER_COLUMNS, PROTOCOL_TITLES, PROTOCOLS

MODEL = pooling.MODEL


def ladder(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, resamples: int = 10_000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Scores with intervals of every model, rung, stratum and weighting, in long form.

    Args:
        predictions: of finished runs; rows of variants and of damaged pages are left aside.
        manifest: one row per file.
        resamples: of the bootstrap over groups; all models share them, and so do the first three rungs.
        level: of the intervals.
        seed: of the resamples.

    Returns:
        `vocabulary.LADDER_COLUMNS`. `plain` counts every file once; `selected` counts every distinct page once
        and re-weights to the class frequencies of the distinct selected pages. `pages` is what was counted. Scores
        that a stratum cannot have, because a class has no pages in it, have no row.

    Raises:
        ValueError: the predictions are of other pages than the manifest's.
    """
    frequencies = pooling.selected_frequencies(manifest)
    tables = [
        score_table(units, draw, frequencies, level=level).assign(protocol=protocol, stratum=stratum)
        for protocol, stratum, units, draw in strata(predictions, manifest, resamples=resamples, seed=seed)
    ]
    if not tables:
        raise ValueError("no finished run of plain pages among the predictions; train the study's models first")
    table = pd.concat(tables, ignore_index=True)
    return table.dropna(subset="value")[list(LADDER_COLUMNS)].reset_index(drop=True)


def strata(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, resamples: int, seed: int
) -> Iterator[tuple[str, str, pd.DataFrame, Resamples]]:
    """Every rung and stratum that the predictions hold, as `protocol, stratum, units, draw`.

    The first three rungs share one draw of groups; unseen pages of each layout have their own.
    """
    plain = pooling.clean(predictions)
    rungs = {name: pooling.pool(plain, manifest, name) for name in PROTOCOLS if len(pooling.answered(plain, name))}
    tested = [units for name, units in rungs.items() if name != "unseen"]
    if tested:
        draw = scoring.drawn_for(pd.concat(tested), resamples=resamples, seed=seed)
        for name, units in rungs.items():
            if name == "unseen":
                continue
            yield name, "all", units, draw
            for stratum, part in _parts(name, units, plain, manifest):
                yield name, stratum, part, draw
    if "unseen" in rungs:
        for at, (stratum, part) in enumerate(unseen_strata(rungs["unseen"], manifest)):
            yield "unseen", stratum, part, scoring.drawn_for(part, resamples=resamples, seed=seed + 1 + at)


def unseen_strata(units: pd.DataFrame, manifest: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Unseen pages of the selected pages' layout as `all`, then each other layout by its name, never mixed."""
    alike = units["layout"].isin(pooling.main_layouts(manifest))
    if alike.any():
        yield "all", units[alike]
    yield from ((str(layout), part) for layout, part in units[~alike].groupby("layout"))


def _parts(
    name: str, units: pd.DataFrame, plain: pd.DataFrame, manifest: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame]]:
    if name == "as_published":
        copied = pooling.has_copy_in_training(plain, manifest)
        for stratum, wanted in (("with_copy", copied[copied].index), ("without_copy", copied[~copied].index)):
            if len(wanted):
                yield stratum, pooling.pool(plain.loc[wanted], manifest, name)
    elif len(units["layout"].unique()) > 1:
        yield from ((str(layout), part) for layout, part in units.groupby("layout"))


def score_table(
    units: pd.DataFrame, draw: Resamples, frequencies: np.ndarray, *, level: float, only: str = "counts"
) -> pd.DataFrame:
    """Scores with intervals of all models in a table of units, plain and re-weighted.

    Returns:
        Columns of the ladder without `protocol` and `stratum`; NaN where a score is undefined.
    """
    rows = []
    for model, mine in units.groupby(MODEL, sort=False):
        for weighting, wanted in (("plain", None), ("selected", frequencies)):
            scored = scoring.score_units(mine, draw, frequencies=wanted, only=only)
            pages = len(mine) if wanted is None else round(mine["share"].sum())
            for name, value in scored.points.items():
                low, high = scoring.interval(name, scored, level, even=wanted is None)
                rows.append((*model, weighting, name, value, low, high, pages, int(mine["seeds"].max())))
    names = [*MODEL, "weighting", "metric", "value", "low", "high", "pages", "seeds"]
    return pd.DataFrame(rows, columns=names)


def all_scores(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    protocols: tuple[str, ...] = ("grouped", "unseen"),
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The ladder's table with ranking, probability and calibration scores too, for all pages of some rungs."""
    frequencies = pooling.selected_frequencies(manifest)
    tables = [
        score_table(units, draw, frequencies, level=level, only="all").assign(protocol=protocol, stratum=stratum)
        for protocol, stratum, units, draw in strata(predictions, manifest, resamples=resamples, seed=seed)
        if protocol in protocols and stratum == "all"
    ]
    return pd.concat(tables, ignore_index=True).dropna(subset="value")[list(LADDER_COLUMNS)]


def headline(table: pd.DataFrame, metric: str = "balanced_accuracy") -> pd.DataFrame:
    """The ladder in small, for printing: one row per model, one column per rung, `0.71 (0.66 to 0.77)`.

    Frozen random weights are a control and say so in the model's name.
    """
    wanted = (table["metric"] == metric) & (table["stratum"] == "all") & (table["weighting"] == "selected")
    rows = table[wanted]
    is_control = registry.is_random_control(rows["weights"], rows["trained"])
    rows = rows.assign(
        model=rows["model"].where(~is_control, rows["model"] + " (control: random, frozen)"),
        text=[f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})" for row in rows.itertuples()],
    )
    wide = rows.pivot_table(index="model", columns="protocol", values="text", aggfunc="first", sort=False)
    return wide.reindex(columns=[name for name in PROTOCOLS if name in wide]).rename(columns=PROTOCOL_TITLES).fillna("")
