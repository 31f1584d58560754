"""What networks read, resident in memory: pictures, or the values of their frozen prefix, for all pages and views."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ecgstudy.training import prefix, stream

Say = Callable[[str], None]


@dataclass(frozen=True)
class PageInputs:
    """What the networks read, one row per distinct page.

    Attributes:
        arrays: one per model input: pictures `(pages, height, width, 3)` uint8, or lead boxes and a mask.
        page_rows: page_id -> row.
        key: hash of all this.
    """

    arrays: Sequence[np.ndarray]
    page_rows: dict[str, int]
    key: str


class RandomView:
    """Pictures seen a little differently: a slice is drawn when it is asked for, always the same.

    Args:
        pictures: uint8, `(pages, ..., height, width, 3)`.
        number: which view, from 1.
    """

    def __init__(self, pictures: np.ndarray, number: int):
        self._pictures, self._number = pictures, number

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, rows: slice) -> np.ndarray:
        from ecgstudy.data import augment

        seed = self._number * 1_000_003 + rows.start
        keras.utils.set_random_seed(seed)
        draw = augment.random_views(seed=seed, mixup=False)
        chosen = np.asarray(self._pictures[rows], "float32")
        flat = chosen.reshape(-1, *chosen.shape[-3:])  # lead boxes are pictures too
        parts = [np.asarray(draw(flat[at : at + 32], np.zeros((len(flat[at : at + 32]), 4), "float32"))[0])
                 for at in range(0, len(flat), 32)]  # fmt: skip
        return np.concatenate(parts).reshape(chosen.shape)


def border_values(
    inputs: Sequence[Any], tensors: Sequence[Any], pages: PageInputs, *, views: int, cache: Path, progress: Say
) -> dict[int, Any]:
    """For each border tensor of any network its values for all pages, resident; all come from one pass per view.

    Args:
        inputs: the networks' inputs, Keras tensors; a border may be an input itself.
        tensors: the borders, Keras tensors.
        views: random views per page beside the page itself.

    Returns:
        By `id` of the tensor: `(pages * (1 + views), ...)`, the views of a page one after another.
    """
    given = {id(tensor): values for tensor, values in zip(inputs, pages.arrays, strict=True)}
    found = {id(t): stream.resident(given[id(t)]) for t in tensors if id(t) in given}
    computed = [tensor for tensor in tensors if id(tensor) not in given]
    if computed:
        seen = [
            prefix.features(
                inputs, computed, _view(pages, number), key=_view_key(pages, number), folder=cache, progress=progress
            )
            for number in range(1 + views)
        ]
        for tensor, values in zip(computed, zip(*seen, strict=True), strict=True):
            stacked = np.stack(values, axis=1)  # (pages, 1 + views, ...)
            found[id(tensor)] = stream.resident(stacked.reshape(-1, *stacked.shape[2:]))
    return found


def _view(pages: PageInputs, number: int) -> list[Any]:
    """The arrays of one view; what is no picture (which leads are present) is the same in all."""
    return [RandomView(a, number) if number and a.dtype == np.uint8 else a for a in pages.arrays]


def _view_key(pages: PageInputs, number: int) -> str:
    return f"{pages.key}-view{number}" if number else pages.key
