"""Is a page like the training pages? Distance to the nearest of them, on small grey pictures.

A model answers any picture. What it learned says something only about pages like those that it learned from, so
pages further from them than they are from each other are refused.
"""

from dataclasses import dataclass

import numpy as np

from ecgstudy.models import simple

NEAREST = 5  # the distance is to the fifth nearest training page, so that one odd page opens no door
QUANTILE = 0.99
MARGIN = 1.5  # times that quantile of the distances among training pages
FAMILIAR = 1.5  # grey levels: what compression and scaling change; different pages are further apart


@dataclass(frozen=True)
class Likeness:
    """Training pages as small grey pictures, and how far from them a page may be.

    Attributes:
        thumbnails: uint8, `(pages, pixels)`.
        limit: largest distance, in grey levels (root mean square over the thumbnail, brightness taken out).
    """

    thumbnails: np.ndarray
    limit: float

    def distances(self, pictures: np.ndarray) -> np.ndarray:
        """How far pictures `(n, height, width, 3)` are from the training pages, in grey levels, `(n,)`."""
        return _nearest(_centred(simple.thumbnails(pictures)), _centred(self.thumbnails))

    def is_familiar(self, pictures: np.ndarray) -> np.ndarray:
        """Whether pictures may be training pages themselves, or copies of them, bool `(n,)`."""
        nearest = _nearest(_centred(simple.thumbnails(pictures)), _centred(self.thumbnails), 1)
        return nearest < FAMILIAR


def fit(pictures: np.ndarray, groups: np.ndarray) -> Likeness:
    """The reference of some training pages.

    Args:
        pictures: as the model reads them, uint8 `(pages, height, width, 3)`.
        groups: `(pages,)`; a page is not compared with pages of its own group.

    Raises:
        ValueError: too few pages to tell.
    """
    if len(np.unique(groups)) <= NEAREST:
        raise ValueError(f"{len(pictures)} pages of {len(np.unique(groups))} groups are too few to learn what is usual")
    small = np.round(simple.thumbnails(pictures)).astype(np.uint8)
    centred = _centred(small)
    own = [_nearest(centred[[row]], centred[groups != group])[0] for row, group in enumerate(groups)]
    return Likeness(small, float(MARGIN * np.quantile(own, QUANTILE)))


def _centred(thumbnails: np.ndarray) -> np.ndarray:
    values = thumbnails.astype(np.float64)
    return values - values.mean(axis=1, keepdims=True)


def _nearest(rows: np.ndarray, reference: np.ndarray, number: int = NEAREST) -> np.ndarray:
    """Root mean square distance of each row to its `number`-th nearest reference row."""
    squared = (rows**2).sum(1)[:, None] + (reference**2).sum(1) - 2 * rows @ reference.T
    return np.sqrt(np.maximum(np.sort(squared, axis=1)[:, min(number, len(reference)) - 1], 0) / rows.shape[1])
