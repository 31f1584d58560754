"""Does the score fall when what a map points at is taken away? Deletion, insertion, ROAD, and removal of a lead."""

from collections.abc import Iterator

import cv2
import numpy as np
import pandas as pd

from ecgstudy.explanation import occlusion, questions
from ecgstudy.explanation.backdrop import Backdrop, lead_parts
from ecgstudy.explanation.leads import REGIONS, STRIP, lead_shares
from ecgstudy.explanation.questions import Answer
from ecgstudy.pages.layout import PageLayout

STEPS = 10
ROAD_SHARES = (0.1, 0.3, 0.5)  # of the pixels
_NOISE = 2.5  # standard deviation, of 0 to 255: a filled area shall not be told by its smoothness
_SWEEPS = 30
_NEIGHBOURS = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]], np.float32) / 12  # as in the paper


def deletion_curves(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, maps: np.ndarray, paper: np.ndarray, *,
    steps: int = STEPS, seed: int,
) -> np.ndarray:  # fmt: skip
    """Scores while pixels give way to empty paper, those that a map ranks highest first.

    Args:
        answer: any model.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        maps: `(batch, height, width)`; pixels with equal values go in a random order.
        paper: `(batch, height, width, 3)`, what the pixels give way to.
        steps: equal parts of the page that go one after the other.
        seed: of the order among equals.

    Returns:
        `(batch, steps + 1)`: from the page as it is to empty paper. A good map makes the curve fall early.

    References:
        Petsiuk et al. 2018, arXiv:1806.07421.
    """
    return _curves(answer, pictures, paper, classes, maps, steps, seed)


def insertion_curves(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, maps: np.ndarray, paper: np.ndarray, *,
    steps: int = STEPS, seed: int,
) -> np.ndarray:  # fmt: skip
    """Scores while a page is put on empty paper, highest pixels first; as `deletion_curves`, but should rise early."""
    return _curves(answer, paper, pictures, classes, maps, steps, seed)


def curve_areas(curves: np.ndarray) -> np.ndarray:
    """Mean height of each curve, `(batch, steps + 1)` -> `(batch,)`."""
    return (curves[:, 1:] + curves[:, :-1]).mean(axis=1) / 2


def road(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, maps: np.ndarray, *,
    shares: tuple[float, ...] = ROAD_SHARES, seed: int,
) -> np.ndarray:  # fmt: skip
    """Score without the least less score without the most important pixels, removed so that no outline is left.

    Removed pixels become the weighted mean of their neighbours and a little noise: their shape tells nothing.

    Args:
        answer: any model.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        maps: `(batch, height, width)`.
        shares: of the page that is removed; the result is the mean over them.
        seed: of the noise and of the order among equals.

    Returns:
        `(batch,)`, -1 to 1; higher is better, a map that knows nothing has zero.

    References:
        Rong et al. 2022, arXiv:2202.00449.
    """
    rng = np.random.default_rng(seed)

    def asked() -> Iterator[np.ndarray]:
        for picture, heat in zip(pictures.astype(np.float32), maps, strict=True):
            rank = ranks(heat, rng)
            for share in shares:
                yield imputed(picture, rank >= 1 - share, rng=rng)
                yield imputed(picture, rank < share, rng=rng)

    found = questions.scores_of_many(answer, asked(), np.repeat(classes, 2 * len(shares)))
    least, most = found.reshape(len(maps), len(shares), 2).T
    return (least - most).mean(axis=0)


