"""Figures that show pages: a gallery, where a layout's leads are, heat maps on a page.

Only the waveform area is ever drawn: header and footer of an original print a record number and a day.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ecgstudy.data import images
from ecgstudy.data.manifest import Pages
from ecgstudy.explanation.trials import PlantedCases
from ecgstudy.pages.layout import Box, PageLayout
from ecgstudy.report import style, tables
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES

GAP = 0.06  # between the pictures of a gallery, as a share of one picture's width


@style.drawing
def plot_pages(rows: pd.DataFrame, pages: Pages, ax: Axes | None = None, *, columns: int | None = None) -> Axes:
    """A gallery of pages, one class under the other.

    Args:
        rows: `page_id, label`, and `title` where a line above each page is wanted.
        pages: that hold them.
        columns: pages in one row; by default as many as the largest class has here, four at most.
    """
    rows = rows.sort_values("label", key=lambda labels: labels.map(CLASSES.index), kind="stable")
    columns = columns or min(4, int(rows.label.value_counts().max()))
    lines = [
        rows[rows.label == label].iloc[at : at + columns]
        for label in CLASSES
        for at in range(0, sum(rows.label == label), columns)
    ]
    titles = [[f"{CLASS_TITLES[row.label]}{_after(row)}" for row in tables.each(line)] for line in lines]
    pictures = [[waveform_picture(pages, page_id) for page_id in line.page_id] for line in lines]
    return _gallery(pictures, titles, ax)


def most_copied(manifest: pd.DataFrame, *, per_class: int) -> pd.DataFrame:
    """The selected pages that most files show: `page_id, label, title` (the number of files)."""
    selected = manifest[manifest["selected"].astype(bool)]
    counts = selected.groupby(["page_id", "label"]).size().rename("files").reset_index()
    rows = counts.sort_values(["files", "page_id"], ascending=[False, True]).groupby("label").head(per_class)
    title = [f"{files} file{'s' * (files != 1)}" for files in rows["files"]]
    return rows.assign(title=title)[["page_id", "label", "title"]].reset_index(drop=True)


@style.drawing
def plot_maps(
    pictures: Sequence[np.ndarray],
    maps: np.ndarray,
    titles: Sequence[str],
    ax: Axes | None = None,
    *,
    layouts: Sequence[PageLayout] | None = None,
    columns: int = 3,
) -> Axes:
    """Heat maps laid over their pages: red speaks for the class, blue against it; pale means little either way.

    Args:
        pictures: uint8, each `(height, width, 3)`.
        maps: float, one `(height, width)` for each picture, of any scale; each is
            shown relative to its own largest value.
        titles: one line above each page.
        layouts: of the pictures; whole pages need them, so that header and footer are left out.
        columns: pages in one row.
    """
    shown = [overlay(picture, heat) for picture, heat in zip(pictures, maps, strict=True)]
    if layouts is not None:
        shown = [_waveform(picture, layout) for picture, layout in zip(shown, layouts, strict=True)]
    rows = [slice(at, at + columns) for at in range(0, len(shown), columns)]
    titles = list(titles)
    return _gallery([shown[row] for row in rows], [titles[row] for row in rows], ax)


@style.drawing
def plot_planted(cases: PlantedCases, ax: Axes | None = None, *, columns: int = 2) -> Axes:
    """Maps of drawn pages over the place where their infarction was planted.

    Black outlines: the changed part of the beats, where a map should lie. Green: all of the leads over the sick wall.

    Args:
        cases: as `es.planted_cases` gives them.
        columns: pages in one row.
    """
    ax = plot_maps(cases.pictures, cases.maps, cases.titles, ax, columns=columns)
    row_height = _row_height(cases.pictures)
    for number, (wall, truth) in enumerate(zip(cases.walls, cases.truths, strict=True)):
        place = _place(number // columns, number % columns, wall, row_height)
        for mask, colour in ((wall, style.CLASS_COLOURS["normal"]), (truth, style.INK)):
            ax.contour(mask.astype(float), [0.5], extent=place, origin="upper", colors=[colour], linewidths=0.9)
    return ax


def overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The page in grey with a map over it.

    Args:
        picture: uint8, `(height, width, 3)`.
        heat: `(height, width)`; positive parts turn red, negative ones blue, relative to the largest magnitude.

    Returns:
        uint8, `(height, width, 3)`.

    Raises:
        ValueError: map and picture differ in size.
    """
    if heat.shape != picture.shape[:2]:
        raise ValueError(f"map of shape {heat.shape} over a picture of {picture.shape[:2]}; both need one size")
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    strength = (heat / max(float(np.abs(heat).max()), 1e-12))[..., None]
    colour = np.where(strength > 0, np.array([213.0, 40, 20]), np.array([30.0, 90, 200])) / 255
    # multiplied, not mixed: white paper takes the colour and the black trace stays black
    return (grey * (1 - np.abs(strength) * (1 - colour))).astype(np.uint8)


