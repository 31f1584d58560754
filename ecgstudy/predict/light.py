"""A photograph's light taken out: shadows, grey paper and faded ink made what they are on a scan.

Clean scans come back as they are, pixel for pixel.
"""

import cv2
import numpy as np

_CELLS = 48  # across the picture: paper brightness is known in cells a little smaller than a large grid square
_PAPER_QUANTILE = 0.8
_WHITE = 252.0  # of the paper on scans
_EVEN_FROM = 243.0  # paper that is nowhere darker is left alone
_BLACKEST = 0.998  # quantile of the darkness that counts as black ink
_FADED = (0.1, 0.9)  # darkness of the blackest ink, where scans have 1; below it there is none


def even_light(picture: np.ndarray) -> np.ndarray:
    """The picture on white paper with black ink; the same array where it is so already.

    Args:
        picture: uint8 RGB `(height, width, 3)`, with or without shadows.

    Returns:
        uint8 RGB of the same shape. Each channel is divided by the brightness of the paper around, and on paper that
        was not white, ink that is pale everywhere is darkened.
    """
    paper = _paper(picture)
    if paper.min() >= _EVEN_FROM:
        return picture
    around = cv2.resize(paper, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    bright = np.minimum(picture * (_WHITE / np.maximum(around, 1.0)), 255.0)
    darkness = 1 - bright[::4, ::4].max(axis=2) / _WHITE
    blackest = float(np.quantile(darkness, _BLACKEST))
    if _FADED[0] < blackest < _FADED[1]:
        bright = _WHITE - (_WHITE - bright) / blackest
    return np.clip(bright, 0, 255).astype(np.uint8)


def _paper(picture: np.ndarray) -> np.ndarray:
    """Brightness of the paper in coarse cells, float32 `(cells down, cells across, 3)`."""
    height, width = picture.shape[:2]
    cell = max(2, -(-width // _CELLS))
    rows, columns = -(-height // cell), -(-width // cell)
    padded = cv2.copyMakeBorder(picture, 0, rows * cell - height, 0, columns * cell - width, cv2.BORDER_REPLICATE)
    step = max(1, cell // 8)
    cells = padded.reshape(rows, cell, columns, cell, 3)[:, ::step, :, ::step]
    bright = np.quantile(cells, _PAPER_QUANTILE, axis=(1, 3)).astype(np.float32)
    return cv2.blur(cv2.dilate(bright, np.ones((3, 3), np.uint8)), (3, 3))
