"""Would more pages help, and how many MI pages would it take to know MI recall well?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from ecgstudy.evaluation import intervals, pooling, relative
from ecgstudy.vocabulary import CLASSES

MODEL = pooling.MODEL
MI_PAGES = (30, 60, 100, 200, 300, 500, 1000)


def learning_curve(predictions: pd.DataFrame, manifest: pd.DataFrame, **options) -> pd.DataFrame:
    """Scores of runs that learned from a share of the pages (variants `share-0.25`), with intervals.

    Returns:
        The columns of `relative.against_clean`, `share` (1 for clean runs) and `learned_pages`, the mean number of
        distinct pages that a run learned from or stopped on.
    """
    shares = predictions["variant"].str.extract(r"^share[-_ ]?([0-9.]+)$")[0].astype(float)
    rows = predictions[shares.notna() | (predictions["variant"] == "clean")]
    table = relative.against_clean(rows, manifest, "variant", **options)
    table["share"] = table["variant"].str.extract(r"([0-9.]+)$")[0].astype(float).fillna(1.0)
    table["learned_pages"] = (table["share"] * _learning_pages(rows, options.get("protocol", "grouped"))).round()
    return table.sort_values([*MODEL, "metric", "share"]).reset_index(drop=True)


def _learning_pages(predictions: pd.DataFrame, protocol: str) -> float:
    """Mean number of distinct pages outside the test part, over clean runs."""
    clean = pooling.answered(pooling.clean(predictions), "grouped" if protocol == "unseen" else protocol)
    test = clean.drop_duplicates(["seed", "fold", "page_id"]).groupby(["seed", "fold"]).size()
    return clean["page_id"].nunique() - float(test.mean())


def recall_widths(
    recall: float, *, pages: Sequence[int] = MI_PAGES, pages_per_group: float = 1.0, level: float = 0.95
) -> pd.DataFrame:
    """What the interval of a recall would be on average with more pages of the class.

    Args:
        recall: the true one, in [0, 1].
        pages: how many pages of the class.
        pages_per_group: groups count, not pages; 30 selected MI pages carry 29 numbers.
        level: of the interval (exact, so a little wide).

    Returns:
        `pages, groups, recall, width, low, high`: means over what a study of that size would find.

    Raises:
        ValueError: the recall is no share.
    """
    if not 0 <= recall <= 1:
        raise ValueError(f"recall is a share between 0 and 1, got {recall}")
    rows = []
    for number in pages:
        groups = max(1, round(number / pages_per_group))
        found = np.arange(groups + 1)
        chance = stats.binom.pmf(found, groups, recall)
        likely = chance > 1e-9
        ends = np.array([intervals.exact(k, groups, level) for k in found[likely]])
        low, high = chance[likely] @ ends / chance[likely].sum()
        rows.append((number, groups, recall, high - low, low, high))
    return pd.DataFrame(rows, columns=["pages", "groups", "recall", "width", "low", "high"])


def pages_for_width(
    recall: float, width: float, *, pages_per_group: float = 1.0, level: float = 0.95, most: int = 20_000
) -> int:
    """The smallest number of pages of a class whose recall is then known to an interval of `width` on average.

    Raises:
        ValueError: even `most` pages would not do.
    """
    lowest, highest = 1, most
    if _width(recall, most, pages_per_group, level) > width:
        raise ValueError(f"{most} pages of the class do not narrow the interval to {width}; allow more")
    while lowest < highest:
        middle = (lowest + highest) // 2
        if _width(recall, middle, pages_per_group, level) <= width:
            highest = middle
        else:
            lowest = middle + 1
    return lowest


def _width(recall: float, pages: int, pages_per_group: float, level: float) -> float:
    table = recall_widths(recall, pages=[pages], pages_per_group=pages_per_group, level=level)
    return float(table["width"].iloc[0])


def mi_pages_per_group(manifest: pd.DataFrame) -> float:
    """How many selected MI pages stand on one group, on average."""
    facts = pooling.page_facts(manifest)
    mi = facts[facts["selected"].astype(bool) & (facts["label"] == CLASSES.index("mi"))]
    return len(mi) / mi["group"].nunique()
