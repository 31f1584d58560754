"""Turn a rotated or slightly tilted picture of a page upright.

Where the page has a red frame, its four corners say everything. Without one, the black rule under the header and
the black line between the two columns do, and on a cut-out waveform area that line alone, which gives the angle.
An upright picture comes back untouched.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ecgstudy.pages import long_lines
from ecgstudy.pages.paper import HEIGHT, SHEETS, WIDTH

_VIEW_WIDTH = 740  # of the reduced view in which lines are looked for
_UPRIGHT_DEGREES = 0.15  # what is less oblique is left alone
_FRAME_DEGREES = 0.08  # the same of a frame, whose lines are longer and tell more
_SQUARE_DEGREES = 0.3  # what a rule and a divider may differ by on a page seen straight
_LENGTHENED = 0.01  # what a divider may be longer than it should be
_SKEWED = 0.006  # so are frames whose opposite sides differ by less than this share
_FRAME_SHARE = (0.95, 0.65)  # of a full page's width and height that the lines of the shortest frame run
_DIVIDER_SHARE = 0.6  # of a full page's height
_RED = 12  # of 255, from which a thin line counts as red
_SOME_RED = 0.002  # of the view, where there is a frame
_FRAME_TOPS = (283, 402, 442, 482)  # on a full page; the frame's other edges are always the same
_FRAME_LINE = 4  # pixels of a full page, all of them inside the frame's edges
_LEFT, _, _RIGHT, _BOTTOM = SHEETS["3x4"].frame
_RULE = ((68.0, 141.0), (2155.0, 141.0))  # ends of the rule under the header, on a full page
_DIVIDERS = {1: ((1136.0, 357.0), (1136.0, 1301.5)), 3: ((1136.0, 420.0), (1136.0, 1109.0))}  # ends, by their number


@dataclass(frozen=True)
class Upright:
    """A picture turned upright."""

    picture: np.ndarray
    turned: float  # degrees, positive where the picture leaned clockwise; 0 if it came upright
    region: str  # what the picture shows now: "grid" if only the waveform area was kept, "" if it is as it came


def straighten(picture: np.ndarray) -> Upright:
    """The picture upright; the same picture if it is upright already or nothing shows how it leans.

    Args:
        picture: uint8 RGB `(height, width, 3)`.
    """
    zoom = max(1.0, picture.shape[1] / _VIEW_WIDTH)
    size = (round(picture.shape[1] / zoom), round(picture.shape[0] / zoom))
    view = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if zoom > 1 else picture
    redness = _thin_red(view)
    if (redness > _RED).mean() > _SOME_RED:
        if _stands_upright(redness):
            return Upright(picture, 0.0, "")
    elif not _on_a_table(view):
        darkness = long_lines.thin_black(view)
        return Upright(picture, 0.0, "") if _divider_is_upright(darkness) else _from_lines(picture, darkness, zoom)
    corners = _frame_corners(view)
    if corners is not None:
        return _from_frame(picture, (corners + 0.5) * zoom - 0.5)
    corners = _sheet_corners(view)
    if corners is not None:
        return _from_sheet(picture, (corners + 0.5) * zoom - 0.5)
    return _from_lines(picture, long_lines.thin_black(view), zoom)


def _stands_upright(redness: np.ndarray) -> bool:
    """Do the frame's lines fill their own row and column of pixels, the long ones without a lean? Quick."""
    middle_row, middle_column = redness.shape[0] // 2, redness.shape[1] // 2
    level = [long_lines.fullest(half.T, _RED) for half in (redness[:middle_row], redness[middle_row:])]
    down = [long_lines.fullest(half, _RED) for half in (redness[:, :middle_column], redness[:, middle_column:])]
    fill = min(share for share, _ in level) > 0.9 * _FRAME_SHARE[0]
    fill &= min(share for share, _ in down) > 0.9 * _FRAME_SHARE[1]
    return fill and max(abs(lean) for _, lean in level) < _FRAME_DEGREES


def _divider_is_upright(darkness: np.ndarray) -> bool:
    """Does the line between the columns fill one column of pixels, without a lean?"""
    share, lean = long_lines.fullest(darkness, 0.35)
    return share >= 0.9 * _DIVIDER_SHARE and abs(lean) < _UPRIGHT_DEGREES


def _on_a_table(view: np.ndarray) -> bool:
    """Is there something dark around the sheet?"""
    return bool(np.median(_rim(view.max(axis=2))) < 128)


