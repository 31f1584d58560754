"""What tells pages apart, as numbers that survive re-encoding, rescaling, a small shift and a small crop.

A page becomes a small map of its ink; coloured grids are nearly gone in the brightest of the three channels. The
magnitudes of the map's spectrum do not move with the page, and on logarithmic axes hardly change with its scale.
What all pages share, above all the printed template, is then taken out: vectors are centred and whitened, so that
directions in which all pages differ alike (template, ink strength) count no more than others.
"""

import functools

import cv2
import numpy as np

INK_SHAPE = (312, 528)
DIMENSIONS = 96  # of a fingerprint, where there are pages enough to learn them
BITS = 256
_FREQUENCIES = (18, 50)  # kept, in cycles per picture, down and along the page
_FIT = 4000  # pages from which common directions are learned
_PAGES_PER_DIMENSION = 4  # fewer, and whitening would take pages for directions


def ink_map(picture: np.ndarray) -> np.ndarray:
    """How dark each place of a page is, from 0 (paper, coloured grid) to 255 (trace).

    Args:
        picture: uint8 RGB `(height, width, 3)`, any size.

    Returns:
        uint8 `INK_SHAPE`.
    """
    brightest = cv2.max(cv2.max(picture[..., 0], picture[..., 1]), picture[..., 2])
    paper, black = np.quantile(brightest[::4, ::4], (0.6, 0.005))
    darkness = (paper - np.arange(256)) / (0.9 * max(paper - black, 40.0)) - 0.11  # that much is left of the grid
    darkness_of = np.clip(255 * darkness, 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(cv2.LUT(brightest, darkness_of), (0, 0), max(picture.shape[1] / 1000, 0.3))
    return cv2.resize(soft, INK_SHAPE[::-1], interpolation=cv2.INTER_AREA)


def spectrum(ink: np.ndarray) -> np.ndarray:
    """Magnitudes of an ink map's spectrum on logarithmic axes, as one row: float16 `(values,)`."""
    down, along = _FREQUENCIES
    small = half(ink).astype(np.float32) / 255
    waves = np.abs(np.fft.rfft2((small - small.mean()) * _window()))
    kept = np.sqrt(np.concatenate([waves[-down:], waves[: down + 1]])[:, :along]).astype(np.float32)
    even = cv2.remap(cv2.GaussianBlur(kept, (0, 0), 0.8), *_logarithmic(), cv2.INTER_LINEAR)
    return cv2.GaussianBlur(even, (0, 0), 1.0).ravel().astype(np.float16)


def fingerprints(spectra: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Unit vectors whose products say how alike two pages are beyond what all pages share.

    Args:
        spectra: float16 `(pages, values)`.
        seed: of the sample from which common directions are learned where there are very many pages.

    Returns:
        float32 `(pages, dimensions)`, at most `DIMENSIONS`.
    """
    rng = np.random.default_rng(seed)
    sample = spectra if len(spectra) <= _FIT else spectra[rng.choice(len(spectra), _FIT, replace=False)]
    sample = sample.astype(np.float32)
    centre, spread = sample.mean(axis=0), sample.std(axis=0) + 1e-3
    sample = (sample - centre) / spread
    variances, directions = np.linalg.eigh(sample.T @ sample / len(sample))
    kept = max(1, min(DIMENSIONS, len(sample) // _PAGES_PER_DIMENSION))
    onto = directions[:, -kept:] / np.sqrt(variances[-kept:] + 1e-6)  # (values, dimensions)
    blocks = [((spectra[i : i + _FIT] - centre) / spread) @ onto for i in range(0, len(spectra), _FIT)]
    vectors = np.concatenate(blocks).astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def hashes(vectors: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """256 bits per page; two pages differ in that share of them which their angle is of half a turn.

    Returns:
        uint64 `(pages, 4)`.

    References:
        Charikar 2002, doi:10.1145/509907.509965 (random hyperplanes).
    """
    planes = np.random.default_rng(seed).normal(size=(vectors.shape[1], BITS)).astype(np.float32)
    return np.packbits(vectors @ planes > 0, axis=1).view(np.uint64)


def half(ink: np.ndarray) -> np.ndarray:
    """An ink map with its sides halved."""
    return cv2.resize(ink, (ink.shape[1] // 2, ink.shape[0] // 2), interpolation=cv2.INTER_AREA)


@functools.cache
def _window() -> np.ndarray:
    """Falls to zero at the border, so that what a crop cuts off matters little."""
    height, width = INK_SHAPE[0] // 2, INK_SHAPE[1] // 2
    return np.sqrt(np.outer(np.hanning(height), np.hanning(width))).astype(np.float32)


@functools.cache
def _logarithmic() -> tuple[np.ndarray, np.ndarray]:
    """Where the even steps of both logarithmic axes lie among the frequencies."""
    down, along = _FREQUENCIES
    upper = np.geomspace(1, down - 1, 14)
    rows = np.concatenate([down - upper[::-1], [down], down + upper])
    x, y = np.meshgrid(np.geomspace(1.5, along - 1.5, 30), rows)
    return x.astype(np.float32), y.astype(np.float32)
