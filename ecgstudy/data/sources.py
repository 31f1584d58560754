"""Where pages come from: shipped, drawn, a folder of pictures, or a CSV. Each becomes a `Pages`.

Files of the public set are recognised by their SHA-256 and get their groups, layouts and sets by themselves,
whatever folder they lie in.
"""

import csv
import functools
import hashlib
import importlib.resources
import os
import re
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data import pictures
from ecgstudy.data.manifest import Pages, check_manifest
from ecgstudy.pages import layout
from ecgstudy.vocabulary import CLASSES, choose

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
FOLDER_WORDS = (  # tried in this order; the folder names of both published versions and of their re-splits
    ("covid", None),
    ("history", "history"),
    ("abnormal", "abnormal"),
    ("myocardial", "mi"),
    ("normal", "normal"),
)


class Found(NamedTuple):
    """One file as a source names it, before it is opened."""

    path: Path
    label: str
    group: str | None = None
    part: str | None = None  # train or test, where the data come split


def open_pages(
    source: str,
    *,
    pages: Literal["selected", "complete"] = "selected",
    unseen: bool = True,
    on_bad_image: Literal["skip", "error"] = "skip",
    synthetic_pages: int = 240,
    seed: int = 0,
) -> Pages:
    """The pages of any source.

    Args:
        source: `shipped`, `synthetic`, a folder (the public set as published, its `train/` + `test/` re-split,
            or one folder per class), or a CSV with columns `path, class` and optionally `group`.
        pages: `selected` (version 2 of the public set) or `complete` (version 1); other data are all selected.
        unseen: with `selected`, add the pages left out of the selection where they are at hand.
        on_bad_image: `skip` lists a file that is no readable picture and warns; `error` stops.
        synthetic_pages: distinct pages of the source `synthetic`.
        seed: of the synthetic pages.

    Raises:
        ValueError: no such source; a class without a page; a wrong row; a bad picture with `error`.
    """
    if source == "shipped":
        from ecgstudy.data.shipped import load_pages

        return load_pages(pages, unseen=unseen and pages == "selected")
    if source == "synthetic":
        from ecgstudy.data.synthetic import synthetic

        return synthetic(synthetic_pages, seed=seed, unseen=unseen)
    path = Path(source).expanduser()
    if not path.exists():
        raise ValueError(f"{source}: no such folder or CSV; give shipped, synthetic, or the path of your pages")
    root = path if path.is_dir() else path.parent
    found = list(_in_folder(path) if path.is_dir() else _in_table(path))
    return _opened(found, root, pages=pages, unseen=unseen, on_bad_image=on_bad_image)


def class_of_folder(name: str) -> str | None:
    """The class that a folder's name means, None for one that is left out (COVID-19).

    Raises:
        ValueError: the name means no class.
    """
    word = name.strip().lower()
    if word in CLASSES:
        return word
    for part, label in FOLDER_WORDS:
        if part in word:
            return label
    raise ValueError(f"folder {name!r} names no class; use {', '.join(CLASSES)}, or the names of the public set")


def _in_folder(folder: Path) -> Iterator[Found]:
    """All pictures below a folder; the innermost folder name that means a class decides."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in ENDINGS and path.is_file():
            parts = path.relative_to(folder).parts[:-1]
            label = _label_of(parts, path)
            if label is not None:
                part = next((word for word in map(str.lower, parts) if word in ("train", "test")), None)
                yield Found(path, label, part=part)


def _label_of(parts: tuple[str, ...], path: Path) -> str | None:
    for name in reversed(parts):
        try:
            return class_of_folder(name)
        except ValueError:
            continue
    raise ValueError(f"{path}: stands in no folder that names a class; use {', '.join(CLASSES)}")


def _in_table(path: Path) -> Iterator[Found]:
    """The rows of a CSV with columns `path`, `class` (or `label`) and optionally `group`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            label_name = "class" if "class" in names else "label"
            if "path" not in names or label_name not in names:
                raise ValueError(f"{path}: has columns {', '.join(names) or 'none'}; it needs path and class")
            for row in reader:
                yield _table_row(path, reader.line_num, row, label_name)
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8; save the table as UTF-8") from None


