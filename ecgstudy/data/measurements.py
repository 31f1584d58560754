"""Traces and measurements of all pages, on all cores, computed once and kept.

What is kept: one row of measurements a page (CSV) and, beside it, the median beats and the traces as arrays. The
key is what the pages are and `RECIPE`; a second call traces nothing.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data.manifest import Pages
from ecgstudy.pages import beats, reading, trace
from ecgstudy.vocabulary import LEADS

RECIPE = "2"  # raised when the same page would be measured otherwise
QUALITY_COLUMNS = ("quality", "worst_quality", "strip_quality", "calibration_mm")
FEATURE_BEFORE_S, FEATURE_AFTER_S, FEATURE_STEP_S = 0.2, 0.48, 0.04  # of the median beats, as features
_SECONDS = 5.0  # traces of shorter leads end in NaN


@dataclass(frozen=True)
class MeasuredPages:
    """What was read of every distinct page.

    Attributes:
        table: one row per page, indexed by `page_id`: `problem` (why nothing was read, else empty), quality, and
            the columns of `reading.Measurements.as_row`, NaN where not measurable.
        median_beats: float32 millivolts `(pages, 12, samples)` in the order of `table` and `vocabulary.LEADS`,
            from `beats.BEFORE_S` before the R peak to `beats.AFTER_S` after it, NaN where unknown.
        traces: float16 millivolts `(pages, 12, samples)`, each lead from the begin of its own column.
        sampling_rate: of both, Hz.
        key: hash of the pages and of the recipe.
    """

    table: pd.DataFrame
    median_beats: np.ndarray
    traces: np.ndarray
    sampling_rate: float
    key: str


def measurements(pages: Pages, folder: Path, *, progress: Callable[[str], None] = lambda line: None) -> pd.DataFrame:
    """The measurements of every distinct page, one row each, indexed by `page_id`; see `MeasuredPages.table`."""
    return measured_pages(pages, folder, progress=progress).table


def measured_pages(pages: Pages, folder: Path, *, progress: Callable[[str], None] = lambda line: None) -> MeasuredPages:
    """Traces, median beats and measurements of every distinct page, from `folder` if they are there.

    Args:
        pages: the pages; those that cannot be traced get a row of NaN with the reason in `problem`.
        folder: where they are kept.
        progress: told a line now and then.
    """
    key = files.content_hash(RECIPE, pages.data_hash)
    table_path, arrays_path = (Path(folder) / f"measurements-{key}.{ending}" for ending in ("csv", "npz"))
    if not (table_path.is_file() and arrays_path.is_file()):
        page_ids = sorted(pages.distinct["page_id"])
        rows, medians, traces = _measure_all(pages, page_ids, progress)
        table = pd.DataFrame(rows, index=pd.Index(page_ids, name="page_id"))
        files.write_atomically(arrays_path, lambda path: _save(path, np.stack(medians), np.stack(traces)))
        files.write_atomically(table_path, lambda path: table.to_csv(path, float_format="%.6g"))
    return _open(table_path, arrays_path, key)


def page_features(measured: MeasuredPages) -> pd.DataFrame:
    """Numbers for a classifier, indexed by `page_id`, NaN where not measurable.

    All measurements, then the median beats every 40 ms as `<lead>_at_<milliseconds>`, above the level 80 to 40 ms
    before the R peak. How well a page could be read is not among them: it says more of the printer than of the heart.
    """
    drop = [name for name in ("problem", *QUALITY_COLUMNS) if name in measured.table.columns]
    rate = measured.sampling_rate
    steps = np.arange(-FEATURE_BEFORE_S, FEATURE_AFTER_S + 1e-9, FEATURE_STEP_S)
    samples = np.round((beats.BEFORE_S + steps) * rate).astype(int)
    before = slice(*(round((beats.BEFORE_S + second) * rate) for second in (-0.08, -0.04)))
    level = _mean_of_known(measured.median_beats[:, :, before])
    values = measured.median_beats[:, :, samples] - level[:, :, None]
    names = [f"{lead}_at_{round(step * 1000)}" for lead in LEADS for step in steps]
    shape = pd.DataFrame(values.reshape(len(values), -1), index=measured.table.index, columns=names)
    return pd.concat([measured.table.drop(columns=drop), shape], axis=1).astype(float)


def trace_all(
    pages: Pages, page_ids: Sequence[str], *, progress: Callable[[str], None] = lambda line: None
) -> Iterator[tuple[str, "trace.Traced | str"]]:
    """Trace pages on all cores, in the order given.

    Yields:
        The page and what was traced, or the reason why it could not be.
    """
    for page_id, traced, _ in _all(pages, page_ids, progress):
        yield page_id, traced


def _measure_all(
    pages: Pages, page_ids: Sequence[str], progress: Callable[[str], None]
) -> tuple[list[dict[str, object]], list[np.ndarray], list[np.ndarray]]:
    rows, medians, traces = [], [], []
    for _, traced, measured in _all(pages, page_ids, progress):
        rows.append(_row(traced, measured))
        medians.append(_beat_array(measured))
        traces.append(_trace_array(traced))
    return rows, medians, traces


def _all(
    pages: Pages, page_ids: Sequence[str], progress: Callable[[str], None]
) -> Iterator[tuple[str, "trace.Traced | str", "reading.Measurements | str"]]:
    """Trace and measure, a few pages ahead of the reader so that memory stays small."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        ahead: deque[tuple[str, Future[tuple[trace.Traced | str, reading.Measurements | str]]]] = deque()
        waiting = iter(page_ids)
        for number in range(len(page_ids)):
            while len(ahead) < 4 * cores and (page_id := next(waiting, None)) is not None:
                ahead.append((page_id, pool.submit(_read_page, pages.picture(page_id))))
            page_id, result = ahead.popleft()
            yield page_id, *result.result()
            if (number + 1) % 200 == 0 or number + 1 == len(page_ids):
                progress(f"traced {number + 1} of {len(page_ids)} pages")


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _read_page(picture: np.ndarray) -> tuple["trace.Traced | str", "reading.Measurements | str"]:
    """What can be read of one picture; reasons where it cannot."""
    try:
        traced = trace.trace(picture)
    except ValueError as error:
        return str(error), str(error)
    try:
        return traced, reading.measure(traced)
    except ValueError as error:
        return traced, str(error)


