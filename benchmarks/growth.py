"""How time grows with the number of pages: 100 to 100,000, on made-up tables. A series ends where it gets long."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.measure import Row, alone, seconds
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

SIZES = (100, 1_000, 10_000, 100_000)
LONGEST = 45.0  # seconds that the next size may be expected to take


def manifest(pages: int) -> pd.DataFrame:
    """A manifest of one layout, two pages per group."""
    chance = np.random.default_rng(0)
    labels = np.array(CLASSES)[np.arange(pages) % 4]
    groups = np.arange(pages) // 8 * 4 + np.arange(pages) % 4
    order = chance.permutation(pages)
    table = pd.DataFrame(
        {
            "path": [f"{at}.png" for at in order],
            "page_id": [f"{at:012x}" for at in order],
            "label": labels[order],
            "selected": True,
            "group": [f"g{at}" for at in groups[order]],
            "layout": "3x4",
        }
    )
    return table


def series(name: str, prepare: Callable[[int], Callable[[], object]], note: str = "") -> list[Row]:
    """One row per size, until the next would take too long."""
    rows: list[Row] = []
    for size in SIZES:
        action = prepare(size)
        rows.append(alone(f"{name}, {size:,}", lambda action=action: seconds(action), repeats=1, note=note))
        if 10 * rows[-1].ours > LONGEST:
            break
    return rows


def splitting() -> list[Row]:
    """The three protocols that draw folds."""
    from ecgstudy.data import splits

    def prepare(size: int) -> Callable[[], object]:
        table = manifest(size)
        return lambda: splits.make_splits(table, protocols=("distinct", "grouped"), folds=5)

    return series("splits of pages", prepare, "distinct and grouped, five folds")


def leakage() -> list[Row]:
    """Which test files have a copy in training."""
    from ecgstudy.data import audit, splits

    def prepare(size: int) -> Callable[[], object]:
        table = manifest(size)
        table["page_id"] = table["page_id"].iloc[np.arange(size) // 2 * 2].to_numpy()  # every page twice
        split = splits.as_published(table, folds=5, seed=0, validation=0.15)
        return lambda: audit.leakage(table, split)

    return series("leakage of a split of files", prepare)


def near_copies() -> list[Row]:
    """Candidates among hashes, before any picture is laid over another."""
    from ecgstudy.data import near_copies as search

    def prepare(size: int) -> Callable[[], object]:
        hashes = np.random.default_rng(0).integers(0, 256, (size, 32)).astype(np.uint8).view(np.uint64)
        return lambda: search.candidate_pairs(hashes)

    return series("candidates for near-copies among hashes", prepare)


def intervals() -> list[Row]:
    """1,000 resamples of counted scores."""
    from ecgstudy.evaluation import scoring

    def prepare(size: int) -> Callable[[], object]:
        table = manifest(size)
        answers = np.random.default_rng(0).dirichlet(np.ones(4), size)
        units = table.assign(label=[CLASSES.index(label) for label in table["label"]], share=1.0)
        units[list(PROBABILITIES)] = answers
        return lambda: scoring.score_units(units, scoring.drawn_for(units, resamples=1000, seed=0))

    return series("intervals of counted scores, pages", prepare, "1,000 resamples")


BENCHMARKS = (splitting, leakage, near_copies, intervals)