def _rim(brightest: np.ndarray) -> np.ndarray:
    """The outermost pixels of the picture."""
    return np.concatenate([brightest[0], brightest[-1], brightest[:, 0], brightest[:, -1]])


def _thin_red(view: np.ndarray) -> np.ndarray:
    """How red thin lines are, uint8: a frame, but no brown table."""
    red = cv2.subtract(view[..., 0], view[..., 1])
    return cv2.morphologyEx(red, cv2.MORPH_TOPHAT, np.ones((9, 9), np.uint8))


def _from_frame(picture: np.ndarray, corners: np.ndarray) -> Upright:
    """The waveform area inside the frame's corners (left top, right top, right bottom, left bottom)."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) - [0, 90, 180, -90]
    angles = (angles + 180) % 360 - 180
    skew = max(abs(lengths[0] / lengths[2] - 1), abs(lengths[1] / lengths[3] - 1))
    if abs(angles).max() < _FRAME_DEGREES and skew < _SKEWED:
        return Upright(picture, 0.0, "")
    across, seen = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    width = _RIGHT - _LEFT
    height = min((_BOTTOM - top for top in _FRAME_TOPS), key=lambda full: abs(full / width - seen / across))
    inset = (_FRAME_LINE - 1) / 2  # corners are where the middles of the lines meet
    scale = across / (width - 1 - 2 * inset)
    right, bottom = width - 1 - inset, height - 1 - inset
    target = (np.array([(inset, inset), (right, inset), (right, bottom), (inset, bottom)]) + 0.5) * scale - 0.5
    size = (round(width * scale), round(height * scale))
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    return Upright(_warp(picture, matrix, size), float(angles.mean()), "grid")


def _frame_corners(view: np.ndarray) -> np.ndarray | None:
    """Corners of the red frame's lines in the reduced view, `(4, 2)` as x, y; None if there is no frame.

    They may lie outside of the picture, as corners of a rotated page do.
    """
    thin = _thin_red(view)
    redness = thin / np.float32(max(40.0, 0.8 * float(np.quantile(thin, 0.998))))
    across = long_lines.long_lines(redness, upright=False, shortest=0.35 * view.shape[1])
    down = long_lines.long_lines(redness, upright=True, shortest=0.25 * len(view))
    if len(across) < 2 or len(down) < 2:
        return None
    top, bottom, left, right = across[0], across[-1], down[0], down[-1]
    if np.ptp([top[:, 1].mean(), bottom[:, 1].mean()]) < 0.3 * len(view) or right[0, 0] - left[0, 0] < len(view) / 2:
        return None
    return np.array([_meeting(*two) for two in ((top, left), (top, right), (bottom, right), (bottom, left))])


def _sheet_corners(view: np.ndarray) -> np.ndarray | None:
    """Corners of a white sheet on something darker, `(4, 2)` as x, y; None if the picture shows no such edge."""
    brightest = view.max(axis=2)
    level, bright = cv2.threshold(brightest, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    if np.mean(_rim(brightest) < level) < 0.6:
        return None
    closed = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    corners = cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, True), True)[:, 0].astype(float)
    if len(corners) != 4 or cv2.contourArea(hull) < 0.4 * brightest.size:
        return None
    away = corners - corners.mean(axis=0)
    return corners[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]


def _from_sheet(picture: np.ndarray, corners: np.ndarray) -> Upright:
    """The page, or its waveform area, from the corners of its sheet, in the order of a clock from the left top."""
    sides = np.roll(corners, -1, axis=0) - corners
    across, down = np.hypot(*sides[[0, 2]].T).mean(), np.hypot(*sides[[1, 3]].T).mean()
    area = (_RIGHT - _LEFT, _BOTTOM - _FRAME_TOPS[0])
    width, height = min(((WIDTH, HEIGHT), area), key=lambda full: abs(full[1] / full[0] - down / across))
    size = (round(across), round(across * height / width))
    target = np.array([(0, 0), (size[0] - 1, 0), (size[0] - 1, size[1] - 1), (0, size[1] - 1)], np.float32)
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) - [0, 90, 180, -90]
    upright = _warp(picture, cv2.getPerspectiveTransform(corners.astype(np.float32), target), size)
    margin = max(1, round(0.004 * size[0]))  # what is left of the table
    inside = cv2.copyMakeBorder(
        upright[margin:-margin, margin:-margin],
        margin,
        margin,
        margin,
        margin,
        cv2.BORDER_CONSTANT,
        value=(255, 255, 255),
    )
    return Upright(inside, float(((angles + 180) % 360 - 180).mean()), "page" if width == WIDTH else "grid")


def _meeting(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two lines, given by their ends, meet."""
    runs = one[1] - one[0], other[1] - other[0]
    steps = np.linalg.solve(np.stack([runs[0], -runs[1]], axis=1), other[0] - one[0])
    return one[0] + steps[0] * runs[0]


