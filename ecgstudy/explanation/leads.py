"""Maps read by lead: how much of a map lies in each lead's box, in the strip, and outside the waveform."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecgstudy.evaluation import intervals
from ecgstudy.explanation.backdrop import lead_parts
from ecgstudy.pages.disease import TERRITORIES
from ecgstudy.pages.layout import PageLayout
from ecgstudy.vocabulary import LEADS, choose

STRIP, OUTSIDE = "strip", "outside"
REGIONS = (*LEADS, STRIP, OUTSIDE)  # every pixel of a page lies in exactly one
PARTS = ("positive", "negative", "magnitude")
TERRITORY_OF = {lead: name for name, leads in TERRITORIES.items() for lead in leads}


def region_index(layout: PageLayout, height: int, width: int) -> np.ndarray:
    """Which of `REGIONS` each pixel lies in, int `(height, width)`.

    Raises:
        ValueError: the layout has no lead boxes.
    """
    if not layout.leads:
        raise ValueError(f"layout {layout.name!r} has no known lead boxes; maps of this page can't be read by lead")
    index = np.full((height, width), REGIONS.index(OUTSIDE))
    parts = lead_parts(layout, height, width)
    for number, part in reversed(list(enumerate(parts))):  # where boxes overlap, the first lead has the pixel
        index[part] = number
    return index


def lead_sums(heat: np.ndarray, layout: PageLayout) -> pd.Series:
    """The sum of a map over each region, indexed by `REGIONS`; together they are the sum of the map."""
    index = region_index(layout, *heat.shape)
    sums = np.bincount(index.ravel(), weights=heat.ravel().astype(float), minlength=len(REGIONS))
    return pd.Series(sums, index=pd.Index(REGIONS, name="region"))


def lead_shares(heat: np.ndarray, layout: PageLayout, *, part: str = "positive") -> pd.Series:
    """How a map is shared among the regions, indexed by `REGIONS`; adds up to 1.

    Args:
        heat: `(height, width)`.
        layout: of the page.
        part: `positive` (what speaks for the class), `negative`, or `magnitude`.

    Returns:
        Shares; NaN where the map has no such part.
    """
    sums = lead_sums(_part(heat, part), layout)
    return sums / sums.sum() if sums.sum() > 0 else sums * np.nan


def area_shares(layout: PageLayout, height: int, width: int) -> pd.Series:
    """Shares of the page's area, indexed by `REGIONS`: what an even map would give."""
    return lead_shares(np.ones((height, width)), layout)


def territory_shares(shares: pd.Series) -> pd.Series:
    """Shares summed over what lies over one wall of the heart: anterior, inferior, lateral; less aVR and the strip.

    Leads as cardiology groups them for ST elevation: anterior V1 to V4, inferior II, III and aVF, lateral I, aVL, V5
    and V6.

    References:
        Fourth universal definition of myocardial infarction, 2018, doi:10.1161/CIR.0000000000000617.
    """
    return pd.Series({name: shares[list(leads)].sum(skipna=False) for name, leads in TERRITORIES.items()})


def shares_table(
    maps: np.ndarray, layouts: Sequence[PageLayout], page_ids: Sequence[str], *, part: str = "positive"
) -> pd.DataFrame:
    """Lead shares of many pages.

    Returns:
        One row per page and region: `page_id, region, share, area`.
    """
    tables = []
    for heat, layout, page_id in zip(maps, layouts, page_ids, strict=True):
        columns = {"share": lead_shares(heat, layout, part=part), "area": area_shares(layout, *heat.shape)}
        tables.append(pd.DataFrame(columns).reset_index().assign(page_id=page_id))
    return pd.concat(tables, ignore_index=True)[["page_id", "region", "share", "area"]]


def mean_shares(
    table: pd.DataFrame,
    pages: pd.DataFrame,
    *,
    by: str = "label",
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int,
) -> pd.DataFrame:
    """Shares averaged over pages, with intervals from the bootstrap over groups.

    Args:
        table: `page_id, region, share, area`, as `shares_table` gives it; other regions, such as phases, will do.
        pages: `page_id, label, group` and the column `by`, one row per page.
        by: what the pages are averaged within.
        resamples: of the groups.
        level: of the intervals.
        seed: of the resamples.

    Returns:
        One row per value of `by` and region: `region, value, low, high, area, pages` after the column `by`.
    """
    rows = []
    order = {region: number for number, region in enumerate(table["region"].unique())}
    for name, some in pages.groupby(by, sort=False):
        part = table[table["page_id"].isin(some["page_id"])]
        shares = part.pivot_table(index="page_id", columns="region", values="share", dropna=False)
        shares = shares.dropna(how="all").reindex(columns=list(order))
        if shares.empty:
            continue
        groups = some.set_index("page_id")["group"].loc[shares.index].astype(str).to_numpy()
        low, value, high = mean_intervals(shares.to_numpy(), groups, resamples=resamples, level=level, seed=seed)
        area = part.groupby("region")["area"].mean().reindex(list(order)).to_numpy()
        columns = {"region": list(order), "value": value, "low": low, "high": high, "area": area, "pages": len(shares)}
        rows.append(pd.DataFrame({by: name, **columns}))
    if not rows:
        raise ValueError("no map has a share to average; is every map zero?")
    return pd.concat(rows, ignore_index=True)


def mean_intervals(
    values: np.ndarray, groups: np.ndarray, *, resamples: int, level: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low, mean and high of each column over pages; whole groups are resampled.

    Args:
        values: `(pages, columns)`; NaN counts as not measured.
        groups: of each page, text `(pages,)`.
        resamples: of the groups.
        level: of the intervals.
        seed: of the resamples.

    Returns:
        Three arrays `(columns,)`; an interval from one group alone is NaN.
    """
    drawn = intervals.draw_groups(groups, np.zeros(len(groups), dtype=int), resamples=resamples, seed=seed)
    weights = drawn.page_weights(groups)  # (resamples, pages)
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means = (weights @ np.where(known, values, 0)) / (weights @ known)  # (resamples, columns)
        middle = np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
    ends = [intervals.percentile(m, level, len(set(groups[k]))) for m, k in zip(means.T, known.T, strict=True)]
    low, high = np.array(ends).reshape(-1, 2).T
    return low, middle, high


def _part(heat: np.ndarray, part: str) -> np.ndarray:
    choose("part", part, PARTS)
    signed = {"positive": heat, "negative": -heat, "magnitude": np.abs(heat)}[part]
    return np.maximum(signed, 0)
