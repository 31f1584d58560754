"""The blank sheet of each layout: where columns, rows, frame and grid are, in pixels of a full page.

Measured on the public set at 200 dots per inch. Header and footer are our own words, none of the device's.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecgstudy.vocabulary import LEADS

HEIGHT, WIDTH = 1572, 2213  # pixels of a full page
PIXELS_PER_MV = 78.7
PIXELS_PER_SECOND = 196.6
GRID_PITCH = 39.735  # pixels between two strong lines of the printed grid; its own scale, 1 % off the trace's
FRAME_RED, RULE_BLACK = (243, 166, 171), (10, 10, 10)
_FIRST_STRONG = (105.0, 324.0)  # x, y of one crossing of strong grid lines


@dataclass(frozen=True)
class Sheet:
    """Geometry of one layout, in pixels of a full page; edges are left, top, right, bottom."""

    name: str
    frame: tuple[int, int, int, int]  # the waveform area
    has_grid: bool
    columns: tuple[float, ...]  # x where the columns begin, and where the last one ends
    zero_lines: tuple[float, ...]  # y of each row
    rows: tuple[tuple[str, ...], ...]  # leads of each row, from left to right
    separators: tuple[float, float]  # y from and to
    strip_zero_line: float | None
    bandwidth_hz: float

    @property
    def seconds(self) -> float:
        """Length of one lead."""
        return 10.0 / (len(self.columns) - 1)


def _rows(columns: int) -> tuple[tuple[str, ...], ...]:
    per_column = 12 // columns
    return tuple(tuple(LEADS[row + per_column * column] for column in range(columns)) for row in range(per_column))


_TWO_COLUMNS, _FOUR_COLUMNS = (153.0, 1136.0, 2119.0), (153.0, 644.5, 1136.0, 1627.5, 2119.0)
SHEETS = {
    sheet.name: sheet
    for sheet in (
        Sheet("3x4", (68, 283, 2177, 1518), True, _FOUR_COLUMNS, (464, 766, 1067), _rows(4), (420, 1109), 1367, 25.0),
        Sheet("6x2plain", (68, 283, 2177, 1518), False, _TWO_COLUMNS, (401, 570, 741, 912, 1086, 1258), _rows(2),
              (357, 1301), 1431, 45.0),
        Sheet("6x2grid", (68, 402, 2177, 1518), True, _TWO_COLUMNS, (563, 751, 933, 1113, 1304, 1479), _rows(2),
              (423, 1504), None, 100.0),
    )
}  # fmt: skip


def sheet(layout: str, *, rng: np.random.Generator | None = None) -> Sheet:
    """The sheet of a layout; rows of `6x2grid` stand where the device put them, so `rng` moves them."""
    plain = SHEETS[layout]
    if layout != "6x2grid" or rng is None:
        return plain
    first, last = plain.zero_lines[0], plain.zero_lines[-1]
    gaps = 105 + rng.dirichlet(np.full(5, 6.0)) * (last - first - 5 * 105)
    return replace(plain, zero_lines=tuple(np.round(first + np.concatenate([[0], np.cumsum(gaps)]))))


@lru_cache(maxsize=8)
def blank(name: str, frame: tuple[int, int, int, int], has_grid: bool, furniture: bool = True) -> np.ndarray:
    """The full page before anything is written on it, `(HEIGHT, WIDTH, 3)` uint8, read-only: copy it.

    `furniture` are the rules and words of header and footer that stand on every page.
    """
    page = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    if has_grid:
        _grid(page, frame)
        left, top, right, bottom = frame
        for inset in range(4):  # four pixels wide, all of them inside the frame's box
            cv2.rectangle(page, (left + inset, top + inset), (right - 1 - inset, bottom - 1 - inset), FRAME_RED, 1)
    if furniture:
        for y in (136, 142):
            page[y : y + 4, 68:2155] = RULE_BLACK
        write(page, "SYNTHETIC PAGE", (940, 62), 44)
        write(page, "drawn from known signals", (70, 93), 27)
        write(page, "no person, no device", (1557, 204), 27)
    page.flags.writeable = False
    return page


def _grid(page: np.ndarray, frame: tuple[int, int, int, int]) -> None:
    """Dots on a lattice of one millimetre, strong lines every five, in place."""
    left, top, right, bottom = frame
    page[top:bottom, left:right] = (254, 250, 252)
    x, x_line = _lattice(_FIRST_STRONG[0], left + 5, right - 5)
    y, y_line = _lattice(_FIRST_STRONG[1], top + 5, bottom - 5)
    for at in x[x_line % 10 == 0]:
        page[top:bottom, at - 1 : at + 2] = (255, 245, 246)
    for at in y[y_line % 10 == 0]:
        page[at - 1 : at + 2, left:right] = (255, 245, 246)
    column, row = np.meshgrid(x_line, y_line)
    strong = (column % 10 == 0) | (row % 10 == 0)
    minor = (column % 2 == 0) & (row % 2 == 0) & ~strong
    minor &= (column % 10 != 2) | (row % 10 == 2)  # the printer leaves these out
    faint = (column % 2 == 1) & (row % 2 == 0) & ~strong & (column % 10 > 2)
    for which, colour in ((strong, (86, 70, 70)), (minor, (104, 92, 92)), (faint, (212, 206, 205))):
        rows, columns = np.nonzero(which)
        page[y[rows], x[columns]] = colour


def _lattice(strong: float, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of all half-millimetre lines between two edges, and their numbers (multiples of ten are strong)."""
    step = GRID_PITCH / 10
    number = np.arange(int(np.ceil((low - strong) / step)), int((high - strong) / step) + 1)
    return np.round(strong + number * step).astype(int), number


def write(page: np.ndarray, text: str, corner: tuple[int, int], size: int) -> None:
    """Black serif letters in place; `corner` is the left end of the base line, x then y."""
    ink = _letters(text, size)
    height, width = ink.shape
    left, top = corner[0], corner[1] - size
    rows = slice(max(top, 0), min(top + height, page.shape[0]))
    columns = slice(max(left, 0), min(left + width, page.shape[1]))
    part = ink[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    page[rows, columns][part] = 0


@lru_cache(maxsize=512)
def _letters(text: str, size: int) -> np.ndarray:
    """The ink of a text as bool `(size above the base line and a quarter below it, width)`."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "STIXGeneral.ttf"  # comes with matplotlib
    font = ImageFont.truetype(path, size)
    image = Image.new("L", (int(font.getlength(text)) + 2, size + size // 4))
    ImageDraw.Draw(image).text((0, size), text, fill=255, font=font, anchor="ls")
    return np.asarray(image) > 110