def waveform_picture(pages: Pages, page_id: str) -> np.ndarray:
    """The waveform area of a page, without header and footer, uint8 RGB `(height, width, 3)`."""
    return images.region_picture(pages.picture(page_id), "grid", source_region=pages.region)


@style.drawing
def plot_lead_boxes(picture: np.ndarray, layout: PageLayout, ax: Axes | None = None) -> Axes:
    """A page's waveform area with the lead boxes that were found on it.

    Args:
        picture: uint8, `(height, width, 3)`.
        layout: of this picture, as `es.find_layout` gives it.
    """
    height, width = picture.shape[:2]
    rows, columns = layout.frame.pixels(height, width)
    shown = _waveform(picture, layout)
    ax = style.new_axes(7.2, 7.2 * shown.shape[0] / shown.shape[1] + 0.3, ax)
    left, top = columns.start or 0, rows.start or 0
    ax.imshow(shown, extent=(left, left + shown.shape[1], top + shown.shape[0], top), interpolation="antialiased")
    _box(ax, layout.frame, height, width, color=style.SOFT, linestyle="--")
    boxes = dict(layout.leads)
    if layout.strip is not None:
        boxes[f"strip ({layout.strip_lead or '?'})"] = layout.strip
    for name, box in boxes.items():
        _box(ax, box, height, width, color=style.PROTOCOL_COLOURS["grouped"])
        where = (box.left * width + 3, box.top * height + 3)
        ax.text(
            *where,
            name,
            va="top",
            fontsize=7,
            color="white",
            bbox={"facecolor": style.PROTOCOL_COLOURS["grouped"], "edgecolor": "none", "pad": 1},
        )
    ax.set_title(f"layout {layout.name}")
    ax.set_axis_off()
    return ax


def _waveform(picture: np.ndarray, layout: PageLayout) -> np.ndarray:
    rows, columns = layout.frame.pixels(*picture.shape[:2])
    return picture[rows, columns]


def _box(ax: Axes, box: Box, height: int, width: int, **look: Any) -> None:
    size = ((box.right - box.left) * width, (box.bottom - box.top) * height)
    ax.add_patch(Rectangle((box.left * width, box.top * height), *size, fill=False, linewidth=1, **look))


def _gallery(pictures: list, titles: list, ax: Axes | None) -> Axes:
    """Rows of pictures on one pair of axes, each one unit wide."""
    columns = max(len(line) for line in pictures)
    row_height = _row_height([picture for line in pictures for picture in line])
    unit = min(3.2, 9.6 / columns)  # inches
    ax = style.new_axes(unit * columns * (1 + GAP), unit * row_height * len(pictures), ax)
    for row, line in enumerate(pictures):
        for column, picture in enumerate(line):
            place = _place(row, column, picture, row_height)
            ax.imshow(picture, extent=place, interpolation="antialiased")
            ax.text(place[0], place[3] + 0.02, titles[row][column], fontsize=7.5, weight="bold")
    ax.set(xlim=(0, columns * (1 + GAP) - GAP), ylim=(-(len(pictures) * row_height) + 0.1, 0.12), aspect="equal")
    ax.set_axis_off()
    return ax


def _row_height(pictures: Iterable[np.ndarray]) -> float:
    return max(picture.shape[0] / picture.shape[1] for picture in pictures) + 0.12  # with room for the title


def _place(row: int, column: int, picture: np.ndarray, row_height: float) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a picture in a gallery."""
    left, top = column * (1 + GAP), -row * row_height
    return left, left + 1, top - picture.shape[0] / picture.shape[1], top


def _after(row: Any) -> str:
    title = getattr(row, "title", "")
    return f", {title}" if title else ""
