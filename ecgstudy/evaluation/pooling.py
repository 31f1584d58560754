"""From the predictions of many runs to one answer per model and page.

The answers of several fold models to one unseen page are averaged, then the answers of several seeds. What comes
out is a table of *units*: files under `as_published`, distinct pages under every other protocol.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecgstudy.vocabulary import CLASSES, PROBABILITIES, PROTOCOLS, choose

MODEL = ["model", "weights", "trained"]  # what tells models apart
UNIT_COLUMNS = [*MODEL, "path", "page_id", "label", "group", "layout", "share", "seeds", *PROBABILITIES]


def pool(predictions: pd.DataFrame, manifest: pd.DataFrame, protocol: str, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """One row per model and unit of a protocol, probabilities averaged over folds and then over seeds.

    Args:
        predictions: of finished runs, as `training.runs.read_predictions` gives them; select variants and
            conditions first (`clean`).
        manifest: one row per file.
        protocol: `unseen` takes the unseen pages that the runs of `grouped` answered.
        by: columns of the predictions that are kept apart besides the model (`variant`, `condition`).

    Returns:
        Columns `UNIT_COLUMNS` after `by`. `label` is a position in `CLASSES`, `share` is one over the number of
        units that show the same page, so that shares add up to the number of distinct pages.

    Raises:
        ValueError: a page that the manifest lacks, or probabilities that are not numbers.
    """
    rows = answered(predictions, protocol)
    known_models = {name: rows[name].fillna("") for name in MODEL}  # simple models may have no weights
    unit = "path" if protocol == "as_published" else "page_id"
    keys = [*MODEL, *by, unit]
    per_seed = rows.assign(**known_models).groupby([*keys, "seed"], sort=False, observed=True)
    seeds = per_seed.agg({"path": "first", "page_id": "first"} | dict.fromkeys(PROBABILITIES, "mean"))
    seeds = seeds.drop(columns=unit).reset_index().rename(columns={"seed": "seeds"})
    other = "page_id" if unit == "path" else "path"
    how = {other: "first", "seeds": "nunique"} | dict.fromkeys(PROBABILITIES, "mean")
    units = seeds.groupby(keys, sort=True, observed=True).agg(how).reset_index()
    units["share"] = 1 / units.groupby([*MODEL, *by, "page_id"], observed=True)["path"].transform("size")
    return _with_facts(units, manifest)[[*by, *UNIT_COLUMNS]]


def main_units(predictions: pd.DataFrame, manifest: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """`pool` of plain runs on plain pages; of the unseen pages only those in the selected pages' layout."""
    units = all_units(predictions, manifest, protocol)
    return units[units["layout"].isin(main_layouts(manifest))] if protocol == "unseen" else units


def all_units(predictions: pd.DataFrame, manifest: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """`pool` of plain runs on plain pages, in every layout."""
    return pool(clean(predictions), manifest, protocol)


def answered(predictions: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """The rows of predictions that test a protocol."""
    choose("protocol", protocol, PROTOCOLS)
    runs, part = ("grouped", "unseen") if protocol == "unseen" else (protocol, "test")
    return predictions[(predictions["protocol"] == runs) & (predictions["part"] == part)]


def clean(predictions: pd.DataFrame) -> pd.DataFrame:
    """The predictions of plain runs on plain pages: no variant, no damage."""
    return predictions[(predictions["variant"] == "clean") & (predictions["condition"] == "clean")]


def page_facts(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per distinct page, indexed by `page_id`: `label` as a position in `CLASSES`, and the other columns."""
    facts = manifest.drop_duplicates("page_id").set_index("page_id")
    unknown = set(facts["label"]) - set(CLASSES)
    if unknown:
        raise ValueError(f"manifest: unknown class {sorted(unknown)[0]!r}; choose from {', '.join(CLASSES)}")
    return facts.assign(label=facts["label"].map({name: at for at, name in enumerate(CLASSES)}).astype(int))


def selected_frequencies(manifest: pd.DataFrame) -> np.ndarray:
    """Class frequencies of the distinct selected pages, shape `(4,)`, to which every rung is re-weighted."""
    facts = page_facts(manifest)
    pages = np.bincount(facts.loc[facts["selected"].astype(bool), "label"], minlength=len(CLASSES))
    if not pages.all():
        raise ValueError(f"manifest: no selected page of class {CLASSES[int(np.argmin(pages))]!r}")
    return pages / pages.sum()


def main_layouts(manifest: pd.DataFrame) -> set[str]:
    """Layouts of the selected pages: unseen pages in another layout are scored apart."""
    return set(manifest.loc[manifest["selected"].astype(bool), "layout"])


def has_copy_in_training(predictions: pd.DataFrame, manifest: pd.DataFrame) -> pd.Series:
    """For each test file of `as_published`: did the run learn from a copy of the same page?

    Where a run's predictions name no training files, all files outside its test part count, the few of the
    validation part included.

    Returns:
        bool, with the index of `answered(predictions, "as_published")`.
    """
    found = []
    for _, run in predictions[predictions["protocol"] == "as_published"].groupby("run", sort=False):
        test, train = run[run["part"] == "test"], run.loc[run["part"] == "train", "page_id"]
        learned = train if len(train) else manifest.loc[~manifest["path"].isin(test["path"]), "page_id"]
        found.append(test["page_id"].isin(learned))
    return pd.concat(found) if found else pd.Series(dtype=bool)


def probabilities(units: pd.DataFrame) -> np.ndarray:
    """The four probabilities of each row, shape `(rows, 4)`."""
    return units[list(PROBABILITIES)].to_numpy(float)


def _with_facts(units: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    facts = page_facts(manifest)[["label", "group", "layout"]]
    strangers = units.loc[~units["page_id"].isin(facts.index), "page_id"]
    if len(strangers):
        raise ValueError(f"predictions: page {strangers.iloc[0]} is not in the manifest; are they of another study?")
    if not np.isfinite(probabilities(units)).all():
        raise ValueError(f"predictions: {units['model'].iloc[0]} and others hold probabilities that are no numbers")
    return units.join(facts, on="page_id")
