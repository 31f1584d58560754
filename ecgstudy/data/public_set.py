"""How `public_set.csv` was made: one row per distinct page of the public set, from the originals.

What headers and footers print (record number, rate, month) was read beforehand; the record number only enters as
a renumbered group, the date only as its month.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import PIL.Image

from ecgstudy import files
from ecgstudy.data import pictures
from ecgstudy.pages import layout

COLUMNS = (
    "page_id", "sha256", "label", "label_v1", "selected", "copies", "group", "layout", "printed_bpm", "month",
    "lead_off", "low_quality", "strip_lead",
)  # fmt: skip
_USUAL_QUANTISER = 12  # first luminance quantiser of most originals; pages saved at lower quality have 27


def write_public_set(complete: Path, tables: Path, path: Path) -> Path:
    """Write `public_set.csv`, whole or not at all; see `public_set_table`."""
    table = public_set_table(complete, tables)
    return files.write_atomically(path, lambda temporary: table.to_csv(temporary, index=False, lineterminator="\n"))


def public_set_table(complete: Path, tables: Path) -> pd.DataFrame:
    """What the study knows of each distinct page, sorted by `page_id`.

    Args:
        complete: folder with the original files of version 1, which contains those of version 2.
        tables: folder with `manifest.csv` and `manifest_v1.csv` (`path, sha256, distinct` of the files of the two
            versions) and `pages.csv` (`distinct, label, label_v1, group, printed_bpm, month, lead_off`).

    Returns:
        A table with `COLUMNS`: `copies` counts the files of version 2 that show the page (0 for pages left out of
        it), `lead_off` is what the footer says, `low_quality` a stronger JPEG compression than usual.

    Raises:
        ValueError: a file is missing, is not what the manifest says, or its layout cannot be found.
    """
    second, first = (pd.read_csv(tables / name) for name in ("manifest.csv", "manifest_v1.csv"))
    facts = pd.read_csv(tables / "pages.csv", dtype={"month": str}).set_index("distinct")
    distinct = first.drop_duplicates("distinct").set_index("distinct")
    with ThreadPoolExecutor() as pool:
        measured = pool.map(lambda row: _measure(complete / row[0], row[1]), distinct[["path", "sha256"]].to_numpy())
        table = pd.DataFrame(list(measured), index=distinct.index).join(facts, how="left", rsuffix="_read")
    table["copies"] = second["distinct"].value_counts().reindex(table.index, fill_value=0).astype(int)
    table["selected"] = table["copies"] > 0
    table["lead_off"] = table["lead_off"] == "yes"
    table["printed_bpm"] = table["printed_bpm"].astype("Int64")
    if table["page_id"].duplicated().any() or table["label"].isna().any():
        raise ValueError(f"{tables}: a page stands twice, or pages.csv lacks one")
    return table.sort_values("page_id").reset_index(drop=True)[list(COLUMNS)]


def _measure(path: Path, sha256: str) -> dict[str, object]:
    """What one original file says of itself."""
    if not path.is_file() or files.file_hash(path) != sha256:
        raise ValueError(f"{path}: missing or not the published file; restore the originals")
    picture = pictures.read_picture(path)
    where = layout.find_layout(picture)
    with PIL.Image.open(path, formats=("JPEG",)) as image:
        quantiser = image.quantization[0][0]  # type: ignore[attr-defined]
    return {
        "page_id": hashlib.sha256(picture.tobytes()).hexdigest()[:12], "sha256": sha256, "layout": where.name,
        "strip_lead": where.strip_lead, "low_quality": quantiser > _USUAL_QUANTISER,
    }  # fmt: skip