def _is_above(rule: np.ndarray, divider: np.ndarray) -> bool:
    """Whether a line passes well above a divider: on a full page the rule does by a fifth of the divider's length."""
    return bool(divider[0][1] - _meeting(rule, divider)[1] > 0.1 * (divider[1][1] - divider[0][1]))


def _from_lines(picture: np.ndarray, darkness: np.ndarray, zoom: float) -> Upright:
    """Upright by the header's rule and the divider of a page without a frame, or by the divider alone."""
    dividers = long_lines.long_lines(darkness, upright=True, shortest=0.3 * len(darkness))
    if len(dividers) not in _DIVIDERS:
        return Upright(picture, 0.0, "")
    rules = long_lines.long_lines(darkness[: len(darkness) // 3], upright=False, shortest=0.8 * darkness.shape[1])
    divider = dividers[len(dividers) // 2]
    rule = next((line for line in rules if _is_above(line, divider)), None)  # a level trace is a straight line, too
    lean = float(np.degrees(np.arctan2(divider[0][0] - divider[1][0], divider[1][1] - divider[0][1])))
    if rule is None:
        if abs(lean) < _UPRIGHT_DEGREES:
            return Upright(picture, 0.0, "")
        height, width = picture.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), lean, 1.0)
        size = _before_turning(width, height, lean)
        matrix[:, 2] = matrix[:, 2] + (np.array(size) - (width, height)) / 2
        return Upright(_warp(picture, np.vstack([matrix, [0, 0, 1]]), size), lean, "")
    slope = float(np.degrees(np.arctan2(rule[1][1] - rule[0][1], rule[1][0] - rule[0][0])))
    if max(abs(slope), abs(lean)) < _UPRIGHT_DEGREES:
        return Upright(picture, 0.0, "")
    scale = float(np.hypot(*(rule[1] - rule[0])) * zoom / (_RULE[1][0] - _RULE[0][0]))
    found, wanted = (np.stack([*rule, *divider]) + 0.5) * zoom - 0.5, _ends(len(dividers)) * scale
    turned = (slope + lean) / 2
    lengths = [np.hypot(*(line[1] - line[0])) for line in (*found.reshape(2, 2, 2), *wanted.reshape(2, 2, 2))]
    lengthened = abs(lengths[1] / lengths[0] * lengths[2] / lengths[3] - 1) > _LENGTHENED
    if lengthened and abs(slope - lean) < _SQUARE_DEGREES:  # seen straight, and a trace goes on from the divider
        found, wanted, turned = found[:2], wanted[:2], slope
    matrix = _onto(found, wanted, zoom)
    return Upright(_warp(picture, matrix, (round(WIDTH * scale), round(HEIGHT * scale))), turned, "page")


def _before_turning(width: int, height: int, degrees: float) -> tuple[int, int]:
    """Width and height of a waveform area whose turned picture was enlarged to hold it; as it is if it was not."""
    cosine, sine = abs(np.cos(np.radians(degrees))), abs(np.sin(np.radians(degrees)))
    before = np.linalg.solve([[cosine, sine], [sine, cosine]], [width, height])
    usual = (_BOTTOM - _FRAME_TOPS[0]) / (_RIGHT - _LEFT)
    if abs(before[1] / before[0] - usual) < abs(height / width - usual):
        return round(before[0]), round(before[1])
    return width, height


def _onto(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> np.ndarray:
    """Matrix that moves four points: turned and scaled alone if that is enough, with perspective if not."""
    found, wanted = found.astype(np.float32), wanted.astype(np.float32)
    turned, _ = cv2.estimateAffinePartial2D(found, wanted, method=cv2.LMEDS)
    matrix = np.vstack([turned, [0, 0, 1]])
    missed = cv2.perspectiveTransform(found[None], matrix)[0] - wanted
    return matrix if np.hypot(*missed.T).max() < 3 * tolerance else cv2.getPerspectiveTransform(found, wanted)


def _ends(dividers: int) -> np.ndarray:
    """Where the ends of the rule and of the middle divider stand on a full page, `(4, 2)`."""
    return np.array([*_RULE, *_DIVIDERS[dividers]])


def _warp(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    white = (255, 255, 255)
    return cv2.warpPerspective(
        picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=white
    )
