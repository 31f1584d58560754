"""Intervals: a bootstrap over groups, and exact ones for shares.

Whole groups are drawn with replacement, with all pages and copies that they hold, separately for each rarest
class (`rarest_classes`), so that no resample lacks MI. One draw serves every model, so that models are compared on
the same resamples.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from scipy import special

from ecgstudy.vocabulary import CLASSES


@dataclass(frozen=True)
class Resamples:
    """How often each group was drawn in each resample."""

    groups: np.ndarray  # names, sorted, shape (groups,)
    times: np.ndarray  # uint8, shape (resamples, groups)

    def positions(self, groups: np.ndarray) -> np.ndarray:
        """Columns of `times` for the group of each page.

        Raises:
            ValueError: a group was not among those drawn from.
        """
        found = np.searchsorted(self.groups, groups)
        known = (found < len(self.groups)) & (self.groups[np.minimum(found, len(self.groups) - 1)] == groups)
        if not known.all():
            raise ValueError(f"group '{groups[~known][0]}' is not among the {len(self.groups)} groups drawn from")
        return found

    @functools.cached_property
    def weights(self) -> np.ndarray:
        """`times` in single precision, in which counts are exact, for products of matrices."""
        return self.times.astype(np.float32)

    def sums(self, groups: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sums of values over the drawn pages, one row per resample.

        Args:
            groups: of each page, shape `(pages,)`.
            values: shape `(pages, columns)`.

        Returns:
            float, shape `(resamples, columns)`, in single precision inside.
        """
        per_group = np.zeros((len(self.groups), values.shape[1]))
        np.add.at(per_group, self.positions(groups), values)
        return (self.weights @ per_group.astype(np.float32)).astype(float)

    def page_weights(self, groups: np.ndarray) -> np.ndarray:
        """How often each page was drawn, float, shape `(resamples, pages)`."""
        return self.times[:, self.positions(groups)].astype(float)

    def save(self, path: Path) -> None:
        """Keep the draw as `.npz`, so that another model can be compared on it later."""
        np.savez_compressed(path, groups=self.groups.astype(str), times=self.times)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A draw that `save` kept."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["groups"], kept["times"])


