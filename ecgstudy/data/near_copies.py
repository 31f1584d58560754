"""Near-copies: distinct pictures of one page. Candidates by hashing, each verified by laying one over the other.

Successive recordings of one person can look very much alike, so pages count as copies only where nearly every
part of the one lies on the other.
"""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import scipy.sparse

from ecgstudy.data import fingerprints
from ecgstudy.data.manifest import Pages

# Likeness from which two pictures show one page. Measured on the packed pages: copies have 0.97 and more, 0.95 where
# 6 % were cropped off; other pages at most 0.89, which two recordings of one person have.
SAME_PAGE = 0.92
TABLES = 64
WINDOW = 16  # neighbours that a page is compared with in each table
# Product of two fingerprints from which a closer look is worth its time. Copies have 0.82 and more among all packed
# pages, 0.45 among 49 of them, from which only few directions can be learned; nine of ten hash candidates have less.
ALIKE = 0.38
MOST_BITS = 96  # of 256 that may differ between candidates: the angle of fingerprints whose product is 0.38
FEW = 48  # pages; up to so many all pairs are looked at, as there is no telling what is common to them
NEIGHBOURS = 8  # candidates kept per page
_TILES = (4, 8)
_BORDER = 9  # pixels of an ink map
_LEAST_SPREAD = 0.03  # of ink in a tile; emptier ones say nothing
_SPOILT_TILES = 2  # may differ: a note, a stamp


class _Look(NamedTuple):
    """One stage of an alignment."""

    size: int  # the maps' sides are divided by this
    sigma: float  # pixels by which they are softened
    steps: int  # of the alignment, at most
    least: float  # correlation from which a closer look is worth its time


_LOOKS = (_Look(4, 2.0, 30, 0.93), _Look(2, 1.5, 30, 0.92), _Look(1, 1.0, 40, -1.0))


def near_copies(
    pages: Pages, *, least: float = SAME_PAGE, progress: Callable[[str], None] = lambda line: None
) -> pd.DataFrame:
    """Pairs of distinct pages whose pictures show the same printed page.

    Args:
        pages: any source; exact copies are one page already.
        least: likeness, 0 to 1, from which a pair is reported.
        progress: takes a line to show.

    Returns:
        One row per pair: `page_id, other_id, likeness`, the most alike first.
    """
    page_ids = sorted(pages.distinct["page_id"])

    @functools.lru_cache(maxsize=2048)  # 340 MB
    def ink(row: int) -> np.ndarray:
        return fingerprints.ink_map(pages.picture(page_ids[row]))

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:  # Pillow and OpenCV release the GIL
        progress(f"fingerprints of {len(page_ids)} pages")
        spectra = np.stack(list(pool.map(lambda row: fingerprints.spectrum(ink(row)), range(len(page_ids)))))
        pairs = _candidates(spectra)
        progress(f"a closer look at {len(pairs)} pairs")
        found = np.array(list(pool.map(lambda pair: likeness(ink(pair[0]), ink(pair[1])), pairs.tolist())))
    table = pd.DataFrame(
        {
            "page_id": [page_ids[first] for first, _ in pairs],
            "other_id": [page_ids[second] for _, second in pairs],
            "likeness": found.astype(float),
        }
    )
    return table[table["likeness"] >= least].sort_values("likeness", ascending=False, ignore_index=True)


def same_page_names(page_ids: pd.Series, pairs: pd.DataFrame) -> pd.Series:
    """One name for all pages that near-copies link, directly or through others; a page alone keeps its own.

    Args:
        page_ids: distinct or not, in any order.
        pairs: `page_id, other_id`, from `near_copies`.

    Returns:
        Names, with the index of `page_ids`.
    """
    known = pd.Index(sorted(set(page_ids) | set(pairs["page_id"]) | set(pairs["other_id"])))
    ends = known.get_indexer(pairs["page_id"]), known.get_indexer(pairs["other_id"])
    links = scipy.sparse.coo_matrix((np.ones(len(pairs)), ends), shape=(len(known), len(known)))
    _, cluster = scipy.sparse.csgraph.connected_components(links, directed=False)
    _, first = np.unique(cluster, return_index=True)
    return page_ids.map(dict(zip(known, known[first[cluster]], strict=True)))


def _candidates(spectra: np.ndarray) -> np.ndarray:
    if len(spectra) <= FEW:
        return np.stack(np.triu_indices(len(spectra), 1), axis=1)
    vectors = fingerprints.fingerprints(spectra)
    return nearest(vectors, candidate_pairs(fingerprints.hashes(vectors)))


