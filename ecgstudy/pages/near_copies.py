"""Near-copies: one page as someone else might have saved it."""

import cv2
import numpy as np

from ecgstudy.vocabulary import choose

NEAR_COPIES = ("reencoded", "shifted", "rescaled", "cropped")


def near_copy(picture: np.ndarray, kind: str, *, rng: np.random.Generator) -> np.ndarray:
    """The picture as someone else might have saved it: same page, other pixels, same shape.

    Args:
        picture: uint8 RGB.
        kind: one of `NEAR_COPIES`.
        rng: quality, size and direction of the change.

    Raises:
        ValueError: unknown kind.
    """
    choose("near-copy", kind, NEAR_COPIES)
    height, width = picture.shape[:2]
    if kind == "reencoded":
        return reencoded(picture, int(rng.integers(55, 90)))
    if kind == "shifted":
        right, down = (int(v) for v in rng.choice([-1, 1], 2) * rng.integers(1, max(2, width // 200), 2))
        matrix = np.array([[1.0, 0.0, right], [0.0, 1.0, down]])
        return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if kind == "rescaled":
        factor = rng.uniform(0.6, 0.9)
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    left, top = (int(edge) for edge in rng.uniform(0.002, 0.01, 2) * (width, height))
    return cv2.resize(picture[top : height - top, left : width - left], (width, height), interpolation=cv2.INTER_AREA)


def reencoded(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after it was saved as JPEG of this quality and read again."""
    _, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert decoded is not None  # we have just encoded it
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
