"""Someone else's predictions: checked line by line, then scored like our own."""

from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy.evaluation import pooling, scoring
from ecgstudy.evaluation.ladder import score_table
from ecgstudy.vocabulary import CLASSES, LADDER_COLUMNS, PROBABILITIES

SUM_TOLERANCE = 1e-3  # probabilities written with four digits may miss one by this much


def read_submission(path: str | Path, manifest: pd.DataFrame) -> pd.DataFrame:
    """A prediction file, checked.

    Args:
        path: CSV with `page_id`, the four probabilities, and perhaps `fold`: from which test part each answer is.
        manifest: of the benchmark, one row per file; every distinct selected page must be answered once, and
            nothing else.

    Returns:
        The columns of the file, one row per distinct selected page, in the manifest's order.

    Raises:
        ValueError: one line: the file, the first row or page that is wrong, and what to do.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such prediction file")
    try:
        table = pd.read_csv(path, dtype={"page_id": str})
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from None
    try:
        return check_submission(table, manifest)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def benchmark_pages(manifest: pd.DataFrame, pages: str) -> pd.DataFrame:
    """The manifest of the pages that a file must answer, all marked as selected: with `complete`, every page whose
    layout is known; else the selected ones."""
    if pages == "complete":
        return manifest[manifest["layout"] != "other"].assign(selected=True)
    return manifest


def check_submission(table: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """The same checks on a table; the message does not name a file."""
    missing = [name for name in ("page_id", *PROBABILITIES) if name not in table]
    if missing:
        raise ValueError(f"column {missing[0]!r} is missing; needed are page_id, {', '.join(PROBABILITIES)}")
    facts = pooling.page_facts(manifest)
    wanted = facts[facts["selected"].astype(bool)]
    _check_pages(table["page_id"], wanted.index, facts.index)
    _check_probabilities(table)
    pages = np.bincount(wanted["label"], minlength=len(CLASSES))
    if not pages.all():
        raise ValueError(f"class {CLASSES[int(np.argmin(pages))]!r} has no page in the manifest; it cannot be scored")
    if "fold" in table:
        _check_folds(table.join(wanted["group"], on="page_id"))
    return table.set_index("page_id").loc[wanted.index].reset_index()


def score_submission(
    submission: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    name: str,
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
    frequencies: np.ndarray | None = None,
) -> pd.DataFrame:
    """The ladder's row of a checked prediction file: `grouped`, all pages and, where there are several, each layout.

    Args:
        submission: from `read_submission`.
        manifest: of the benchmark.
        name: what stands in the column `model`.
        resamples: of the bootstrap over groups, the same as for the study's own models.
        level: of the intervals.
        seed: of the resamples.
        frequencies: of the classes, shape `(4,)`, for the weighting `selected`; those of the manifest's selected pages
            by default.

    Returns:
        `vocabulary.LADDER_COLUMNS` with ranking and calibration scores; `weights` and `trained` read `submitted`.
    """
    units = _units(submission, manifest, name)
    frequencies = pooling.selected_frequencies(manifest) if frequencies is None else frequencies
    draw = scoring.drawn_for(units, resamples=resamples, seed=seed)
    parts = [("all", units)]
    if len(units["layout"].unique()) > 1:
        parts += [(str(layout), part) for layout, part in units.groupby("layout")]
    tables = [
        score_table(part, draw, frequencies, level=level, only="all").assign(protocol="grouped", stratum=stratum)
        for stratum, part in parts
    ]
    return pd.concat(tables, ignore_index=True).dropna(subset="value")[list(LADDER_COLUMNS)].reset_index(drop=True)


def leaderboard(ladder: pd.DataFrame, *submitted: pd.DataFrame, metric: str = "balanced_accuracy") -> pd.DataFrame:
    """The study's models and submitted files under `grouped`, best first.

    Returns:
        `rank, model, weights, trained, value, low, high, pages`. Ranks of models whose intervals overlap mean little;
        `comparison.compare` says which differences are real.
    """
    table = pd.concat([ladder, *submitted], ignore_index=True)
    keep = (table["protocol"] == "grouped") & (table["stratum"] == "all") & (table["weighting"] == "selected")
    rows = table[keep & (table["metric"] == metric)].sort_values("value", ascending=False, kind="stable")
    ranked = rows.assign(rank=np.arange(1, len(rows) + 1))
    return ranked[["rank", "model", "weights", "trained", "value", "low", "high", "pages"]].reset_index(drop=True)


def _units(submission: pd.DataFrame, manifest: pd.DataFrame, name: str) -> pd.DataFrame:
    facts = pooling.page_facts(manifest)[["path", "label", "group", "layout"]]
    units = submission[["page_id", *PROBABILITIES]].join(facts, on="page_id")
    return units.assign(model=name, weights="submitted", trained="submitted", share=1.0, seeds=1)[pooling.UNIT_COLUMNS]


def _check_pages(pages: pd.Series, wanted: pd.Index, known: pd.Index) -> None:
    doubled = pages[pages.duplicated()]
    if len(doubled):
        raise ValueError(f"page {doubled.iloc[0]} stands {int((pages == doubled.iloc[0]).sum())} times; keep one row")
    foreign = pages[~pages.isin(wanted)]
    if len(foreign):
        where = "is not a selected page" if foreign.iloc[0] in known else "is not in the benchmark"
        raise ValueError(f"page {foreign.iloc[0]} {where} ({len(foreign)} such rows); leave them out")
    missing = wanted[~wanted.isin(pages)]
    if len(missing):
        raise ValueError(f"{len(missing)} of {len(wanted)} pages have no row, the first is {missing[0]}; answer all")


def _check_probabilities(table: pd.DataFrame) -> None:
    values = table[list(PROBABILITIES)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = ~np.isfinite(values).all(axis=1) | (values < 0).any(axis=1) | (values > 1).any(axis=1)
    if wrong.any():
        page = table["page_id"].iloc[int(np.argmax(wrong))]
        raise ValueError(f"page {page}: probabilities must be numbers from 0 to 1 ({int(wrong.sum())} such rows)")
    sums = values.sum(axis=1)
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if off.any():
        at = int(np.argmax(off))
        page = table["page_id"].iloc[at]
        raise ValueError(f"page {page}: probabilities sum to {sums[at]:.4g}, not to 1 ({int(off.sum())} such rows)")


def _check_folds(table: pd.DataFrame) -> None:
    folds = table.groupby("group")["fold"].agg(lambda values: sorted(set(values)))
    across = folds[folds.map(len) > 1]
    if len(across):
        named = ", ".join(map(str, across.iloc[0]))
        raise ValueError(f"group {across.index[0]} stands in folds {named}; pages of one group belong in one part")
