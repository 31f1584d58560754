"""The four protocols: which pages train, stop and test a model in each fold.

Every random draw comes from a named seed. A draw that leaves a class out of some part (30 MI pages make
that possible) is replaced by the next one of the same seed, so the result is still fixed by it.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ecgstudy import files
from ecgstudy.vocabulary import CLASSES, PARTS, PROTOCOLS, SPLIT_COLUMNS, Protocol

ATTEMPTS = 100  # draws per seed before the data are said not to allow the split
KEYS = ["path", "page_id"]


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
        return _search(rows, lambda draw: [(np.flatnonzero(~test), np.flatnonzero(test))], validation, seed, False)
    return _search(rows, _fold_maker(rows, folds, grouped=False), validation, seed, grouped=False)


def distinct(manifest: pd.DataFrame, *, folds: int, seed: int, validation: float) -> pd.DataFrame:
    """Stratified folds over distinct pages, one file each. Arguments and result as `as_published`."""
    rows = _selected(manifest).drop_duplicates("page_id").reset_index(drop=True)
    return _search(rows, _fold_maker(rows, folds, grouped=False), validation, seed, grouped=False)


def grouped(manifest: pd.DataFrame, *, folds: int, seed: int, validation: float) -> pd.DataFrame:
    """As `distinct`, with pages of one group in one part, test and validation alike."""
    rows = _selected(manifest).drop_duplicates("page_id").reset_index(drop=True)
    return _search(rows, _fold_maker(rows, folds, grouped=True), validation, seed, grouped=True)


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
    return pd.DataFrame(rows, columns=["fold", *KEYS, "part"]).sort_values(["fold", "path"], ignore_index=True)


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
) -> dict[Protocol, pd.DataFrame]:
    """The splits of several protocols and seeds, checked; `vocabulary.SPLIT_COLUMNS` each.

    A protocol that the data cannot serve (no copies, no pages left out) is left out with a warning.

    Raises:
        ValueError: a class is too small for so many folds; a split breaks its own rule.
    """
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
        for fold, (_, test) in enumerate(_fold_maker(rows, folds, grouped=True)(_draw(seed, 0))):
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
        ValueError: there is none.
    """
    found: dict[Protocol, pd.DataFrame] = {
        name: pd.read_csv(Path(folder) / f"{name}.csv", dtype={"path": str, "page_id": str})
        for name in PROTOCOLS
        if (Path(folder) / f"{name}.csv").is_file()
    }
    if not found:
        raise ValueError(f"{folder}: no splits yet; `es.open_study(study)` makes them")
    return found


Folds = list[tuple[np.ndarray, np.ndarray]]  # row numbers of (training and validation, test), per fold


def _fold_maker(rows: pd.DataFrame, folds: int, *, grouped: bool) -> Callable[[int], Folds]:
    """A function that draws folds from a number."""
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    labels, groups = rows["label"].to_numpy(), rows["group"].to_numpy()

    def draw_folds(draw: int) -> Folds:
        splitter = kind(n_splits=folds, shuffle=True, random_state=draw)
        return list(splitter.split(np.zeros(len(rows)), labels, groups))

    return draw_folds


def _search(
    rows: pd.DataFrame, draw_folds: Callable[[int], Folds], validation: float, seed: int, grouped: bool
) -> pd.DataFrame:
    """The first draw of this seed in which every part of every fold has every class."""
    _check_sizes(rows, grouped)
    inner = round(1 / validation)
    for attempt in range(ATTEMPTS):
        draw = _draw(seed, attempt)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # fewer members than folds: said below, with the class
            made = [
                _fold(rows, fold, learn, test, inner, draw, grouped)
                for fold, (learn, test) in enumerate(draw_folds(draw))
            ]
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
    """One fold; its validation part is one of `inner` folds of the learning part, cut by the same rule."""
    choices = _fold_maker(rows.iloc[learn], inner, grouped=grouped)(draw)
    kept, stop = next(
        (c for c in choices if rows["label"].iloc[learn[c[1]]].nunique() == rows["label"].nunique()), choices[0]
    )
    part = np.empty(len(rows), dtype=object)
    part[learn[kept]], part[learn[stop]], part[test] = PARTS
    return rows[[*KEYS, "label"]].assign(fold=fold, part=part)


def _complete(split: pd.DataFrame, rows: pd.DataFrame) -> bool:
    return bool((split.groupby("part")["label"].nunique() == rows["label"].nunique()).all())


def _draw(seed: int, attempt: int) -> int:
    return int(np.random.SeedSequence([seed, attempt]).generate_state(1)[0])


def _selected(manifest: pd.DataFrame) -> pd.DataFrame:
    """The pages that may train, in an order that does not depend on where their files lie."""
    return manifest[manifest["selected"].astype(bool)].sort_values(["page_id", "path"], ignore_index=True)


def _check_sizes(rows: pd.DataFrame, grouped: bool) -> None:
    unit = "group" if grouped else "path"
    counts = rows.groupby("label")[unit].nunique().reindex([c for c in CLASSES if c in set(rows["label"])])
    if len(counts) < 2:
        raise ValueError(f"the data have {len(counts)} class ({', '.join(counts.index)}); a split needs two or more")
    if counts.min() < 3:
        raise ValueError(
            f"class {counts.idxmin()!r} has {counts.min()} {unit}s; training, validation and test part need one each"
        )


def _cannot_serve(manifest: pd.DataFrame, protocols: Sequence[Protocol]) -> dict[Protocol, str]:
    selected = manifest["selected"].astype(bool)
    reasons: dict[Protocol, str] = {}
    if "as_published" in protocols and "given_part" not in manifest and not manifest["page_id"].duplicated().any():
        reasons["as_published"] = "no page has a copy, so it would be `distinct` again"
    if "unseen" in protocols and selected.all():
        reasons["unseen"] = "no page was left out of a selection"
    return reasons
