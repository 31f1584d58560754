"""An upright page -> the picture that the model reads, by the very steps that its training pages went through."""

import io
from typing import Any

import cv2
import numpy as np
import PIL.Image

from ecgstudy.data import images
from ecgstudy.predict.page import CheckedPage, RefusedError


def region_view(page: CheckedPage, picture: dict[str, Any]) -> np.ndarray:
    """The region that the model knows, at the scale at which its training pages were kept.

    Args:
        page: upright.
        picture: `record["picture"]` of a release.

    Raises:
        RefusedError: the region is not on this picture.
    """
    shown = _packed(page, picture) if picture["packed_width"] else page.picture
    source = "grid" if picture["packed_width"] else page.layout.region
    if picture["region"] == "page" and page.layout.region != "page":
        raise RefusedError("cut off", "the picture shows the waveform area alone; this model reads whole pages")
    try:
        return images.region_picture(shown, picture["region"], source_region=source)
    except ValueError as error:
        raise RefusedError("unlike the training pages", f"{picture['region']}: {error}") from None


def _packed(page: CheckedPage, picture: dict[str, Any]) -> np.ndarray:
    """The waveform area as packed pages hold it; one that comes packed stays as it is."""
    rows, columns = page.layout.frame.pixels(*page.picture.shape[:2])
    area = page.picture[rows, columns]
    width = picture["packed_width"]
    if area.shape[1] == width:
        return area
    size = width, round(area.shape[0] * width / area.shape[1])
    shrinks = area.shape[1] > width
    small = cv2.resize(area, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return small if picture["webp_quality"] is None else _through_webp(small, picture["webp_quality"])


def _through_webp(picture: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=6)
    with PIL.Image.open(buffer, formats=("WEBP",)) as image:
        return np.asarray(image.convert("RGB"))
