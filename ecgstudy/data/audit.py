"""Copies among the files, and what they do to a split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data.manifest import Pages
from ecgstudy.vocabulary import CLASSES, Protocol


@dataclass(frozen=True)
class Leakage:
    """How often a test file has a copy in its own training part.

    Attributes:
        share: over all test files of the split, 0 to 1.
        table: one row per class and `all`: `test_files, with_copy, share`.
    """

    share: float
    table: pd.DataFrame


def copies_table(manifest: pd.DataFrame) -> pd.DataFrame:
    """Files against distinct pages, one row per class and `all`: `files, distinct, files_per_page`."""
    by_class = manifest.groupby("label")["page_id"].agg(files="size", distinct="nunique")
    table = by_class.reindex([name for name in CLASSES if name in by_class.index])
    table.loc["all"] = [len(manifest), manifest["page_id"].nunique()]
    return table.assign(files_per_page=table["files"] / table["distinct"])


def tested_files(split: pd.DataFrame) -> pd.DataFrame:
    """The test files of a split, with `with_copy`: does their page stand in the same fold's training part?

    A validation part also shapes the model (training stops on it), so a copy there counts as well.
    """
    keys = ["fold", "page_id"] if "seed" not in split else ["seed", "fold", "page_id"]
    known = split.loc[split["part"] != "test", keys].drop_duplicates().assign(with_copy=True)
    tested = split[split["part"] == "test"].merge(known, on=keys, how="left")
    return tested.assign(with_copy=tested["with_copy"].notna())


def leakage(manifest: pd.DataFrame, split: pd.DataFrame) -> Leakage:
    """Test files whose page also stands in their own training part, by class.

    Args:
        manifest: one row per file.
        split: rows of one protocol (`fold, path, page_id, part`, and `seed` where there are several).
    """
    tested = tested_files(split).merge(manifest[["path", "label"]], on="path")
    by_class = tested.groupby("label")["with_copy"].agg(test_files="size", with_copy="sum")
    table = by_class.reindex([name for name in CLASSES if name in by_class.index])
    table.loc["all"] = table.sum()
    return Leakage(float(tested["with_copy"].mean()), table.assign(share=table["with_copy"] / table["test_files"]))


def expected_leakage(copies: np.ndarray, *, test_share: float, draws: int = 1000, seed: int) -> float:
    """Share of test files with a copy outside the test part, over random splits of the files.

    Args:
        copies: int, shape `(pages,)`: how many files show each distinct page.
        test_share: share of the files that are drawn for the test part.
        draws: how many random splits are drawn.
        seed: of the draws.
    """
    page = np.repeat(np.arange(len(copies)), copies)  # (files,)
    rng = np.random.default_rng(seed)
    tests = round(test_share * len(page))
    shares = []
    for _ in range(draws):
        test = rng.permutation(page)[:tests]
        inside = np.bincount(test, minlength=len(copies))
        shares.append(np.mean(inside[test] < copies[test]))
    return float(np.mean(shares))


def write_audit(pages: Pages, splits: dict[Protocol, pd.DataFrame], folder: Path) -> None:
    """Write `copies.csv`, `leakage.csv` (every protocol but `unseen`) and `bad_files.csv` into `folder`."""
    selected = pages.manifest[pages.manifest["selected"].astype(bool)]
    tables = [leakage(pages.manifest, s).table.assign(protocol=name) for name, s in splits.items() if name != "unseen"]
    _write(copies_table(selected), folder / "copies.csv")
    _write(pd.concat(tables), folder / "leakage.csv")
    _write(pd.DataFrame(pages.bad_files, columns=["path", "reason"]).set_index("path"), folder / "bad_files.csv")


def _write(table: pd.DataFrame, path: Path) -> None:
    files.write_atomically(path, lambda temporary: table.to_csv(temporary))
