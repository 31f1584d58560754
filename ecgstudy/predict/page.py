"""A picture of any kind -> an upright page with its leads traced, or a refusal by name with what was measured.

Refusals are in the order in which they are looked for. They say what is wrong with the picture, never what
to think of the heart.
"""

import os
from dataclasses import dataclass

import cv2
import numpy as np

from ecgstudy.pages import layout, trace
from ecgstudy.pages.ink import ink
from ecgstudy.pages.layout import LayoutError, PageLayout
from ecgstudy.pages.paper import PIXELS_PER_MV, SHEETS
from ecgstudy.pages.straighten import straighten
from ecgstudy.predict import light, opening

REASONS = {
    "unreadable": "the file is no picture that can be opened",
    "too small": "too few pixels to find the leads",
    "not an ECG": "no page of leads is recognised",
    "too blurred": "the strokes have no edges",
    "cut off": "some rows of an ECG, but not all: cut, crooked, or arranged in another way",
    "unknown layout": "the leads are arranged as on none of the training pages",
    "no trace": "the leads' places are empty or cannot be read",
    "unlike the training pages": "the page differs from the training pages more than these from each other",
}
FULL_WIDTH = {"page": 2213, "grid": 2109}  # pixels at the original scale, at which `paper` measures
SMALLEST = 0.9 / 3  # of the original scale
MOST_EDGE_MM = 1.5  # width of a stroke's edge: 0.2 on originals, 0.7 on packed pages; at 1.6 traces are lost
SHARP_MM = 1.0  # above it a page whose leads are not found may just be blurred
LEAST_READ = 0.5  # share of a page's columns, median over its leads
_TURNS = (0, 1, 3, 2)  # quarters; photographs often lie on their side
_ASPECT_TOLERANCE = 0.03
_FRAME_TOPS = {"3x4": (283,), "6x2plain": (283,), "6x2grid": (402, 442, 482)}
_LEFT, _, _RIGHT, _BOTTOM = SHEETS["3x4"].frame
_INK_AT_MOST = 0.25  # of the area of a printed page
_STROKES_AT_EDGE = range(3, 15)  # rows of an ECG that run on; noise has more


class RefusedError(ValueError):
    """A picture that cannot be judged: `reason` is a key of `REASONS`, the message has what was measured."""

    def __init__(self, reason: str, measured: str, turned: float = 0.0):
        super().__init__(measured)
        self.reason, self.turned = reason, turned


@dataclass(frozen=True)
class CheckedPage:
    """An upright page with its leads."""

    picture: np.ndarray  # uint8 RGB, upright, light taken out
    traced: trace.Traced
    turned: float  # degrees, quarter turns included
    read: float  # share of the columns that could be read, median over the leads

    @property
    def layout(self) -> PageLayout:
        """Where the leads are."""
        return self.traced.layout


def open_page(path: str | os.PathLike) -> CheckedPage:
    """Open and check one picture file, or one page of a PDF (`scan.pdf#page=2`).

    Raises:
        RefusedError: it cannot be judged.
    """
    try:
        picture = opening.read_any(os.fspath(path))
    except (ValueError, OSError) as error:
        raise RefusedError("unreadable", str(error).removeprefix(f"{path}: ")) from None
    return check_page(picture)


def check_page(picture: np.ndarray) -> CheckedPage:
    """Turn a picture upright, find its leads and trace them.

    Args:
        picture: uint8 RGB `(height, width, 3)`: a whole page or its waveform area, scanned or photographed.

    Raises:
        RefusedError: it is no page whose leads can be read.
    """
    if max(picture.shape[:2]) < SMALLEST * FULL_WIDTH["grid"]:
        needed = round(SMALLEST * FULL_WIDTH["grid"])
        raise RefusedError(
            "too small", f"{picture.shape[1]} x {picture.shape[0]} pixels; a waveform area needs {needed}"
        )
    upright, where, turned = _upright(light.even_light(picture))
    edge = edge_mm(upright, where.pixels_per_mm)
    if edge > MOST_EDGE_MM:
        raise RefusedError("too blurred", _blur(edge))
    if where.name == "other":
        if edge > SHARP_MM:
            raise RefusedError("too blurred", _blur(edge))
        raise RefusedError("unknown layout", "an ECG page, but its leads are not in a known arrangement")
    _check_whole(upright, where)
    try:
        traced = trace.trace_upright(upright, where, turned=turned)
    except trace.TraceError as error:
        raise RefusedError("no trace", str(error)) from None
    read = float(np.median(list(traced.quality.values())))
    if read < LEAST_READ:
        raise RefusedError("no trace", f"only {read:.0%} of the columns of a typical lead can be read")
    return CheckedPage(upright, traced, turned, read)


