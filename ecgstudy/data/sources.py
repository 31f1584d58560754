"""Where pages come from: shipped, drawn, a folder of pictures, or a CSV. Each becomes a `Pages`.

Files of the public set are recognised by their SHA-256 and get their groups, layouts and sets by themselves,
whatever folder they lie in.
"""

import csv
import dataclasses
import functools
import importlib.resources
import os
import re
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from ecgstudy import files
from ecgstudy.data import file_facts, pictures
from ecgstudy.data.manifest import Pages, check_manifest
from ecgstudy.vocabulary import CLASSES, choose

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
MOSTLY = 0.5  # share of known files from which a folder holds the public set
FOREIGN = "not a known page of the public set, which the others are"
NO_LEADS = "where its leads are is not known, so it cannot be redrawn"
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
    region: str = "page",
    memory: Path | None = None,
) -> Pages:
    """The pages of any source.

    In a folder that holds the public set, files that are not known are listed and left out: nobody knows what
    they are copies of, or whose.

    Args:
        source: `shipped`, `synthetic`, a folder (the public set as published, its `train/` + `test/` re-split,
            or one folder per class), or a CSV with columns `path, class` and optionally `group`.
        pages: `selected` (version 2 of the public set) or `complete` (version 1); other data are all selected.
        unseen: with `selected`, add the pages left out of the selection where they are at hand.
        on_bad_image: `skip` lists a file that is no readable picture and warns; `error` stops.
        synthetic_pages: distinct pages of the source `synthetic`.
        seed: of the synthetic pages.
        region: what the study will cut out: pages without such a part are bad ones too.
        memory: a JSON file for what was found in files that are not of the public set, so that they are not decoded
            again next time.

    Raises:
        ValueError: no such source; a class without a page; a wrong row; a bad picture with `error`.
    """
    if source == "shipped":
        from ecgstudy.data.shipped import load_pages

        return _with_leads(load_pages(pages, unseen=unseen and pages == "selected"), region)
    if source == "synthetic":
        from ecgstudy.data.synthetic import synthetic

        return synthetic(synthetic_pages, seed=seed, unseen=unseen)
    path = Path(source).expanduser()
    if not source.strip() or not path.exists():
        raise ValueError(
            f"{source or 'an empty path'}: no such folder or CSV; give shipped, synthetic, or the path of your pages"
        )
    root = path if path.is_dir() else path.parent
    found = list(_in_folder(path) if path.is_dir() else _in_table(path))
    return _opened(
        found, root, pages=pages, unseen=unseen, strict=on_bad_image == "error", region=region, memory=memory
    )


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
        raise ValueError(f"{path}: not UTF-8; save the table as UTF-8, or give the folder of the pages") from None
    except csv.Error as error:
        raise ValueError(f"{path}: not readable as CSV ({error})") from None


def _table_row(path: Path, line: int, row: dict[str, str | None], label_name: str) -> Found:
    if None in row or not row["path"] or not row[label_name]:
        raise ValueError(f"{path}, line {line}: needs a path and a class, and no more cells than the first line")
    try:
        label = choose("class", str(row[label_name]).strip(), CLASSES)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: {error}") from None
    return Found(path.parent / str(row["path"]), label, group=row.get("group") or None)


def _opened(
    found: list[Found], root: Path, *, pages: str, unseen: bool, strict: bool, region: str, memory: Path | None
) -> Pages:
    if not found:
        raise ValueError(f"{root}: no picture found ({', '.join(sorted(ENDINGS))})")
    remembered = file_facts.Memory(memory)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:  # hashing and decoding release the GIL
        looked = list(pool.map(lambda file: _row(file, remembered, region), found))
    remembered.keep()
    bad = [(str(f.path), row) for f, row in zip(found, looked, strict=True) if isinstance(row, str)]
    rows = [{"path": _name(f.path, root)} | row for f, row in zip(found, looked, strict=True) if isinstance(row, dict)]
    if bad and (strict or not rows):
        raise ValueError(": ".join(bad[0]))
    manifest = pd.DataFrame(rows)
    is_known = manifest.pop("is_known")
    if is_known.mean() >= MOSTLY:
        bad += [(str(root / path), FOREIGN) for path in manifest.loc[~is_known, "path"]]
        manifest = manifest[is_known]
    if bad:
        warnings.warn(f"{len(bad)} files are left out; the first is {': '.join(bad[0])}", stacklevel=3)
    manifest = _one_version(manifest)
    if pages == "selected" and not unseen:
        manifest = manifest[manifest["selected"]]
    _check_classes(manifest, root)
    manifest = check_manifest(manifest.dropna(axis="columns", how="all").reset_index(drop=True))
    return Pages(manifest, "page", read=lambda path: pictures.read_picture(root / path), bad_files=tuple(bad))


def _row(found: Found, memory: file_facts.Memory, region: str) -> dict[str, object] | str:
    """What the manifest says of one file, or why it cannot be used."""
    try:
        width, height = pictures.picture_size(found.path)  # first: it knows what can be opened at all
        digest = files.file_hash(found.path)
        known = _known_files().get(digest)
        if known is not None:
            row = known | {"width": width, "height": height, "is_known": True}
            problem = ""
        else:
            facts = memory.facts(found.path, digest)
            row = {
                "page_id": facts.page_id, "label": found.label, "selected": True, "group": found.group or facts.page_id,
                "layout": facts.layout or "other", "width": facts.width, "height": facts.height, "is_known": False,
            }  # fmt: skip
            problem = facts.problem
    except (OSError, ValueError) as error:
        return str(error).removeprefix(f"{found.path}: ")
    if region in ("grid", "redrawn") and problem:
        return f"no waveform area was found on it ({problem}); region page needs none"
    if region == "redrawn" and row["layout"] == "other":
        return NO_LEADS
    return row | {"given_part": found.part}


def _with_leads(pages: Pages, region: str) -> Pages:
    """Packed pages that the region can be made from."""
    other = pages.manifest["layout"] == "other"
    if region != "redrawn" or not other.any():
        return pages
    bad = tuple((path, NO_LEADS) for path in pages.manifest.loc[other, "path"])
    return dataclasses.replace(pages, manifest=pages.manifest[~other].reset_index(drop=True), bad_files=bad)


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
