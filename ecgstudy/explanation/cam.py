"""Maps from the last spatial map of a network: Grad-CAM and Grad-CAM++, put where they belong on the picture.

A cell of the last map does not always look at the middle of its own share of the picture: strided convolutions with
`same` padding look half a step further, ResNet50's look half a step back. On 128 x 224 pages the misplacement is up to
half a cell, an eighth of the page's height, so it is measured on the model itself, once, and taken back.
"""

import functools
import weakref

import numpy as np

from ecgstudy.data import images
from ecgstudy.explanation import questions
from ecgstudy.explanation.questions import Answer
from ecgstudy.pages import draw

_SPOTS = 5  # per axis; 25 spots in the middle half of the picture
_SPOT_SIZE = 1 / 16  # of the picture's height
_MOST = 0.75  # cells; no architecture looks further aside, so more is noise


def gradcam(answer: Answer, pictures: np.ndarray, classes: np.ndarray, *,
            offset: tuple[float, float] | None = None) -> np.ndarray:  # fmt: skip
    """Where the features lie that raise the class's logit.

        map = relu(sum_k mean(dz_c / dA_k) A_k)

    Args:
        answer: a model with a spatial map.
        pictures: `(batch, height, width, 3)`.
        classes: int `(batch,)`.
        offset: of the cells; by default as `tap_offset` measures it.

    Returns:
        float32 `(batch, height, width)`, not negative.

    References:
        Selvaraju et al. 2017, arXiv:1610.02391.
    """
    offset = tap_offset(answer) if offset is None else offset
    return upsampled(np.maximum(coarse_gradcam(*questions.tap(answer, pictures, classes)), 0), pictures, offset)


def gradcam_plus_plus(answer: Answer, pictures: np.ndarray, classes: np.ndarray, *,
                      offset: tuple[float, float] | None = None) -> np.ndarray:  # fmt: skip
    """Grad-CAM with weights that let several small places of one kind count each; arguments as for `gradcam`.

        w_k = sum(a_k relu(dz_c / dA_k)),  a_k = g^2 / (2 g^2 + sum(A_k) g^3)

    References:
        Chattopadhay et al. 2018, arXiv:1710.11063, equations 10 and 19 (with the score exp(z_c)).
    """
    offset = tap_offset(answer) if offset is None else offset
    return upsampled(np.maximum(coarse_plus_plus(*questions.tap(answer, pictures, classes)), 0), pictures, offset)


def coarse_gradcam(activations: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Grad-CAM on the network's own grid, signed: `(batch, h, w, channels)` twice -> `(batch, h, w)`."""
    return np.einsum("bhwk,bk->bhw", activations, slopes.mean(axis=(1, 2)))


def coarse_plus_plus(activations: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Grad-CAM++ on the network's own grid: `(batch, h, w, channels)` twice -> `(batch, h, w)`."""
    totals = activations.sum(axis=(1, 2), keepdims=True)
    below = 2 * slopes**2 + totals * slopes**3
    shares = np.where(slopes != 0, slopes**2 / np.where(below != 0, below, 1), 0)
    return np.einsum("bhwk,bk->bhw", activations, (shares * np.maximum(slopes, 0)).sum(axis=(1, 2)))


def upsampled(coarse: np.ndarray, pictures: np.ndarray, offset: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """A coarse map on the picture's pixels, bilinear, beyond the outermost cells as they are.

    Args:
        coarse: `(batch, h, w)`; cell `i` looks at height `(i + 0.5 + offset[0]) / h` of the picture.
        pictures: `(batch, height, width, 3)`.
        offset: in cells, down and to the right.

    Returns:
        float32 `(batch, height, width)`.
    """
    down = _interpolation(coarse.shape[1], pictures.shape[1], offset[0])  # (height, h)
    across = _interpolation(coarse.shape[2], pictures.shape[2], offset[1])  # (width, w)
    return np.einsum("yi,bij,xj->byx", down, coarse, across, optimize=True).astype(np.float32)


def _interpolation(cells: int, pixels: int, offset: float) -> np.ndarray:
    """Weights of each cell for each pixel, `(pixels, cells)`; rows sum to 1."""
    place = np.clip((np.arange(pixels) + 0.5) / pixels * cells - 0.5 - offset, 0, cells - 1)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(cells)), 0)


_measured: dict[int, tuple[float, float]] = {}  # by the id of an answer that is still there


def tap_offset(answer: Answer) -> tuple[float, float]:
    """By how many cells the last map looks further down and to the right than its place on the picture.

    Spots of ink are put on a drawn page, the same for all models, and it is measured where the map changes: once for
    each answer, 26 questions. So a picture's map does not depend on the pictures that it is asked about with. Agrees
    with the centre of the squared gradients to about a tenth of a cell.

    Args:
        answer: a model with a spatial map.

    Returns:
        Cells down, cells to the right; zero for a model that does not answer to the spots.
    """
    key = id(answer)
    if key not in _measured:
        _measured[key] = _measure_offset(answer)
        weakref.finalize(answer, _measured.pop, key, None)  # another answer may get its id
    return _measured[key]


@functools.cache
def _drawn_page(height: int, width: int) -> np.ndarray:
    page = draw.synthetic_page(0, seed=0, label="normal")
    return images.resize(page.picture, height, width).astype(np.float32)


def _measure_offset(answer: Answer) -> tuple[float, float]:
    spotted, places = _spotted(_drawn_page(*answer.input_shape))
    activations, _ = questions.tap(answer, spotted, np.zeros(len(spotted), dtype=int))
    change = ((activations[1:].astype(float) - activations[:1]) ** 2).sum(axis=-1)  # (spots, h, w)
    seen = change.sum(axis=(1, 2)) > 0
    if not seen.any():
        return 0.0, 0.0
    change = change[seen] / change[seen].sum(axis=(1, 2), keepdims=True)
    grid = np.array(change.shape[1:])
    centre = np.stack([change.sum(axis=2) @ np.arange(grid[0]), change.sum(axis=1) @ np.arange(grid[1])], axis=1) + 0.5
    down, right = np.clip((places[seen] * grid - centre).mean(axis=0), -_MOST, _MOST)
    return float(down), float(right)


def _spotted(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture as it is and once with each spot, and the spots' places in fractions, `(spots, 2)`."""
    height, width = picture.shape[:2]
    reach = max(1, round(_SPOT_SIZE * height / 2))
    at = 0.25 + 0.5 * (np.arange(_SPOTS) + 0.5) / _SPOTS
    centres = np.array([(round(y * height), round(x * width)) for y in at for x in at])
    spotted = np.repeat(picture[None], len(centres) + 1, axis=0)
    for copy, (y, x) in zip(spotted[1:], centres, strict=True):
        part = copy[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach]
        part[:] = np.where(part > 127, 0, 255)  # ink on paper
    return spotted, centres / (height, width)