def _table_row(path: Path, line: int, row: dict[str, str | None], label_name: str) -> Found:
    if None in row or not row["path"] or not row[label_name]:
        raise ValueError(f"{path}, line {line}: needs a path and a class, and no more cells than the first line")
    try:
        label = choose("class", str(row[label_name]).strip(), CLASSES)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: {error}") from None
    return Found(path.parent / str(row["path"]), label, group=row.get("group") or None)


def _opened(found: list[Found], root: Path, *, pages: str, unseen: bool, on_bad_image: str) -> Pages:
    if not found:
        raise ValueError(f"{root}: no picture found ({', '.join(sorted(ENDINGS))})")
    _known_files()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:  # hashing and decoding release the GIL
        facts = list(pool.map(_facts, found))
    bad = tuple((str(f.path), str(fact)) for f, fact in zip(found, facts, strict=True) if isinstance(fact, Exception))
    if bad and (on_bad_image == "error" or len(bad) == len(found)):
        raise ValueError(f"{bad[0][0]}: {bad[0][1]}")
    if bad:
        warnings.warn(f"{len(bad)} files are no readable pictures and are left out; first: {bad[0][0]}", stacklevel=3)
    rows = [
        {"path": _name(f.path, root)} | fact
        for f, fact in zip(found, facts, strict=True)
        if not isinstance(fact, Exception)
    ]
    manifest = _one_version(pd.DataFrame(rows))
    if pages == "selected" and not unseen:
        manifest = manifest[manifest["selected"]]
    _check_classes(manifest, root)
    manifest = check_manifest(manifest.dropna(axis="columns", how="all").reset_index(drop=True))
    return Pages(
        manifest,
        "page",
        read=lambda path: pictures.read_picture(root / path),
        bad_files=bad,
    )


def _facts(found: Found) -> dict[str, object] | Exception:
    """What the manifest says of one file, or why it cannot be used."""
    try:
        known = _known_files().get(files.file_hash(found.path))
        width, height = pictures.picture_size(found.path)
        if known is not None:
            return known | {"width": width, "height": height, "given_part": found.part}
        picture = pictures.read_picture(found.path)
    except (OSError, ValueError) as error:
        return error
    page_id = hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()[:12]
    return {
        "page_id": page_id, "label": found.label, "selected": True, "group": found.group or page_id,
        "layout": _layout_name(picture), "width": width, "height": height, "given_part": found.part,
    }  # fmt: skip


def _layout_name(picture: np.ndarray) -> str:
    try:
        return layout.find_layout(picture).name
    except ValueError:
        return "other"  # still a page of the reader's own data; what needs its lead boxes will say so


@functools.cache
def public_set() -> pd.DataFrame:
    """The pages of the public set, one row each: `page_id, sha256, label, label_v1, selected, copies, group, ...`."""
    with (importlib.resources.files("ecgstudy.data") / "public_set.csv").open() as file:
        return pd.read_csv(file, dtype={"page_id": str, "group": str, "selected": bool})


@functools.cache
def _known_files() -> dict[str, dict[str, object]]:
    """SHA-256 of a file -> what is known of its page."""
    return public_set().set_index("sha256").drop(columns="copies").to_dict("index")  # type: ignore[return-value]


def _one_version(manifest: pd.DataFrame) -> pd.DataFrame:
    """Where a folder holds both published versions, a page's files of the one with fewer files are dropped.

    Version 1 contains the pages of version 2; counted together they would look like further copies.
    """
    place = manifest["path"].str.replace(r"[^/]*/[^/]*$", "", regex=True)  # the folder above the class folder
    if place.nunique() < 2 or manifest.get("given_part", pd.Series(dtype=object)).notna().any():
        return manifest
    size = manifest[manifest["selected"]].groupby(place).size()
    rank = place.map(size).fillna(0)
    return manifest[rank == rank.groupby(manifest["page_id"]).transform("max")]


def _check_classes(manifest: pd.DataFrame, root: Path) -> None:
    missing = [name for name in CLASSES if name not in set(manifest["label"])]
    if missing:
        raise ValueError(f"{root}: no page of class {', '.join(missing)}; the study needs {', '.join(CLASSES)}")


def _name(path: Path, root: Path) -> str:
    return re.sub(r"\\", "/", os.path.relpath(path, root))