def edge_mm(picture: np.ndarray, pixels_per_mm: float) -> float:
    """How wide the edges of strokes are, in millimetres: from paper to black at the steepest places.

    Args:
        picture: uint8 RGB.
        pixels_per_mm: its scale.
    """
    dark = ink(picture, pixels_per_mm)
    steepness = np.hypot(*np.gradient(dark))
    return float(1 / max(np.quantile(steepness[::2], 0.995), 1e-3) / pixels_per_mm)


def _upright(picture: np.ndarray) -> tuple[np.ndarray, PageLayout, float]:
    """The picture in the quarter turn in which its leads are found, straightened."""
    first: RefusedError | None = None
    other: tuple[np.ndarray, PageLayout, float] | None = None
    for quarters in _TURNS:
        upright = straighten(np.ascontiguousarray(np.rot90(picture, quarters)))
        turned = upright.turned - 90.0 * quarters if quarters < 3 else upright.turned + 90.0
        try:
            where = layout.find_layout(upright.picture)
        except LayoutError as error:
            first = first or _named(upright.picture, error)
            continue
        if where.name != "other":
            return upright.picture, where, turned
        other = other or (upright.picture, where, turned)
    if other is None:
        assert first is not None
        raise first
    return other


def _named(picture: np.ndarray, error: LayoutError) -> RefusedError:
    """Why no layout was found, from what the picture shows."""
    height, width = picture.shape[:2]
    scale = width / FULL_WIDTH["page" if height / width > 0.67 else "grid"] * PIXELS_PER_MV / 10
    dark = ink(picture, scale)
    share = float((dark > 0.25).mean())
    if share > _INK_AT_MOST or not (dark > 0.5).any():
        return RefusedError("not an ECG", f"{share:.0%} of the picture is dark, a printed page has 1 to 10 %; {error}")
    edge = edge_mm(picture, scale)
    if edge > SHARP_MM:
        return RefusedError("too blurred", _blur(edge))
    sides = {side: _strokes(dark, side) for side in ("left", "right")}
    for side, strokes in sides.items():
        if strokes in _STROKES_AT_EDGE:
            return RefusedError("cut off", f"{strokes} strokes run over the {side} edge of the picture")
    return RefusedError(error.reason or "not an ECG", str(error))


def _strokes(dark: np.ndarray, side: str) -> int:
    """How many thin dark strokes run over an edge of the picture."""
    column = (dark[:, :3] if side == "left" else dark[:, -3:]).min(axis=1) > 0.3
    count, _, stats, _ = cv2.connectedComponentsWithStats(column.astype(np.uint8)[:, None])
    heights = stats[1:, cv2.CC_STAT_HEIGHT]
    return int((heights < 0.1 * len(dark)).sum()) if count > 1 else 0


def _check_whole(picture: np.ndarray, where: PageLayout) -> None:
    """Raise RefusedError if the waveform area is lower than that of its layout."""
    height, width = picture.shape[:2]
    frame = where.frame
    aspect = (frame.bottom - frame.top) * height / ((frame.right - frame.left) * width)
    known = [(_BOTTOM - top) / (_RIGHT - _LEFT) for top in _FRAME_TOPS[where.name]]
    nearest = min(known, key=lambda one: abs(one - aspect))
    if abs(aspect / nearest - 1) > _ASPECT_TOLERANCE:
        raise RefusedError(
            "cut off", f"the waveform area is {aspect / nearest:.0%} as high as that of layout {where.name}"
        )


def _blur(edge: float) -> str:
    return f"edges of strokes are {edge:.1f} mm wide; leads are found up to about {SHARP_MM:.0f} mm"