def imputed(picture: np.ndarray, mask: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """A picture whose masked pixels are the weighted mean of their eight neighbours, and a little noise.

    Solved from coarse to fine with some sweeps over the picture. Float32 `(height, width, 3)`.
    """
    filled = _filled_coarsely(picture.astype(np.float32), ~mask)
    for _ in range(_SWEEPS):
        means = cv2.filter2D(filled, -1, _NEIGHBOURS, borderType=cv2.BORDER_REFLECT)
        filled = np.where(mask[..., None], means, picture)
    noise = rng.normal(0, _NOISE, picture.shape) * mask[..., None]
    return np.clip(filled + noise, 0, 255).astype(np.float32)


def ranks(heat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which share of the pixels is ranked higher by a map, `(height, width)`, from 0; equals in random order."""
    order = np.lexsort((rng.random(heat.size), -heat.ravel()))
    rank = np.empty(heat.size)
    rank[order] = np.arange(heat.size) / heat.size
    return rank.reshape(heat.shape)


def lead_drops(answer: Answer, pictures: np.ndarray, classes: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """What hiding each lead and the strip costs, `(batch, 13)`; NaN for a page without a strip."""
    parts = [lead_parts(layout, *pictures.shape[1:3]) for layout in backdrop.layouts]
    found = occlusion.drops(answer, pictures, classes, parts, backdrop.paper)
    return np.stack([np.pad(falls, (0, 13 - len(falls)), constant_values=np.nan) for falls in found])


def random_drops(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, backdrop: Backdrop, *, count: int = 8, seed: int
) -> np.ndarray:
    """What hiding an area of a lead's size anywhere in the waveform area costs, mean of `count`.

    Returns:
        `(batch, 2)`: areas of the size of a lead and of the strip (NaN where there is none).
    """
    rng = np.random.default_rng(seed)
    found = np.full((len(pictures), 2), np.nan)
    for column in (0, 1):
        rows = [n for n, layout in enumerate(backdrop.layouts) if column == 0 or layout.strip is not None]
        parts = [list(_anywhere(backdrop.layouts[row], column, pictures.shape[1:3], count, rng)) for row in rows]
        if rows:
            falls = occlusion.drops(answer, pictures[rows], classes[rows], parts, backdrop.paper[rows])
            found[rows, column] = [part.mean() for part in falls]
    return found


def lead_removal(maps: np.ndarray, backdrop: Backdrop, drops: np.ndarray, random: np.ndarray) -> np.ndarray:
    """What hiding the lead that a map points at most costs, less what an area of its size costs anywhere else.

    Args:
        maps: `(batch, height, width)`.
        backdrop: of the pages.
        drops: as `lead_drops` gives them; they serve all methods.
        random: as `random_drops` gives them.

    Returns:
        `(batch,)`, higher is better; NaN where the map points at nothing.
    """
    gains = np.full(len(maps), np.nan)
    for number, (heat, layout) in enumerate(zip(maps, backdrop.layouts, strict=True)):
        density: pd.Series = lead_shares(heat, layout) / np.maximum(lead_shares(np.ones_like(heat), layout), 1e-9)
        inside: pd.Series = density[list(REGIONS[:-1])]
        if inside.notna().any() and inside.max() > 0:
            top = str(inside.idxmax())
            gains[number] = drops[number, REGIONS.index(top)] - random[number, int(top == STRIP)]
    return gains


def _curves(
    answer: Answer, first: np.ndarray, last: np.ndarray, classes: np.ndarray, maps: np.ndarray, steps: int, seed: int
) -> np.ndarray:
    rng = np.random.default_rng(seed)

    def asked() -> Iterator[np.ndarray]:
        for number, heat in enumerate(maps):
            rank = ranks(heat, rng)[..., None]
            for edge in np.linspace(0, 1, steps + 1):
                yield np.where(rank < edge, last[number], first[number])

    found = questions.scores_of_many(answer, asked(), np.repeat(classes, steps + 1))
    return found.reshape(len(maps), steps + 1)


def _filled_coarsely(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown pixels from the means of known ones in ever larger neighbourhoods."""
    height, width = known.shape
    if known.all() or min(height, width) < 2:
        return np.where(known[..., None], picture, picture[known].mean(axis=0) if known.any() else 255.0)
    size = (max(1, width // 2), max(1, height // 2))
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(picture * known[..., None], size, interpolation=cv2.INTER_AREA)
    half = _filled_coarsely(total / np.maximum(weight, 1e-6)[..., None], weight > 0)
    full = cv2.resize(half.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None], picture, full).astype(np.float32)


def _anywhere(
    layout: PageLayout, column: int, shape: tuple[int, ...], count: int, rng: np.random.Generator
) -> Iterator[tuple[slice, slice]]:
    """Areas of the size of a lead (column 0) or of the strip (1) within the waveform area."""
    box = layout.strip if column else next(iter(layout.leads.values()))
    assert box is not None
    rows, columns = box.pixels(*shape)
    frame_rows, frame_columns = layout.frame.pixels(*shape)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    for _ in range(count):
        top = int(rng.integers(frame_rows.start, max(frame_rows.stop - height, frame_rows.start) + 1))
        left = int(rng.integers(frame_columns.start, max(frame_columns.stop - width, frame_columns.start) + 1))
        yield slice(top, top + height), slice(left, left + width)