def candidate_pairs(hashes: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Pairs of pages whose hashes differ in few bits, without comparing all with all.

    The bits are shuffled, the pages sorted by them, and each page is compared with those beside it; pages that
    share their first bits meet. Repeated for `TABLES` shuffles, which takes n log n steps for n pages.

    Args:
        hashes: uint64 `(pages, 4)`.
        seed: of the shuffles.

    Returns:
        int `(pairs, 2)`, each pair once, the smaller row first.

    References:
        Charikar 2002, doi:10.1145/509907.509965, section 3 (sorted permutations).
    """
    rng = np.random.default_rng(seed)
    bits = np.ascontiguousarray(np.unpackbits(hashes.view(np.uint8), axis=1).T)  # a row per bit: quicker to shuffle
    found = np.empty(0, dtype=np.int64)
    for _ in range(TABLES):
        key = np.packbits(bits[rng.permutation(len(bits))[:64]], axis=0).T.copy().view(">u8")[:, 0]
        order = np.argsort(key, kind="stable")
        sorted_hashes = hashes[order]
        met = [found]
        for step in range(1, min(WINDOW, len(order) - 1) + 1):
            apart = np.bitwise_count(sorted_hashes[step:] ^ sorted_hashes[:-step]).sum(axis=1)
            near = np.flatnonzero(apart <= MOST_BITS)
            first, second = order[near], order[near + step]
            met.append(np.minimum(first, second) * len(order) + np.maximum(first, second))
        found = np.unique(np.concatenate(met))
    return np.stack([found // max(len(hashes), 1), found % max(len(hashes), 1)], axis=1)


def nearest(vectors: np.ndarray, pairs: np.ndarray, *, most: int = NEIGHBOURS, least: float = ALIKE) -> np.ndarray:
    """Those pairs in which one is among the `most` nearest candidates of the other, so there are at most n times that.

    Args:
        vectors: float32 `(pages, dimensions)`, unit length.
        pairs: int `(pairs, 2)`.
        most: candidates kept for each page.
        least: product of the two vectors below which a pair is none, however few others there are.
    """
    alike = np.einsum("ij,ij->i", vectors[pairs[:, 0]], vectors[pairs[:, 1]])
    pairs, alike = pairs[alike >= least], alike[alike >= least]
    both = pd.DataFrame(
        {"page": pairs.ravel("F"), "pair": np.tile(np.arange(len(pairs)), 2), "alike": np.tile(alike, 2)}
    )
    kept = both.sort_values("alike", ascending=False).groupby("page").head(most)["pair"].unique()
    return pairs[np.sort(kept)]


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """How well one ink map lies on another after alignment: 1 for the same page, below 0.9 for all others but a few.

    The maps are cut into 32 tiles, and the third worst decides: a word in the margin does not make another page, while
    two recordings of one person always part somewhere.

    Args:
        first: uint8 `fingerprints.INK_SHAPE`.
        second: the same.

    Returns:
        A correlation, -1 to 1; 0 for pages that are plainly different.

    References:
        Evangelidis and Psarakis 2008, doi:10.1109/TPAMI.2008.113 (alignment by enhanced correlation).
    """
    onto = np.eye(2, 3, dtype=np.float32)  # from the first to the second map
    for size, sigma, steps, least in _LOOKS:
        soft_first, soft_second = _softened(first, size, sigma), _softened(second, size, sigma)
        if size == _LOOKS[0].size:
            onto[:, 2] = _shift(soft_first, soft_second)
        else:
            onto[:, 2] *= 2
        stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
        try:
            score, onto = cv2.findTransformECC(  # type: ignore[call-overload]  # the stubs lack the last argument
                soft_first, soft_second, onto, cv2.MOTION_AFFINE, stop, None, 1
            )
        except cv2.error:  # no convergence
            return 0.0
        if score < least:
            return 0.0
    return _third_worst_tile(soft_first, soft_second, onto)


def _shift(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """By how much the second map lies right of and below the first; 0 where that is not plain."""
    height, width = first.shape
    (right, down), response = cv2.phaseCorrelate(first, second, cv2.createHanningWindow((width, height), cv2.CV_32F))
    return (right, down) if response > 0.2 and max(abs(right), abs(down)) < width / 20 else (0.0, 0.0)


def _third_worst_tile(first: np.ndarray, second: np.ndarray, onto: np.ndarray) -> float:
    height, width = first.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(second, onto, (width, height), flags=flags)
    both = cv2.warpAffine(np.ones_like(second), onto, (width, height), flags=flags) > 0.99
    both[:_BORDER] = both[-_BORDER:] = both[:, :_BORDER] = both[:, -_BORDER:] = False
    scores = []
    for row in range(_TILES[0]):
        for column in range(_TILES[1]):
            tile = (
                slice(row * height // _TILES[0], (row + 1) * height // _TILES[0]),
                slice(column * width // _TILES[1], (column + 1) * width // _TILES[1]),
            )
            scores.append(_correlation(first[tile][both[tile]], laid[tile][both[tile]]))
    telling = sorted(score for score in scores if score is not None)
    return telling[min(_SPOILT_TILES, len(telling) - 1)] if telling else 0.0


def _correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """None where there is hardly any ink in either."""
    if first.size < 400 or max(first.std(), second.std()) < _LEAST_SPREAD:
        return None
    product = np.mean((first - first.mean()) * (second - second.mean()))
    return float(product / max(first.std() * second.std(), 1e-6))


def _softened(ink: np.ndarray, size: int, sigma: float) -> np.ndarray:
    height, width = ink.shape
    small = cv2.resize(ink, (width // size, height // size), interpolation=cv2.INTER_AREA) if size > 1 else ink
    return cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), sigma)
