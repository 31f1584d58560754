"""A set of pages: its manifest (one row per file) and a way to read its pictures."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.vocabulary import CLASSES, LAYOUTS, MANIFEST_COLUMNS, choose

TEXT_COLUMNS = {name: "string" for name in ("path", "page_id", "label", "label_v1", "group", "layout", "month")}


@dataclass(frozen=True)
class Pages:
    """Many pages: what is known of each, and their pictures on demand.

    Attributes:
        manifest: one row per file, `vocabulary.MANIFEST_COLUMNS` and what else the source knows
            (`label_v1`, `printed_bpm`, `month`, `lead_off`, `low_quality`).
        region: what a picture shows: `grid` (the waveform area, as packed pages do) or `page`.
        read: path as in the manifest -> picture, uint8 RGB `(height, width, 3)`.
        bad_files: files that were left out, each with the reason.
    """

    manifest: pd.DataFrame
    region: str
    read: Callable[[str], np.ndarray]
    bad_files: tuple[tuple[str, str], ...] = ()

    @functools.cached_property
    def distinct(self) -> pd.DataFrame:
        """One row per distinct page: its first file."""
        return self.manifest.drop_duplicates("page_id").reset_index(drop=True)

    @functools.cached_property
    def _first_path(self) -> dict[str, str]:
        return dict(zip(self.distinct["page_id"], self.distinct["path"], strict=True))

    def picture(self, page_id: str) -> np.ndarray:
        """The picture of one page, uint8 RGB `(height, width, 3)`.

        Raises:
            ValueError: there is no such page, or its file cannot be read.
        """
        if page_id not in self._first_path:
            raise ValueError(f"no page {page_id!r} among these {len(self._first_path)}; the manifest lists them")
        return self.read(self._first_path[page_id])

    @functools.cached_property
    def data_hash(self) -> str:
        """Hash of what the pages are, whatever the order or the place of their files."""
        rows = self.manifest[["page_id", "label", "selected", "group", "layout"]].astype(str).agg("|".join, axis=1)
        return files.content_hash(self.region, *sorted(rows))


def check_manifest(manifest: pd.DataFrame) -> pd.DataFrame:
    """Give a manifest back if every row can be used.

    Raises:
        ValueError: a column is missing, a label or layout is unknown, a path stands twice, a page has two
            labels, or there is no row.
    """
    missing = [name for name in MANIFEST_COLUMNS if name not in manifest.columns]
    if missing:
        raise ValueError(f"manifest without column {', '.join(missing)}; it needs {', '.join(MANIFEST_COLUMNS)}")
    if manifest.empty:
        raise ValueError("manifest without a row: no page was found")
    for label in manifest["label"].unique():
        choose("class", str(label), CLASSES)
    for layout in manifest["layout"].unique():
        choose("layout", str(layout), LAYOUTS)
    doubled = manifest["path"][manifest["path"].duplicated()]
    if len(doubled):
        raise ValueError(f"{doubled.iloc[0]}: stands twice in the manifest")
    labels = manifest.groupby("page_id")["label"].nunique()
    if (labels > 1).any():
        page = labels.idxmax()
        paths = manifest.loc[manifest["page_id"] == page, "path"].tolist()
        raise ValueError(f"page {page} stands under two classes: {', '.join(paths[:3])}")
    return manifest


def write_manifest(manifest: pd.DataFrame, path: Path) -> Path:
    """Write a manifest as CSV, whole or not at all."""
    return files.write_atomically(path, lambda temporary: manifest.to_csv(temporary, index=False))


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest back.

    Raises:
        ValueError: there is none, or it is not one.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: no manifest yet; `es.open_study(study)` makes it")
    try:
        return check_manifest(pd.read_csv(path, dtype=TEXT_COLUMNS, keep_default_na=True))
    except ValueError as error:  # pandas' own for what is no CSV are such, too
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: damaged ({reason}); `es.open_study(study)` makes it anew") from None
