"""Scan and photo damage in five severities, and masks for controls and occlusion.

Damage is what happens to paper on its way into a computer; strengths are relative to the picture's size, so
packed and full pages suffer alike. A mask takes something away and leaves the page's own empty paper.
"""

from collections.abc import Callable

import cv2
import numpy as np

from ecgstudy.pages.ink import ink
from ecgstudy.pages.layout import Box, PageLayout, find_layout
from ecgstudy.pages.near_copies import reencoded
from ecgstudy.pages.paper import GRID_PITCH, PIXELS_PER_MV
from ecgstudy.vocabulary import choose

SEVERITIES = (1, 2, 3, 4, 5)
_PAPER_WHITE = (255, 255, 255)
_INK_FROM = 0.16  # weaker than that is paper, grid or the noise of compression
_INK_MARGIN_MM = 0.8  # a stroke's soft edge and the ripples that compression leaves around it
_FRAME_MM = 1.2  # the frame's line and a little to both sides of it


def damage(picture: np.ndarray, kind: str, severity: int, *, seed: int) -> np.ndarray:
    """The picture after one accident.

    Args:
        picture: uint8 RGB `(height, width, 3)`.
        kind: one of `DAMAGES`.
        severity: 1 (hardly seen) to 5 (still legible for a patient reader).
        seed: same seed, same accident; directions and places depend on it, not on the severity.

    Returns:
        uint8 RGB of the same shape.

    Raises:
        ValueError: unknown kind or severity.
    """
    choose("damage", kind, tuple(DAMAGES))
    if severity not in SEVERITIES:
        raise ValueError(f"unknown severity {severity!r} of {kind}; choose from 1 to 5")
    rng = np.random.default_rng([seed, list(DAMAGES).index(kind)])
    return DAMAGES[kind](picture, severity - 1, rng)


def _rotation(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    degrees = (0.5, 1.0, 2.0, 3.5, 5.0)[step] * rng.choice([-1, 1])
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=_PAPER_WHITE)


def _perspective(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32)
    inward = np.where(corners > 0, -1, 1) * rng.uniform(0.2, 1.0, (4, 2))
    moved = corners + (0.01, 0.02, 0.035, 0.055, 0.08)[step] * inward
    size = np.array([width, height])
    matrix = cv2.getPerspectiveTransform((corners * size).astype(np.float32), (moved * size).astype(np.float32))
    return cv2.warpPerspective(picture, matrix, (width, height), borderValue=_PAPER_WHITE)


def _blur(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), picture.shape[1] * (0.0006, 0.001, 0.0015, 0.0022, 0.0032)[step])


