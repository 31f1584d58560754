"""How dark a picture's pen strokes are: paper, coloured grid and grid dots taken away.

The trace is black. Grid lines are pale or red, so the brightest of the three channels hardly sees them; the
small dark dots of the printed grid are one pixel wide and go with the noise.
"""

import cv2
import numpy as np

_PAPER_CELL_MM = 4.0  # paper brightness is known in cells of this size; wider than any stroke
_DOTS_FROM_PIXELS_PER_MM = 5.5  # above this scale strokes are at least three pixels wide, dots one


def ink(picture: np.ndarray, pixels_per_mm: float) -> np.ndarray:
    """How much ink each pixel carries.

    Args:
        picture: uint8 RGB, shape `(height, width, 3)`.
        pixels_per_mm: scale of the picture.

    Returns:
        float32 in [0, 1], shape `(height, width)`: 0 is paper or grid, 1 is the black of the trace.
    """
    brightest = cv2.max(cv2.max(picture[..., 0], picture[..., 1]), picture[..., 2])
    if pixels_per_mm >= _DOTS_FROM_PIXELS_PER_MM:
        brightest = _without_dots(brightest)
    paper = _paper(brightest, pixels_per_mm)
    darkness = 1.0 - brightest.astype(np.float32) / paper
    black = float(np.quantile(darkness[::4, ::4], 0.995))  # strokes cover one to five percent of a page
    return np.clip(darkness / max(black, 0.2), 0.0, 1.0)


def _without_dots(brightest: np.ndarray) -> np.ndarray:
    """Strokes of two pixels and more, in their place: opposite anchors, as an even kernel has no centre."""
    square = np.ones((2, 2), np.uint8)
    return cv2.erode(cv2.dilate(brightest, square, anchor=(0, 0)), square, anchor=(1, 1))


def _paper(brightest: np.ndarray, pixels_per_mm: float) -> np.ndarray:
    """Brightness of the paper around each pixel, so that shadows on a photograph do not read as ink."""
    cell = max(2, round(_PAPER_CELL_MM * pixels_per_mm))
    height, width = brightest.shape
    rows, columns = -(-height // cell), -(-width // cell)
    padded = cv2.copyMakeBorder(brightest, 0, rows * cell - height, 0, columns * cell - width, cv2.BORDER_REPLICATE)
    cells = padded.reshape(rows, cell, columns, cell)
    paper = np.quantile(cells[:, ::2, :, ::2], 0.8, axis=(1, 3)).astype(np.float32)
    paper = cv2.blur(cv2.dilate(paper, np.ones((3, 3), np.uint8)), (3, 3))
    paper = cv2.resize(paper, (columns * cell, rows * cell), interpolation=cv2.INTER_LINEAR)
    return np.maximum(paper[:height, :width], 1.0)
