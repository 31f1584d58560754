"""Do two maps of one page rank its places alike?"""

import cv2
import numpy as np
import scipy.stats

GRAIN = 8  # pixels: maps are compared by places, not by single pixels


def rank_correlations(one: np.ndarray, other: np.ndarray, *, grain: int = GRAIN) -> np.ndarray:
    """Spearman's correlation of each pair of maps, over the means of square places.

    Args:
        one: `(batch, height, width)`.
        other: likewise.
        grain: side of a place in pixels, about; 1 compares single pixels.

    Returns:
        `(batch,)`, -1 to 1; NaN where a map is even or not finite.
    """
    first, second = (_ranked(_coarse(maps, grain)) for maps in (one, other))
    norm = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return (first * second).sum(axis=1) / np.where(norm > 0, norm, np.nan)


def _coarse(maps: np.ndarray, grain: int) -> np.ndarray:
    """`(batch, height, width)` -> `(batch, places)`."""
    size = tuple(max(2, round(side / grain)) for side in maps.shape[:0:-1])  # width, height
    return np.stack([cv2.resize(heat.astype(np.float32), size, interpolation=cv2.INTER_AREA).ravel() for heat in maps])


def _ranked(values: np.ndarray) -> np.ndarray:
    """Ranks less their mean, NaN for rows that are not finite."""
    rank = scipy.stats.rankdata(np.nan_to_num(values), axis=1)
    rank[~np.isfinite(values).all(axis=1)] = np.nan
    return rank - rank.mean(axis=1, keepdims=True)