def _jpeg(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    return reencoded(picture, (50, 30, 18, 10, 5)[step])


def _shadow(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    """The photographer's hand: one side of a slanted, soft edge lies in the dark."""
    x, y = _coordinates(picture)
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.7)
    across = (x - place) * np.cos(angle) + (y - place) * np.sin(angle)
    dark = 1 / (1 + np.exp(-across / 0.06))
    return _multiplied(picture, 1 - (0.15, 0.3, 0.42, 0.54, 0.66)[step] * dark)


def _crease(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    """The paper was folded: beside each fold it is bent, so lines jump a little, and one side is darker."""
    height, width = picture.shape[:2]
    x, y = _coordinates(picture)
    shift, light = np.zeros((height, width), np.float32), np.ones((height, width), np.float32)
    for fold in range((1, 1, 2, 3, 4)[step]):
        angle = rng.uniform(-0.12, 0.12) + (np.pi / 2 if fold % 2 else 0)
        place = rng.uniform(0.15, 0.85)
        across = (x - place) * np.cos(angle) + (y - place) * np.sin(angle)
        near = np.exp(-np.abs(across) / 0.012)
        shift += (0.001, 0.002, 0.003, 0.0045, 0.006)[step] * width * near * np.sign(across)
        light -= (0.12, 0.2, 0.28, 0.36, 0.44)[step] * near * (0.6 + 0.4 * np.sign(across))
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bent = cv2.remap(picture, columns + shift, rows + shift, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _multiplied(bent, light)


def _low_contrast(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    """Faded ink on paper that has turned grey."""
    paper, share = ((243, 0.75), (235, 0.55), (227, 0.4), (219, 0.28), (211, 0.18))[step]
    return np.round(paper + share * (picture.astype(np.float32) - 255)).astype(np.uint8)


def _stain(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    """Coffee: blots with a darker rim, through which the ink is still seen."""
    x, y = _coordinates(picture)
    light = np.ones(picture.shape, np.float32)
    for _ in range((1, 2, 3, 5, 7)[step]):
        size, across, down = rng.uniform(0.05, 0.13), rng.uniform(0.05, 0.95), rng.uniform(0.05, 0.6)
        angle, lobes = np.arctan2(y - down, x - across), rng.integers(3, 6)
        reach = np.hypot(x - across, y - down) / (size * (1 + 0.12 * np.sin(lobes * angle + rng.uniform(0, 6))))
        strength = 0.75 / (1 + np.exp((reach - 1) / 0.04)) + 0.5 * np.exp(-(((reach - 0.97) / 0.05) ** 2))
        tint = np.array([0.3, 0.45, 0.65], np.float32) * (0.4, 0.55, 0.7, 0.85, 1.0)[step]
        light *= 1 - np.clip(strength, 0, 1)[..., None].astype(np.float32) * tint
    return _multiplied(picture, light)


def _downsampling(picture: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = (1.25, 1.5, 2.0, 2.75, 3.5)[step]
    small = cv2.resize(picture, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


DAMAGES: dict[str, Callable[[np.ndarray, int, np.random.Generator], np.ndarray]] = {
    "rotation": _rotation,
    "perspective": _perspective,
    "blur": _blur,
    "jpeg": _jpeg,
    "shadow": _shadow,
    "crease": _crease,
    "low_contrast": _low_contrast,
    "stain": _stain,
    "downsampling": _downsampling,
}


def empty_paper(picture: np.ndarray, *, layout: PageLayout | None = None) -> np.ndarray:
    """The page without any ink: its own paper, grid and frame, no trace, pulse, letter or rule.

    Args:
        picture: uint8 RGB.
        layout: of this picture; found on it by default.
    """
    layout = layout or find_layout(picture)
    mask = _wide(_ink_mask(picture, layout), layout)
    return _filled(picture, mask, ~mask, layout)


def without_trace(picture: np.ndarray, *, layout: PageLayout | None = None) -> np.ndarray:
    """The page without what is written in its waveform area: header and footer stay.

    Strokes that begin in the waveform area go with all that hangs on them, so a peak that rises into the
    header goes too.
    """
    layout = layout or find_layout(picture)
    mask = _ink_mask(picture, layout)
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8))
    inside = np.zeros(count, dtype=bool)
    inside[np.unique(pieces[layout.frame.pixels(*picture.shape[:2])])] = True
    inside[0] = False  # of the paper between the strokes
    return _filled(picture, _wide(inside[pieces], layout), ~_wide(mask, layout), layout)


def masked(
    picture: np.ndarray, box: Box, *, layout: PageLayout | None = None, paper: np.ndarray | None = None
) -> np.ndarray:
    """The page with empty paper in a box.

    Args:
        picture: uint8 RGB.
        box: what to hide, a lead's box say.
        layout: of this picture; found on it by default.
        paper: `empty_paper` of this picture, where many boxes of one page are hidden in turn.
    """
    hidden = picture.copy()
    part = box.pixels(*picture.shape[:2])
    hidden[part] = (empty_paper(picture, layout=layout) if paper is None else paper)[part]
    return hidden


def only(
    picture: np.ndarray, box: Box, *, layout: PageLayout | None = None, paper: np.ndarray | None = None
) -> np.ndarray:
    """The page with empty paper everywhere but in a box; arguments as for `masked`."""
    left = (empty_paper(picture, layout=layout) if paper is None else paper).copy()
    part = box.pixels(*picture.shape[:2])
    left[part] = picture[part]
    return left


def header(layout: PageLayout) -> Box:
    """What lies above the waveform area of a whole page.

    Raises:
        ValueError: the picture shows the waveform area alone.
    """
    return Box(0.0, 0.0, 1.0, _of_page(layout).frame.top)


def footer(layout: PageLayout) -> Box:
    """What lies below the waveform area of a whole page; raises like `header`."""
    return Box(0.0, _of_page(layout).frame.bottom, 1.0, 1.0)


def _of_page(layout: PageLayout) -> PageLayout:
    if layout.region != "page":
        raise ValueError("this picture shows the waveform area alone: it has no header or footer; use a whole page")
    return layout


def _ink_mask(picture: np.ndarray, layout: PageLayout) -> np.ndarray:
    return ink(picture, layout.pixels_per_mm) > _INK_FROM


def _wide(mask: np.ndarray, layout: PageLayout) -> np.ndarray:
    reach = 2 * round(_INK_MARGIN_MM * layout.pixels_per_mm) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(bool)


def _filled(picture: np.ndarray, mask: np.ndarray, clean: np.ndarray, layout: PageLayout) -> np.ndarray:
    """The pixels of the mask taken from clean ones whole grid cells away, so grid and noise go on as before."""
    filled = picture.copy()
    for area in _areas(mask.shape, layout):
        rows, columns = np.nonzero(mask & area)
        donors = area & clean
        for down, right in _whole_cells(layout):
            y, x = rows + down, columns + right
            good = (y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1])
            good[good] = donors[y[good], x[good]]
            filled[rows[good], columns[good]] = picture[y[good], x[good]]
            rows, columns = rows[~good], columns[~good]
        filled[rows, columns] = np.median(picture[donors][::97], axis=0) if donors.any() else _PAPER_WHITE
    return filled


def _areas(shape: tuple[int, ...], layout: PageLayout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grid, the frame around it, and the rest: nothing is carried from one to another."""
    height, width = shape
    rows, columns = layout.frame.pixels(height, width)
    reach = round(_FRAME_MM * layout.pixels_per_mm)
    framed, grid = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    framed[max(rows.start - reach, 0) : rows.stop + reach, max(columns.start - reach, 0) : columns.stop + reach] = True
    grid[rows.start + reach : rows.stop - reach, columns.start + reach : columns.stop - reach] = True
    return grid, framed & ~grid, ~framed


def _whole_cells(layout: PageLayout) -> list[tuple[int, int]]:
    """Steps of whole grid cells in pixels, near ones first."""
    cell = GRID_PITCH * layout.pixels_per_mm / (PIXELS_PER_MV / 10)
    steps = [(down, right) for down in range(-9, 10) for right in range(-12, 13) if (down, right) != (0, 0)]
    steps.sort(key=lambda step: np.hypot(*step))
    return [(round(down * cell), round(right * cell)) for down, right in steps]


def _coordinates(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x from 0 to 1 over the width and y in the same unit, float32 `(height, width)` each."""
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x / width, y / width


def _multiplied(picture: np.ndarray, light: np.ndarray) -> np.ndarray:
    light = light if light.ndim == 3 else light[..., None]
    return np.clip(np.round(picture * light), 0, 255).astype(np.uint8)
