"""The traced signals of a page as files: CSV for spreadsheets, WFDB for programs that read ECGs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.pages.beats import PAGE_SECONDS, columns
from ecgstudy.pages.trace import Traced
from ecgstudy.vocabulary import choose

UNITS_PER_MV = 1000  # of the 16-bit samples: one microvolt each
_UNKNOWN = -32768  # what WFDB calls an invalid sample of format 16


def write_signals(traced: Traced, folder: Path, name: str, formats: Sequence[str] = ("csv", "wfdb")) -> list[Path]:
    """The traces of one page in several formats.

    Args:
        traced: the signals.
        folder: where they go.
        name: of the page.
        formats: names of `FORMATS`.
    """
    written: list[Path] = []
    for form in formats:
        done = FORMATS[choose("format", form, list(FORMATS))](traced, folder / name)
        written += done
    return written


def signal_table(traced: Traced) -> pd.DataFrame:
    """Ten seconds of the page: `seconds`, a column of millivolts per lead, and `strip_<lead>` where there is a strip.

    A lead is NaN before and after its own column of the page, and where its trace cannot be read.
    """
    rate = traced.sampling_rate
    size = round(PAGE_SECONDS * rate)
    table = {"seconds": np.arange(size) / rate}
    for begin, leads in columns(traced):
        first = round(begin * rate)
        for lead in leads:
            table[lead] = np.full(size, np.nan)
            signal = traced.signals[lead][: size - first]
            table[lead][first : first + signal.size] = signal
    if traced.strip is not None:
        strip = np.full(size, np.nan)
        strip[: traced.strip.size] = traced.strip[:size]
        table[f"strip_{traced.strip_lead or 'unknown'}"] = strip
    return pd.DataFrame(table)


def write_csv(traced: Traced, path: Path) -> Path:
    """`signal_table` as CSV, millivolts to the microvolt."""
    table = signal_table(traced).round(4)
    return files.write_atomically(path, lambda temporary: table.to_csv(temporary, index=False))


def _csv(traced: Traced, path: Path) -> list[Path]:
    return [write_csv(traced, path.with_name(f"{path.name}.csv"))]


def write_wfdb(traced: Traced, path: Path) -> list[Path]:
    """The same as a WFDB record: `<name>.dat` with 16-bit samples and `<name>.hea`, which says what they are.

    Args:
        traced: the signals.
        path: with or without suffix; its name becomes the record's, with letters, digits and underscores alone.

    References:
        https://physionet.org/physiotools/wag/header-5.htm and signal-5.htm (format 16).
    """
    table = signal_table(traced).drop(columns="seconds")
    name = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in path.stem)
    samples = np.clip(np.nan_to_num(table.to_numpy() * UNITS_PER_MV, nan=_UNKNOWN).round(), _UNKNOWN, 32767)
    data = samples.astype("<i2")
    lines = [f"{name} {data.shape[1]} {traced.sampling_rate:g} {data.shape[0]}"]
    for lead, values in zip(table.columns, data.T, strict=True):
        checksum = int(values.astype(np.int64).sum()) & 0xFFFF
        checksum -= 0x10000 if checksum >= 0x8000 else 0
        lines.append(f"{name}.dat 16 {UNITS_PER_MV}/mV 16 0 {values[0]} {checksum} 0 {lead}")
    body = path.with_name(f"{name}.dat")
    files.write_atomically(body, lambda temporary: temporary.write_bytes(data.tobytes()))
    header = path.with_name(f"{name}.hea")
    files.write_atomically(header, lambda temporary: temporary.write_text("\n".join(lines) + "\n", encoding="ascii"))
    return [header, body]


FORMATS: dict[str, Callable[[Traced, Path], list[Path]]] = {"csv": _csv, "wfdb": write_wfdb}