def rarest_classes(groups: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rarest class in each group, by the number of pages in all; among equals the first of `CLASSES`.

    Args:
        groups: of each distinct page, shape `(pages,)`.
        labels: int, shape `(pages,)`.

    Returns:
        Group names, sorted, shape `(groups,)`, and the class of each, int.
    """
    pages_per_class = np.bincount(labels, minlength=len(CLASSES))
    rarity = np.argsort(np.argsort(pages_per_class, kind="stable"))  # 0: the rarest class
    names, inverse = np.unique(groups, return_inverse=True)
    rarest = np.full(len(names), len(CLASSES))
    np.minimum.at(rarest, inverse, rarity[labels])
    return names, np.argsort(rarity)[rarest]


def draw_groups(groups: np.ndarray, labels: np.ndarray, *, resamples: int, seed: int) -> Resamples:
    """Draw groups with replacement, as many as there are, within each stratum of `rarest_classes`.

    Args:
        groups: of each distinct page, shape `(pages,)`.
        labels: int, shape `(pages,)`.
        resamples: how many resamples.
        seed: of the draw; page order does not matter to it.

    Raises:
        ValueError: there are no pages.

    References:
        Davison and Hinkley 1997, Bootstrap Methods and their Application, sections 3.2 and 3.8.
    """
    if not len(groups):
        raise ValueError("no pages to draw from; is the protocol among the finished runs?")
    return _drawn(tuple(np.asarray(groups).astype(str)), tuple(np.asarray(labels).tolist()), resamples, seed)


@functools.lru_cache(maxsize=8)  # 5 MB each: every model and table of a study asks for the same few
def _drawn(groups: tuple[str, ...], labels: tuple[int, ...], resamples: int, seed: int) -> Resamples:
    names, strata = rarest_classes(np.array(groups), np.array(labels))
    chance = np.random.default_rng(seed)
    times = np.zeros((resamples, len(names)), dtype=np.uint8)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        even = np.full(len(members), 1 / len(members))
        times[:, members] = chance.multinomial(len(members), even, size=resamples)
    times.setflags(write=False)
    return Resamples(names, times)


def percentile(values: np.ndarray, level: float, groups: int) -> tuple[float, float]:
    """The middle `level` of resampled values, widened for few groups (the "expanded percentile" interval).

    A plain percentile interval of `groups` groups is too short by `sqrt((groups - 1) / groups)` and knows no
    Student t; with 29 MI groups it covers 91 to 95 % where 95 % are promised, the expanded one 94 to 97 %.

    Args:
        values: shape `(resamples,)`; NaN where a score was undefined.
        level: such as 0.95.
        groups: how many independent groups the score rests on.

    Returns:
        Low and high; NaN where fewer than two groups, or mostly undefined values, tell nothing.

    References:
        Hesterberg 2015, doi:10.1080/00031305.2015.1089789, section 4.4.
    """
    known = values[~np.isnan(values)]
    if groups < 2 or len(known) * 2 < len(values):
        return np.nan, np.nan
    rest = _expanded(level, groups)
    low, high = np.quantile(known, [rest, 1 - rest])
    return float(low), float(high)


def widest(parts: Sequence[np.ndarray], level: float, groups: int) -> tuple[float, float]:
    """From the lowest to the highest end of the `percentile` intervals of several kinds of resamples."""
    lows, highs = zip(*(percentile(values, level, groups) for values in parts), strict=True)
    return float(np.fmin.reduce(lows)), float(np.fmax.reduce(highs))


@functools.cache
def _expanded(level: float, groups: int) -> float:
    """The percentile, below the middle, at which an interval of `groups` groups ends."""
    return float(special.ndtr(np.sqrt(groups / (groups - 1)) * special.stdtrit(groups - 1, (1 - level) / 2)))


def logit(value: float, values: np.ndarray, level: float, groups: int) -> tuple[float, float]:
    """An interval for an area under a curve: symmetric on the logit scale, its width from the bootstrap.

    Resamples repeat pages, which raises average precision, and both areas are skewed near 1, so percentiles lie
    askew: with 30 MI pages they cover 89 to 94 % where 95 % are promised, this one 90 to 96 %.

    Args:
        value: the area itself.
        values: its resampled values, shape `(resamples,)`.
        level: such as 0.95.
        groups: how many independent groups the score rests on.

    Returns:
        Low and high in (0, 1); NaN for an area of 0 or 1, where nothing is known about the width.

    References:
        Boyd, Eng and Page 2013, doi:10.1007/978-3-642-40994-3_29.
    """
    if groups < 2 or not 0 < value < 1:
        return np.nan, np.nan
    quantile = special.stdtrit(groups - 1, (1 + level) / 2) * np.sqrt(groups / (groups - 1))
    half = quantile * np.nanstd(values) / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-half, half]))
    return float(low), float(high)


def exact(found: float, of: float, level: float) -> tuple[float, float]:
    """Clopper-Pearson interval of a share `found / of`; both may be fractions (an effective number of pages).

    References:
        Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    if of <= 0:
        return np.nan, np.nan
    rest = (1 - level) / 2
    low = 0.0 if found <= 0 else float(special.betaincinv(found, of - found + 1, rest))
    high = 1.0 if found >= of else float(special.betaincinv(found + 1, of - found, 1 - rest))
    return low, high


def wilson(found: float, of: float, level: float) -> tuple[float, float]:
    """Wilson's score interval of a share `found / of`: shorter than `exact`, right on average.

    References:
        Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if of <= 0:
        return np.nan, np.nan
    z = float(special.ndtri((1 + level) / 2))
    middle = (found + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * float(np.sqrt(found * (of - found) / of + z * z / 4))
    return 0.0 if found <= 0 else middle - half, 1.0 if found >= of else middle + half
