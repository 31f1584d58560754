"""Prediction sets: which classes cannot be ruled out for a page, class by class.

A set holds every class whose p value among calibration pages *of that class* exceeds alpha (Mondrian sets), so the
rare class is covered as well as the common one. What the sets promise depends on who answered the calibration pages:

- `split`: one model answered the calibration pages and the page, and learned from neither. Each class is covered
  with at least 1 - alpha, if pages of the class are exchangeable.
- `cross`: K fold models, each with its own held-out pages; every one of them answers the new page. At least
  `cross_promise(...)`, a little less than 1 - 2 alpha; in practice close to 1 - alpha. This is how unseen pages are
  answered, so for them the promise holds *if* pages left out of the selection were like the selected ones.
- `inner`: the calibration pages were answered by inner fold models, the page by a model trained on all of them.
  There is no promise without further assumptions on the training's stability; coverage is measured instead.
"""

import numpy as np
import pandas as pd

from ecgstudy.evaluation import intervals, pooling
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

MODEL = pooling.MODEL


def p_values(calibration: np.ndarray, labels: np.ndarray, folds: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """For each page and class, the share of calibration pages of that class that fit it no better than this page.

    Args:
        calibration: probabilities of the calibration pages, each from the fold model that never saw it,
            shape `(n, classes)`.
        labels: their classes, int, shape `(n,)`.
        folds: which fold model answered each, int from 0, shape `(n,)`.
        answers: probabilities of the new pages from every fold model, shape `(folds, pages, classes)`.

    Returns:
        Shape `(pages, classes)`, in (0, 1].

    References:
        Vovk 2015, doi:10.1007/s10472-013-9368-4 (cross-conformal); Vovk, Gammerman and Shafer 2005, section 4.5
        (Mondrian).
    """
    found = np.ones(answers.shape[1:])
    for at in range(len(CLASSES)):
        own = labels == at
        for fold in range(len(answers)):
            scores = np.sort(calibration[own & (folds == fold), at])
            found[:, at] += np.searchsorted(scores, answers[fold, :, at], side="right")  # as likely or less so
        found[:, at] /= 1 + own.sum()
    return found


def cross_promise(alpha: float, pages: int, folds: int) -> float:
    """The coverage that `folds` cross-conformal folds with `pages` calibration pages of a class guarantee.

    References:
        Vovk and Wang; as stated in Barber, Candes, Ramdas and Tibshirani 2021, doi:10.1214/20-AOS1965, section 4.
    """
    if folds == 1:
        return 1 - alpha
    return max(0.0, 1 - 2 * alpha - 2 * (1 - alpha) * (1 - 1 / folds) / (pages / folds + 1))


def prediction_sets(predictions: pd.DataFrame, manifest: pd.DataFrame, *, protocol: str = "grouped") -> pd.DataFrame:
    """p values of every class for every page of `grouped` (kind `inner`) or `unseen` (kind `cross`).

    Args:
        predictions: of finished runs. `grouped` reads each run's inner predictions as calibration; `unseen` reads
            the out-of-fold test predictions of the fold models.
        manifest: one row per file.
        protocol: `grouped` or `unseen`.

    Returns:
        `model, weights, trained, seed, page_id, label, group, kind, folds`, the number of calibration pages of
        the page's own class as `calibration_pages`, and the p values under the names of the probabilities.
    """
    if protocol not in ("grouped", "unseen"):
        raise ValueError(f"prediction sets are made for 'grouped' and 'unseen', not for {protocol!r}")
    facts = pooling.page_facts(manifest)
    rows = pooling.clean(predictions)
    rows = rows[(rows["protocol"] == "grouped") & rows["page_id"].isin(facts.index)]
    rows = rows.assign(**{name: rows[name].fillna("") for name in MODEL}, label=facts["label"][rows["page_id"]].array)
    if protocol == "unseen":
        alike = facts.index[facts["layout"].isin(pooling.main_layouts(manifest))]
        tables = [_cross(own[own["page_id"].isin(alike)]) for _, own in rows.groupby([*MODEL, "seed"])]
    else:
        tables = [_inner(own) for _, own in rows.groupby("run") if (own["part"] == "inner").any()]
    tables = [table for table in tables if len(table)]
    if not tables:
        raise ValueError(f"no run has the predictions that sets for {protocol!r} are calibrated on")
    return pd.concat(tables, ignore_index=True).join(facts["group"], on="page_id")


def _inner(run: pd.DataFrame) -> pd.DataFrame:
    inner, test = run[run["part"] == "inner"], run[run["part"] == "test"]
    labels = inner["label"].to_numpy()
    found = p_values(pooling.probabilities(inner), labels, np.zeros(len(inner), int), pooling.probabilities(test)[None])
    return _sets(test, found, np.bincount(labels, minlength=len(CLASSES)), "inner", 1)


def _cross(runs: pd.DataFrame) -> pd.DataFrame:
    """Pages that only some fold models may answer (the others saw their group) meet those models alone."""
    test, unseen = runs[runs["part"] == "test"], runs[runs["part"] == "unseen"]
    who: dict[tuple[int, ...], list[str]] = {}
    for page, answered_by in unseen.groupby("page_id")["fold"]:
        who.setdefault(tuple(sorted(answered_by)), []).append(str(page))
    tables = []
    for folds, pages in who.items():
        own = test[test["fold"].isin(folds)]
        new = unseen[unseen["page_id"].isin(pages)].sort_values(["fold", "page_id"])
        answers = pooling.probabilities(new).reshape(len(folds), len(pages), len(CLASSES))
        labels = own["label"].to_numpy()
        at = own["fold"].map({fold: at for at, fold in enumerate(folds)}).to_numpy()
        found = p_values(pooling.probabilities(own), labels, at, answers)
        tables.append(_sets(new[: len(pages)], found, np.bincount(labels, minlength=len(CLASSES)), "cross", len(folds)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _sets(pages: pd.DataFrame, found: np.ndarray, calibration: np.ndarray, kind: str, folds: int) -> pd.DataFrame:
    table = pages[[*MODEL, "seed", "page_id", "label"]].assign(kind=kind, folds=folds)
    table["calibration_pages"] = calibration[table["label"]]
    table[list(PROBABILITIES)] = found
    return table


def coverage(sets: pd.DataFrame, *, alpha: float = 0.1, level: float = 0.95) -> pd.DataFrame:
    """How often the sets hold the true class, and how large they are.

    Returns:
        `model, weights, trained, kind, label, alpha, promise, covered, low, high, set_size, alone, pages,
        groups`: `promise` is what the construction guarantees (NaN: nothing), `alone` the share of pages whose
        set is the true class only. The interval is exact, with as many trials as groups; several seeds are averaged.
    """
    inside = sets[list(PROBABILITIES)].to_numpy() > alpha
    table = sets.assign(covered=inside[np.arange(len(sets)), sets["label"]], set_size=inside.sum(axis=1))
    table["alone"] = table["covered"] & (table["set_size"] == 1)
    rows = []
    for (*model, kind, label), own in table.assign(label=[CLASSES[at] for at in table["label"]]).groupby(
        [*MODEL, "kind", "label"]
    ):
        groups, pages = own["group"].nunique(), own["page_id"].nunique()
        covered = float(own["covered"].mean())
        low, high = intervals.exact(round(covered * groups, 9), groups, level)
        promise = _promise(str(kind), alpha, own)
        sizes = (float(own["set_size"].mean()), float(own["alone"].mean()))
        rows.append((*model, kind, label, alpha, promise, covered, low, high, *sizes, pages, groups))
    names = [*MODEL, "kind", "label", "alpha", "promise", "covered", "low", "high", "set_size", "alone"]
    return pd.DataFrame(rows, columns=[*names, "pages", "groups"])


def _promise(kind: str, alpha: float, rows: pd.DataFrame) -> float:
    if kind == "inner":
        return np.nan
    return min(cross_promise(alpha, *case) for case in zip(rows["calibration_pages"], rows["folds"], strict=True))
