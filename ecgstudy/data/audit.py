"""Copies among the files, and what they do to a split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data import near_copies
from ecgstudy.data.manifest import Pages
from ecgstudy.vocabulary import CLASSES, Protocol


@dataclass(frozen=True)
class Leakage:
    """How often a test file has a copy in its own training part.

    Attributes:
        share: over all test files of the split, 0 to 1.
        table: one row per class and `all`: `test_files, with_copy, share`; between the last two
            `with_near_copy` where near-copies were looked for, of files without an exact one.
    """

    share: float
    table: pd.DataFrame


def copies_table(manifest: pd.DataFrame) -> pd.DataFrame:
    """Files against distinct pages, one row per class and `all`: `files, distinct, files_per_page`."""
    by_class = manifest.groupby("label")["page_id"].agg(files="size", distinct="nunique")
    table = by_class.reindex([name for name in CLASSES if name in by_class.index])
    table.loc["all"] = [len(manifest), manifest["page_id"].nunique()]
    return table.assign(files_per_page=table["files"] / table["distinct"])


def tested_files(split: pd.DataFrame, unit: str = "page_id") -> pd.DataFrame:
    """The test files of a split, with `with_copy`: does their page stand in the same fold's training part?

    A validation part also shapes the model (training stops on it), so a copy there counts as well.

    Args:
        split: `fold, page_id, part`, and `seed` where there are several.
        unit: another column whose equal values mean copies.
    """
    keys = [name for name in ("seed", "fold") if name in split] + [unit]
    known = split.loc[split["part"] != "test", keys].drop_duplicates().assign(with_copy=True)
    tested = split[split["part"] == "test"].merge(known, on=keys, how="left")
    return tested.assign(with_copy=tested["with_copy"].notna())


def leakage(manifest: pd.DataFrame, split: pd.DataFrame, *, near: pd.DataFrame | None = None) -> Leakage:
    """Test files whose page also stands in their own training part, by class.

    Args:
        manifest: one row per file.
        split: rows of one protocol (`fold, path, page_id, part`, and `seed` where there are several).
        near: pairs of near-copies (`page_id, other_id`), which then count too.
    """
    tested = tested_files(split).merge(manifest[["path", "label"]], on="path")
    columns = {"test_files": ("with_copy", "size"), "with_copy": ("with_copy", "sum")}
    if near is not None:
        names = near_copies.same_page_names(split["page_id"], near)
        alike = tested_files(split.assign(same_page=names), "same_page")["with_copy"]
        tested["with_near_copy"] = alike.to_numpy() & ~tested["with_copy"]
        columns["with_near_copy"] = ("with_near_copy", "sum")
    by_class = tested.groupby("label").agg(**columns)  # type: ignore[call-overload]
    table = by_class.reindex([name for name in CLASSES if name in by_class.index])
    table.loc["all"] = table.sum()
    leaked = table.drop(columns="test_files").sum(axis=1)
    table = table.assign(share=leaked / table["test_files"])
    return Leakage(float(table["share"].iloc[-1]), table)


def expected_leakage(manifest: pd.DataFrame, *, test_share: float, draws: int = 1000, seed: int) -> pd.DataFrame:
    """Leakage that a random split of the files would have, by simulation.

    Args:
        manifest: one row per file: `page_id, label`.
        test_share: share of the files that are drawn for the test part.
        draws: how many random splits are drawn.
        seed: of the draws.

    Returns:
        `share` of the test files with a copy outside the test part, one row per class and `all`.
    """
    page = manifest["page_id"].astype("category").cat.codes.to_numpy()
    label = pd.Categorical(manifest["label"], [name for name in CLASSES if name in set(manifest["label"])])
    copies, rng = np.bincount(page), np.random.default_rng(seed)
    tested, leaked = np.zeros(len(label.categories)), np.zeros(len(label.categories))
    for _ in range(draws):
        test = rng.permutation(len(page))[: round(test_share * len(page))]
        outside = np.bincount(page[test], minlength=len(copies)) < copies
        tested += np.bincount(label.codes[test], minlength=len(tested))
        leaked += np.bincount(label.codes[test], weights=outside[page[test]], minlength=len(tested))
    table = pd.DataFrame({"share": leaked / np.maximum(tested, 1)}, index=pd.Index(label.categories, name="label"))
    table.loc["all"] = leaked.sum() / tested.sum()
    return table


def write_audit(pages: Pages, splits: dict[Protocol, pd.DataFrame], folder: Path) -> None:
    """Write `copies.csv`, `leakage.csv` (every protocol but `unseen`) and `bad_files.csv` into `folder`."""
    selected = pages.manifest[pages.manifest["selected"].astype(bool)]
    tables = [leakage(pages.manifest, s).table.assign(protocol=name) for name, s in splits.items() if name != "unseen"]
    _write(copies_table(selected), folder / "copies.csv")
    _write(pd.concat(tables), folder / "leakage.csv")
    _write(pd.DataFrame(pages.bad_files, columns=["path", "reason"]).set_index("path"), folder / "bad_files.csv")


def _write(table: pd.DataFrame, path: Path) -> None:
    files.write_atomically(path, lambda temporary: table.to_csv(temporary))