def _row(traced: "trace.Traced | str", measured: "reading.Measurements | str") -> dict[str, object]:
    row: dict[str, object] = {"problem": measured if isinstance(measured, str) else ""}
    row |= dict.fromkeys(QUALITY_COLUMNS, np.nan)
    if not isinstance(traced, str):
        qualities = list(traced.quality.values())
        strip = traced.strip_quality if traced.strip is not None else np.nan
        row |= dict(zip(QUALITY_COLUMNS, (np.mean(qualities), min(qualities), strip, traced.calibration), strict=True))
    return row | (reading.empty_row() if isinstance(measured, str) else measured.as_row())


def _beat_array(measured: "reading.Measurements | str") -> np.ndarray:
    """Median beats, float32 `(12, samples)`."""
    samples = round(beats.BEFORE_S * trace.SAMPLING_RATE) + round(beats.AFTER_S * trace.SAMPLING_RATE)
    array = np.full((len(LEADS), samples), np.nan, dtype=np.float32)
    if not isinstance(measured, str):
        for row, lead in enumerate(LEADS):
            array[row] = measured.beats.medians.get(lead, np.nan)
    return array


def _trace_array(traced: "trace.Traced | str") -> np.ndarray:
    """Traces, float16 `(12, samples)`."""
    array = np.full((len(LEADS), round(_SECONDS * trace.SAMPLING_RATE)), np.nan, dtype=np.float16)
    if not isinstance(traced, str):
        for row, lead in enumerate(LEADS):
            signal = traced.signals[lead][: array.shape[1]]
            array[row, : signal.size] = signal
    return array


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis, NaN left out; NaN where all are."""
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(axis=-1) / np.where(known.any(axis=-1), known.sum(axis=-1), np.nan)


def _save(path: Path, medians: np.ndarray, traces: np.ndarray) -> None:
    with path.open("wb") as stream:
        np.savez_compressed(stream, median_beats=medians, traces=traces, sampling_rate=trace.SAMPLING_RATE)


def _open(table_path: Path, arrays_path: Path, key: str) -> MeasuredPages:
    table = pd.read_csv(table_path, index_col="page_id", dtype={"page_id": str, "problem": str}, keep_default_na=True)
    table["problem"] = table["problem"].fillna("")
    with np.load(arrays_path, allow_pickle=False) as arrays:
        return MeasuredPages(table, arrays["median_beats"], arrays["traces"], float(arrays["sampling_rate"]), key)
