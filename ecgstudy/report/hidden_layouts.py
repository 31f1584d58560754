"""Do redrawn pages still tell the layout that they came from?

Layouts go with classes, so a model that can tell layouts can score without looking at the heart. Redrawn pages are to
hide them. Here a linear classifier tries to tell the layouts of redrawn pages apart, within one class, because classes
differ by their hearts as well; and once more from what is blank on them alone.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import threadpoolctl
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from ecgstudy.data import images
from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.models import simple
from ecgstudy.pages import redraw
from ecgstudy.pages.paper import SHEETS
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, LEADS

READS = {"picture": "a small picture", "blanks": "what is blank"}
FOLDS = 5
MOST = 40  # pages of a layout and class; of more, so many are drawn at random
_FEWEST = 10  # pages of a layout in a class: of fewer nothing can be learned
_SIZE = (32, 56)  # pixels of a thumbnail, height by width
_BLANK_STEP_S = 0.05


def layouts_told(measured: MeasuredPages, manifest: pd.DataFrame, *, resamples: int = 2000, seed: int) -> pd.DataFrame:
    """How well the layout is told from redrawn pages, class by class.

    The pages are redrawn from their kept traces; nothing is traced again.

    Args:
        measured: traces.
        manifest: `page_id, label, layout, group`.
        resamples: of whole groups, for intervals (95 %).
        seed: of the sample, the folds and the resamples.

    Returns:
        `label`, `reads` (a key of `READS`), `pages`, `layouts`, `chance` (one over the layouts) and
        `balanced_accuracy, low, high`, as `told_layouts` gives them. A class in which fewer than two layouts have ten
        pages is left out.
    """
    rows = []
    sample = _sample(measured, manifest, seed)
    for label in CLASSES:
        pages = sample[sample["label"] == label]
        if pages["layout"].nunique() < 2:
            continue
        inputs = dict(zip(READS, _inputs(measured, pages), strict=True))
        for name, values in inputs.items():
            found = told_layouts(values, pages["layout"].to_numpy(), pages["group"].to_numpy(), resamples, seed=seed)
            rows.append({"label": label, "reads": name, "pages": len(pages), **found})
    columns = ["label", "reads", "pages", "layouts", "chance", "balanced_accuracy", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def told_layouts(
    inputs: np.ndarray, layouts: np.ndarray, groups: np.ndarray, resamples: int = 2000, *, seed: int
) -> dict[str, float]:
    """Balanced accuracy of a linear classifier that tells layouts, by folds that keep groups together.

    Args:
        inputs: `(pages, values)`.
        layouts: names, `(pages,)`.
        groups: `(pages,)`.
        resamples: of whole groups within each layout.
        seed: of folds and resamples.

    Returns:
        `layouts` (how many), `chance`, `balanced_accuracy, low, high` (95 %).

    Raises:
        ValueError: fewer than two layouts.
    """
    names, targets = np.unique(layouts, return_inverse=True)
    if names.size < 2:
        raise ValueError(f"need pages of two layouts or more, got {', '.join(map(str, names)) or 'none'}")
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    with threadpoolctl.threadpool_limits(1):
        told = cross_val_predict(simple.thumbnail_pipeline(), inputs, targets, groups=groups, cv=folds)
    right = (told == targets).astype(float)
    drawn = np.stack([_resampled(right[targets == n], groups[targets == n], resamples, [seed, n])
                      for n in range(names.size)])  # fmt: skip
    low, high = np.quantile(drawn.mean(axis=0), [0.025, 0.975])
    accuracy = float(np.mean([right[targets == n].mean() for n in range(names.size)]))
    return {"layouts": names.size, "chance": 1 / names.size, "balanced_accuracy": accuracy, "low": low, "high": high}


def layouts_in_words(told: pd.DataFrame) -> str:
    """Whether redrawing hides the layout, in sentences.

    Args:
        told: as `layouts_told` gives it.
    """
    if told.empty:
        return "No class of this study has pages of two layouts, so there is nothing to tell."
    lines = []
    for row in told.to_dict("records"):
        verdict = "which is chance" if row["low"] <= row["chance"] <= row["high"] else "which is not chance"
        if row["high"] < row["chance"]:
            verdict = "which is below chance"
        lines.append(
            f"{CLASS_TITLES[row['label']]}, {row['pages']} pages: the layout is told from {READS[row['reads']]} with a "
            f"balanced accuracy of {row['balanced_accuracy']:.2f} ({row['low']:.2f} to {row['high']:.2f}; "
            f"{row['chance']:.2f} by guessing), {verdict}."
        )
    return "\n".join(lines)


class _Kept:
    """The traces of a page as they were kept."""

    def __init__(self, traces: np.ndarray, sampling_rate: float, layout: str):
        samples = round(SHEETS[layout].seconds * sampling_rate)
        self.signals: Mapping[str, np.ndarray] = {
            lead: trace[:samples].astype(float) for lead, trace in zip(LEADS, traces, strict=True)
        }
        self.sampling_rate = sampling_rate


def _sample(measured: MeasuredPages, manifest: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Some pages of each class and layout that have enough of them."""
    pages = manifest.drop_duplicates("page_id")
    seen = np.isfinite(measured.traces).any(axis=(1, 2))
    pages = pages[pages["layout"].isin(list(SHEETS)) & pages["page_id"].isin(measured.table.index[seen])]
    parts = [
        part.sample(min(MOST, len(part)), random_state=seed)
        for _, part in pages.groupby(["label", "layout"])
        if len(part) >= _FEWEST
    ]
    return pd.concat(parts) if parts else pages.iloc[:0]


def _inputs(measured: MeasuredPages, pages: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Thumbnails of redrawn pages `(pages, pixels)`, and where they are blank `(pages, 12 * moments)`."""

    def one(page_id: str, layout: str) -> tuple[np.ndarray, np.ndarray]:
        kept = _Kept(measured.traces[measured.table.index.get_loc(page_id)], measured.sampling_rate, layout)
        standard = redraw.standard_signals(kept)
        picture = images.resize(redraw.draw_standard(standard), *_SIZE)
        return picture.mean(axis=2).ravel(), np.concatenate([_blank(standard[lead]) for lead in LEADS])

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        made = list(pool.map(one, pages["page_id"], pages["layout"]))
    thumbnails, blanks = zip(*made, strict=True)
    return np.stack(thumbnails), np.stack(blanks)


def _blank(signal: np.ndarray) -> np.ndarray:
    """Share of each moment that is blank."""
    step = round(_BLANK_STEP_S * redraw.SAMPLING_RATE)
    return np.isnan(signal[: signal.size // step * step]).reshape(-1, step).mean(axis=1)


def _resampled(right: np.ndarray, groups: np.ndarray, resamples: int, seed: list[int]) -> np.ndarray:
    """The share that is right when whole groups are drawn anew, `(resamples,)`."""
    codes = pd.factorize(groups)[0]
    sums, sizes = np.bincount(codes, weights=right), np.bincount(codes)
    drawn = np.random.default_rng(seed).integers(0, sizes.size, (resamples, sizes.size))
    return sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
