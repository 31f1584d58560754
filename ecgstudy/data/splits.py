"""The four protocols: which pages train, stop and test a model in each fold.

Every random draw comes from a named seed; how folds are drawn stands in `folds.py`.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data import folds as folding
from ecgstudy.vocabulary import PROTOCOLS, SPLIT_COLUMNS, Protocol


def as_published(manifest: pd.DataFrame, *, folds: int, seed: int, validation: float) -> pd.DataFrame:
    """Stratified folds over files, copies ignored, as published work does it.

    Data that come as `train/` + `test/` (manifest column `given_part`) are used as they stand, as one fold.

    Args:
        manifest: one row per file; pages left out of the selection are not used.
        folds: how many parts take a turn as the test part.
        seed: of all draws.
        validation: share of the training part on which training stops.

    Returns:
        One row per fold and file: `fold, path, page_id, part`.

    Raises:
        ValueError: the classes are too small for so many folds.
    """
    rows = _selected(manifest)
    if "given_part" in rows:
        test = (rows["given_part"] == "test").to_numpy()
        return folding.search(
            rows, lambda draw: [(np.flatnonzero(~test), np.flatnonzero(test))], validation, seed, False
        )
    return folding.search(rows, folding.fold_maker(rows, folds, grouped=False), validation, seed, grouped=False)


def distinct(manifest: pd.DataFrame, *, folds: int, seed: int, validation: float) -> pd.DataFrame:
    """Stratified folds over distinct pages, one file each. Arguments and result as `as_published`."""
    rows = _selected(manifest).drop_duplicates("page_id").reset_index(drop=True)
    return folding.search(rows, folding.fold_maker(rows, folds, grouped=False), validation, seed, grouped=False)


def grouped(manifest: pd.DataFrame, *, folds: int, seed: int, validation: float) -> pd.DataFrame:
    """As `distinct`, with pages of one group in one part, test and validation alike."""
    rows = _selected(manifest).drop_duplicates("page_id").reset_index(drop=True)
    return folding.search(rows, folding.fold_maker(rows, folds, grouped=True), validation, seed, grouped=True)


def unseen(manifest: pd.DataFrame, grouped_split: pd.DataFrame) -> pd.DataFrame:
    """Which fold models of `grouped` answer which of the pages left out of the selection.

    A page whose group stands in the selected set is answered only where that group was tested: that
    model's training and validation parts never saw it. All other pages are answered under every fold.

    Returns:
        `fold, path, page_id, part`, all of part `test`.
    """
    left_out = manifest[~manifest["selected"].astype(bool)].drop_duplicates("page_id")
    groups = manifest.set_index("path")["group"]
    tested = grouped_split[grouped_split["part"] == "test"]
    fold_of_group = dict(zip(groups.loc[tested["path"]], tested["fold"], strict=True))
    everywhere = sorted(grouped_split["fold"].unique())
    rows = [
        (fold, page.path, page.page_id, "test")
        for page in left_out.itertuples()
        for fold in ([fold_of_group[page.group]] if page.group in fold_of_group else everywhere)
    ]
    return pd.DataFrame(rows, columns=["fold", *folding.KEYS, "part"]).sort_values(["fold", "path"], ignore_index=True)


RULES: dict[Protocol, Callable[..., pd.DataFrame]] = {
    "as_published": as_published,
    "distinct": distinct,
    "grouped": grouped,
}


def make_splits(
    manifest: pd.DataFrame,
    *,
    protocols: Sequence[Protocol] = PROTOCOLS,
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    validation: float = 0.15,
    pages: Literal["selected", "complete"] = "selected",
) -> dict[Protocol, pd.DataFrame]:
    """The splits of several protocols and seeds, checked; `vocabulary.SPLIT_COLUMNS` each.

    A protocol that the data cannot serve (no copies, no pages left out) is left out with a warning. With the
    `complete` pages nothing is left out but layout `other`: all pages train and test, over all layouts.

    Raises:
        ValueError: a class is too small for so many folds; a split breaks its own rule.
    """
    if pages == "complete":
        manifest = manifest[manifest["layout"] != "other"].assign(selected=True)
    made: dict[Protocol, list[pd.DataFrame]] = {name: [] for name in PROTOCOLS if name in protocols}
    for name, reason in _cannot_serve(manifest, protocols).items():
        warnings.warn(f"protocol {name!r} is left out: {reason}", stacklevel=2)
        del made[name]
    for seed in seeds:
        base = {
            name: rule(manifest, folds=folds, seed=seed, validation=validation)
            for name, rule in RULES.items()
            if name in made or (name == "grouped" and "unseen" in made)
        }
        if "unseen" in made:
            base["unseen"] = unseen(manifest, base["grouped"])
        for name in made:
            check_split(base[name].assign(seed=seed), manifest, protocol=name)
            made[name].append(base[name].assign(seed=seed)[list(SPLIT_COLUMNS)])
    return {name: pd.concat(parts, ignore_index=True) for name, parts in made.items()}


def inner_folds(rows: pd.DataFrame, *, folds: int = 5, seed: int) -> np.ndarray:
    """Grouped, stratified fold numbers inside a training part, for thresholds, temperatures and choices.

    Args:
        rows: the training part, with `label` and `group`.

    Returns:
        int, shape `(rows,)`: the inner fold in which each row is answered.
    """
    number = np.empty(len(rows), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer members than folds is missing from some
        for fold, (_, test) in enumerate(folding.fold_maker(rows, folds, grouped=True)(folding.draw_number(seed, 0))):
            number[test] = fold
    return number


def check_split(split: pd.DataFrame, manifest: pd.DataFrame, *, protocol: Protocol) -> pd.DataFrame:
    """Give a split back if it keeps what its protocol promises.

    Raises:
        ValueError: a file is foreign; a part lacks a class; a page (a group, for `grouped`) stands in two parts.
    """
    facts = manifest.set_index("path")[["label", "group"]]
    foreign = split.loc[~split["path"].isin(facts.index), "path"]
    if len(foreign):
        raise ValueError(f"{protocol}: {foreign.iloc[0]} is in the split, but not in the manifest")
    full = split.join(facts, on="path")
    if protocol == "unseen":
        return split
    for (seed, fold, part), rows in full.groupby(["seed", "fold", "part"]):
        lacking = set(manifest["label"]) - set(rows["label"])
        if lacking:
            raise ValueError(f"{protocol}, seed {seed}, fold {fold}: no {min(lacking)} page in the {part} part")
    if protocol in ("distinct", "grouped"):
        unit = "page_id" if protocol == "distinct" else "group"
        parts = full.groupby(["seed", "fold", unit])["part"].nunique()
        if (parts > 1).any():
            seed, fold, page = parts.index[int(parts.argmax())]
            raise ValueError(f"{protocol}, seed {seed}, fold {fold}: {unit} {page} stands in two parts")
    return split


def write_splits(splits: dict[Protocol, pd.DataFrame], folder: Path) -> None:
    """One CSV per protocol in `folder`; those of protocols that are no longer asked for are removed."""
    for name in PROTOCOLS:
        path = Path(folder) / f"{name}.csv"
        if name in splits:
            files.write_atomically(path, functools.partial(splits[name].to_csv, index=False))
        else:
            path.unlink(missing_ok=True)


def read_splits(folder: Path) -> dict[Protocol, pd.DataFrame]:
    """The splits that lie in a study's `splits/` folder, by protocol.

    Raises:
        ValueError: there is none, or one is damaged.
    """
    found: dict[Protocol, pd.DataFrame] = {
        name: _read_split(Path(folder) / f"{name}.csv")
        for name in PROTOCOLS
        if (Path(folder) / f"{name}.csv").is_file()
    }
    if not found:
        raise ValueError(f"{folder}: no splits yet; `es.open_study(study)` makes them")
    return found


def _read_split(path: Path) -> pd.DataFrame:
    try:
        split = pd.read_csv(path, dtype={"path": str, "page_id": str})
        return split[list(SPLIT_COLUMNS)]
    except (ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: damaged ({reason}); `es.open_study(study)` makes it anew") from None


def _selected(manifest: pd.DataFrame) -> pd.DataFrame:
    """The pages that may train, in an order that does not depend on where their files lie."""
    return manifest[manifest["selected"].astype(bool)].sort_values(["page_id", "path"], ignore_index=True)


def _cannot_serve(manifest: pd.DataFrame, protocols: Sequence[Protocol]) -> dict[Protocol, str]:
    selected = manifest["selected"].astype(bool)
    reasons: dict[Protocol, str] = {}
    if "as_published" in protocols and "given_part" not in manifest and not manifest["page_id"].duplicated().any():
        reasons["as_published"] = "no page has a copy, so it would be `distinct` again"
    if "unseen" in protocols and selected.all():
        reasons["unseen"] = "no page was left out of a selection"
    return reasons
