"""Folds of pages, balanced over classes and layouts, in which every part has every class.

A draw that leaves a class out of some part (30 MI pages make that possible) is replaced by the next one of the
same seed, so the result is still fixed by it.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ecgstudy.vocabulary import CLASSES, PARTS

ATTEMPTS = 100  # draws per seed before the data are said not to allow the split
KEYS = ["path", "page_id"]

Folds = list[tuple[np.ndarray, np.ndarray]]  # row numbers of (training and validation, test), per fold


def fold_maker(rows: pd.DataFrame, folds: int, *, grouped: bool) -> Callable[[int], Folds]:
    """A function that draws folds from a number."""
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    labels, groups = _strata(rows), rows["group"].to_numpy()

    def draw_folds(draw: int) -> Folds:
        splitter = kind(n_splits=folds, shuffle=True, random_state=draw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # fewer members than folds: `search` says so, with the class
            return list(splitter.split(np.zeros(len(rows)), labels, groups))

    return draw_folds


def search(
    rows: pd.DataFrame, draw_folds: Callable[[int], Folds], validation: float, seed: int, grouped: bool
) -> pd.DataFrame:
    """The first draw of this seed in which every part of every fold has every class."""
    _check_sizes(rows, grouped)
    inner = round(1 / validation)
    for attempt in range(ATTEMPTS):
        draw = draw_number(seed, attempt)
        try:
            made = [
                _fold(rows, fold, learn, test, inner, draw, grouped)
                for fold, (learn, test) in enumerate(draw_folds(draw))
            ]
        except ValueError:  # scikit-learn's, where no class has as many pages as there are folds
            break
        if all(_complete(split, rows) for split in made):
            return pd.concat(made, ignore_index=True)[["fold", *KEYS, "part"]]
    smallest = rows["label"].value_counts()
    raise ValueError(
        f"no draw gives every class a place in every part: class {smallest.index[-1]!r} has {smallest.iloc[-1]} pages; "
        "use fewer folds or a larger validation share"
    )


def _fold(
    rows: pd.DataFrame, fold: int, learn: np.ndarray, test: np.ndarray, inner: int, draw: int, grouped: bool
) -> pd.DataFrame:
    """One fold; its validation part is one of `inner` folds of the learning part, cut by the same rule.

    The first of them that has every class, and none half as often again as it should: a large group may do that.
    """
    choices = fold_maker(rows.iloc[learn], inner, grouped=grouped)(draw)
    expected = rows["label"].iloc[learn].value_counts() / inner

    def fits(choice: tuple[np.ndarray, np.ndarray]) -> bool:
        found = rows["label"].iloc[learn[choice[1]]].value_counts()
        return len(found) == len(expected) and bool((found <= 1.5 * expected.reindex(found.index) + 1).all())

    kept, stop = next((choice for choice in choices if fits(choice)), choices[0])
    part = np.empty(len(rows), dtype=object)
    part[learn[kept]], part[learn[stop]], part[test] = PARTS
    return rows[[*KEYS, "label"]].assign(fold=fold, part=part)


def _complete(split: pd.DataFrame, rows: pd.DataFrame) -> bool:
    return bool((split.groupby("part")["label"].nunique() == rows["label"].nunique()).all())


def _strata(rows: pd.DataFrame) -> np.ndarray:
    """What folds are balanced over: the class, and the layout where there are several."""
    if "layout" not in rows or rows["layout"].nunique() < 2:
        return rows["label"].to_numpy()
    return (rows["label"] + "/" + rows["layout"]).to_numpy()


def draw_number(seed: int, attempt: int) -> int:
    return int(np.random.SeedSequence([seed, attempt]).generate_state(1)[0])


def _check_sizes(rows: pd.DataFrame, grouped: bool) -> None:
    unit = "group" if grouped else "path"
    counts = rows.groupby("label")[unit].nunique().reindex([c for c in CLASSES if c in set(rows["label"])])
    if len(counts) < 2:
        raise ValueError(f"the data have {len(counts)} class ({', '.join(counts.index)}); a split needs two or more")
    if counts.min() < 3:
        raise ValueError(
            f"class {counts.idxmin()!r} has {counts.min()} {unit}s; training, validation and test part need one each"
        )
