"""The traced signals of a page as files: CSV for spreadsheets, WFDB for programs that read ECGs."""

import functools
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.pages.beats import PAGE_SECONDS, columns
from ecgstudy.pages.trace import Traced

FORMATS = ("csv", "wfdb")
UNITS_PER_MV = 1000  # of the 16-bit samples: one microvolt each


def signal_table(traced: Traced) -> pd.DataFrame:
    """Ten seconds of the page: `seconds`, millivolts of each lead, and `strip_<lead>` where there is a strip.

    A lead is NaN before and after its own column of the page, and where its trace cannot be read.
    """
    rate = traced.sampling_rate
    size = round(PAGE_SECONDS * rate)
    table = {"seconds": np.arange(size) / rate}
    for begin, leads in columns(traced):
        for lead in leads:
            table[lead] = _placed(traced.signals[lead], round(begin * rate), size)
    if traced.strip is not None:
        table[f"strip_{traced.strip_lead or 'unknown'}"] = _placed(traced.strip, 0, size)
    return pd.DataFrame(table)


def write_signals(
    traced: Traced, folder: str | Path, name: str, formats: Sequence[str] = FORMATS
) -> list[Path]:  # fmt: skip
    """Write the signals of a page, each file whole or not at all.

    Args:
        traced: what `ecgstudy.trace` gave.
        folder: where to; made where it is missing.
        name: of the files, without ending. A WFDB record takes letters, digits, `_` and `-` alone: other signs
            become `_` in all the files.
        formats: any of `csv` (`<name>.csv`, see `signal_table`) and `wfdb` (`<name>.hea` and `<name>.dat` with
            16-bit samples of one microvolt, invalid where the table has NaN).

    Returns:
        The files, in the order of `formats`.

    Raises:
        ValueError: a format is unknown, or the name has no sign that a record may have.

    References:
        WFDB records: https://wfdb.io/spec/.
    """
    if unknown := [one for one in formats if one not in FORMATS]:
        raise ValueError(f"unknown signal format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    record = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    if not re.search(r"[A-Za-z0-9]", record):
        raise ValueError(f"{name!r} cannot name a record; use letters or digits")
    table, folder = signal_table(traced), Path(folder)
    written = []
    for one in dict.fromkeys(formats):
        written += _write_csv(table, folder, record) if one == "csv" else _write_wfdb(table, traced, folder, record)
    return written


def _placed(signal: np.ndarray, first: int, size: int) -> np.ndarray:
    """The signal in `size` samples, from sample `first` on; NaN around it."""
    placed = np.full(size, np.nan)
    part = signal[: size - first]
    placed[first : first + part.size] = part
    return placed


def _write_csv(table: pd.DataFrame, folder: Path, record: str) -> list[Path]:
    rounded = table.round(4)
    return [files.write_atomically(folder / f"{record}.csv", lambda temporary: rounded.to_csv(temporary, index=False))]


def _write_wfdb(table: pd.DataFrame, traced: Traced, folder: Path, record: str) -> list[Path]:
    """Header and samples; the header names the samples' file, so both are made under their own names elsewhere."""
    import wfdb  # two seconds, which nobody who only traces should wait for

    signals = table.drop(columns="seconds")
    count = signals.shape[1]
    with tempfile.TemporaryDirectory() as temporary:
        wfdb.wrsamp(
            record, traced.sampling_rate, ["mV"] * count, list(signals.columns), signals.to_numpy(),
            fmt=["16"] * count, adc_gain=[UNITS_PER_MV] * count, baseline=[0] * count, write_dir=temporary,
        )  # fmt: skip
        written = []
        for ending in (".dat", ".hea"):  # the header last: where it stands, its samples stand too
            content = (Path(temporary) / f"{record}{ending}").read_bytes()
            write = functools.partial(Path.write_bytes, data=content)
            written.append(files.write_atomically(folder / f"{record}{ending}", write))
    return written[::-1]
