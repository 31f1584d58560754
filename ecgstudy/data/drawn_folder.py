"""Drawn pages as files, with a table of what is true of them."""

from collections.abc import Callable
from pathlib import Path

import PIL.Image

from ecgstudy import files
from ecgstudy.data.synthetic import synthetic
from ecgstudy.vocabulary import LAYOUTS, choose

TABLE = "pages.csv"


def draw_folder(
    folder: Path,
    *,
    pages: int = 240,
    seed: int = 0,
    layouts: tuple[str, ...] = ("3x4",),
    progress: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the source `synthetic` as PNG files, one folder per class, and `pages.csv` beside them.

    Args:
        folder: new or empty.
        pages: distinct selected pages, at least 24; copies and left-out pages come on top, as in the public set.
        seed: of everything.
        layouts: `3x4`, `6x2plain`, `6x2grid`; drawn at random where there are several.
        progress: takes a line now and then.

    Returns:
        The table: `path, class, group`, then the truth: layout, rate, wall of the heart or rhythm, the leads
        that carry the class, and whether the page is one of the selected. Every command takes it as `--data`.

    Raises:
        ValueError: the folder holds something already, an unknown layout, or too few pages.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: not empty; name a new folder")
    for layout in layouts:
        choose("layout", layout, [name for name in LAYOUTS if name != "other"])
    drawn = synthetic(pages, seed=seed, layouts=layouts)
    names = drawn.manifest["path"].str.removeprefix("synthetic/")
    for at, (page_id, name) in enumerate(zip(drawn.manifest["page_id"], names, strict=True)):
        picture = PIL.Image.fromarray(drawn.picture(page_id))
        files.write_atomically(folder / name, picture.save)
        if at % 100 == 99:
            progress(f"{at + 1} of {len(names)} files")
    truth = drawn.manifest.drop(columns=["path", "page_id", "width", "height", "number"]).rename(
        columns={"label": "class"}
    )
    truth.insert(0, "path", names)
    return files.write_atomically(folder / TABLE, lambda path: truth.to_csv(path, index=False))
