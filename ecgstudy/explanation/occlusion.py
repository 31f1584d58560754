"""Maps from hiding parts of a page: patches, or one lead after the other."""

from itertools import pairwise

import numpy as np

from ecgstudy.explanation import questions
from ecgstudy.explanation.backdrop import Backdrop, lead_parts
from ecgstudy.explanation.questions import Answer

_PATCHES_DOWN = 8  # by default


def occlusion(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, *,
    size: int | None = None, backdrop: Backdrop | None = None,
) -> np.ndarray:  # fmt: skip
    """By how much the score falls when a patch is hidden, spread over the patch's pixels.

    Args:
        answer: any model.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        size: of the square patches in pixels, about; an eighth of the height by default. Patches tile the picture.
        backdrop: of these pictures: its paper hides. Without it each picture's own median colour does.

    Returns:
        float32 `(batch, height, width)`, signed; a map's sum over a patch is what hiding the patch costs.

    References:
        Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2.
    """
    pictures = questions.checked_pictures(answer, pictures)
    height, width = pictures.shape[1:3]
    size = size or max(1, height // _PATCHES_DOWN)
    rows, columns = _edges(height, size), _edges(width, size)
    patches = [(row, column) for row in rows for column in columns]
    hiding = np.median(pictures, axis=(1, 2), keepdims=True) if backdrop is None else backdrop.paper
    hiding = np.broadcast_to(hiding, pictures.shape)
    parts = [patches] * len(pictures)
    return _drop_maps(answer, pictures, classes, parts, hiding)


def lead_occlusion(answer: Answer, pictures: np.ndarray, classes: np.ndarray, *, backdrop: Backdrop) -> np.ndarray:
    """By how much the score falls when a lead is replaced by the page's own empty paper.

    Args:
        answer: any model.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        backdrop: of these pictures.

    Returns:
        float32 `(batch, height, width)`, signed, even within a lead; its sum over a lead's box is the lead's drop.
    """
    pictures = questions.checked_pictures(answer, pictures)
    parts = [lead_parts(layout, *pictures.shape[1:3]) for layout in backdrop.layouts]
    return _drop_maps(answer, pictures, classes, parts, backdrop.paper)


def drops(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, parts: list[list[tuple[slice, slice]]], paper: np.ndarray
) -> list[np.ndarray]:
    """What hiding each part of each picture costs: the score before less the score after, one array per picture."""
    owners = np.repeat(np.arange(len(pictures)), [len(own) for own in parts])
    hidden = (
        _without(picture, part, empty)
        for picture, own, empty in zip(pictures, parts, paper, strict=True)
        for part in own
    )
    before = questions.scores(answer, pictures, classes)
    falls = before[owners] - questions.scores_of_many(answer, hidden, classes[owners])
    return [falls[owners == number] for number in range(len(pictures))]


def _without(picture: np.ndarray, part: tuple[slice, slice], paper: np.ndarray) -> np.ndarray:
    hidden = picture.copy()
    hidden[part] = paper[part]
    return hidden


def _drop_maps(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, parts: list[list[tuple[slice, slice]]], paper: np.ndarray
) -> np.ndarray:
    maps = np.zeros(pictures.shape[:3], np.float32)
    for heat, areas, falls in zip(maps, parts, drops(answer, pictures, classes, parts, paper), strict=True):
        for area, fall in zip(areas, falls, strict=True):
            heat[area] += fall / max(heat[area].size, 1)
    return maps


def _edges(pixels: int, size: int) -> list[slice]:
    """An axis cut into equal parts near the wanted size."""
    edges = np.round(np.linspace(0, pixels, max(1, round(pixels / size)) + 1)).astype(int)
    return [slice(low, high) for low, high in pairwise(edges)]
