"""Turn a rotated or slightly tilted picture of a page upright.

Where the page has a red frame, its four corners say everything. Without one, the black rule under the header and
the black line between the two columns do, and on a cut-out waveform area that line alone, which gives the angle.
An upright picture comes back untouched.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ecgstudy.pages.paper import HEIGHT, SHEETS, WIDTH

_VIEW_WIDTH = 740  # of the reduced view in which lines are looked for
_UPRIGHT_DEGREES = 0.15  # what is less oblique is left alone
_SQUARE_DEGREES = 0.3  # what a rule and a divider may differ by on a page seen straight
_LENGTHENED = 0.01  # what a divider may be longer than it should be
_SKEWED = 0.006  # so are frames whose opposite sides differ by less than this share
_FRAME_SHARE = (0.95, 0.65)  # of a full page's width and height that the lines of the shortest frame run
_DIVIDER_SHARE = 0.6  # of a full page's height
_SOME_RED = 0.002  # of the view, where there is a frame
_MOST_CANDIDATES = 40  # of the strongest lines of one direction
_LONGEST_GAP = 8  # pixels of the view, in one line
_STRAIGHT = 0.8  # pixels of the view that a line's ink lies within
_MOST_DEGREES = 12.0
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
    red = _thin_red(view) > 12
    if red.mean() > _SOME_RED:
        if _stands_upright(red):
            return Upright(picture, 0.0, "")
    elif not _on_a_table(view):
        return Upright(picture, 0.0, "") if _divider_is_upright(view) else _from_lines(picture, view, zoom)
    corners = _frame_corners(view)
    if corners is not None:
        return _from_frame(picture, (corners + 0.5) * zoom - 0.5)
    corners = _sheet_corners(view)
    if corners is not None:
        return _from_sheet(picture, (corners + 0.5) * zoom - 0.5)
    return _from_lines(picture, view, zoom)


def _stands_upright(red: np.ndarray) -> bool:
    """Do the frame's lines fill their own row and column of pixels? Quick."""
    rows, columns = (_fullest(red, axis) for axis in (1, 0))
    return bool(min(rows) > 0.9 * _FRAME_SHARE[0] and min(columns) > 0.9 * _FRAME_SHARE[1])


def _divider_is_upright(view: np.ndarray) -> bool:
    """Does the line between the columns fill one column of pixels, its upper third above its lower third?

    Only rows where nothing but the line has ink are asked: a trace may meet it and go along with it for a while.
    """
    darkness = _thin_black(view)
    filled = darkness > 0.35
    share = (filled | np.roll(filled, -1, axis=1)).mean(axis=0)
    column = int(share.argmax())
    if share[column] < 0.9 * _DIVIDER_SHARE or not 3 <= column < view.shape[1] - 4:
        return False
    near = np.arange(column - 3, column + 5)
    rows = np.flatnonzero(filled[:, column] | filled[:, column + 1])
    weight = np.clip(darkness[np.ix_(rows, near)] - 0.25, 0.0, None)
    alone = weight.sum(axis=1) <= 1.15 * np.quantile(weight.sum(axis=1), 0.3)
    rows, weight = rows[alone], weight[alone]
    at = (weight * near).sum(axis=1) / weight.sum(axis=1)
    third = len(rows) // 3
    lean = np.median(at[-third:]) - np.median(at[:third]), np.median(rows[-third:]) - np.median(rows[:third])
    return bool(abs(np.degrees(np.arctan2(*lean))) < _UPRIGHT_DEGREES)


def _on_a_table(view: np.ndarray) -> bool:
    """Is there something dark around the sheet?"""
    return bool(np.median(_rim(view.max(axis=2))) < 128)


def _rim(brightest: np.ndarray) -> np.ndarray:
    """The outermost pixels of the picture."""
    return np.concatenate([brightest[0], brightest[-1], brightest[:, 0], brightest[:, -1]])


def _fullest(mask: np.ndarray, axis: int) -> tuple[float, float]:
    """The fullest line of pixels (or two beside each other) in the first and in the second half of a mask."""
    pairs = mask | np.roll(mask, -1, axis=1 - axis)
    filled = pairs.mean(axis=axis)
    return float(filled[: filled.size // 2].max()), float(filled[filled.size // 2 :].max())


def _thin_red(view: np.ndarray) -> np.ndarray:
    """How red thin lines are, uint8: a frame, but no brown table."""
    red = cv2.subtract(view[..., 0], view[..., 1])
    return cv2.morphologyEx(red, cv2.MORPH_TOPHAT, np.ones((9, 9), np.uint8))


def _thin_black(view: np.ndarray) -> np.ndarray:
    """How black thin lines are, 0..1: strokes, but no dark table."""
    black = cv2.morphologyEx(view.max(axis=2), cv2.MORPH_BLACKHAT, np.ones((9, 9), np.uint8))
    return black.astype(np.float32) / 255


def _from_frame(picture: np.ndarray, corners: np.ndarray) -> Upright:
    """The waveform area inside the frame's corners (left top, right top, right bottom, left bottom)."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) - [0, 90, 180, -90]
    angles = (angles + 180) % 360 - 180
    skew = max(abs(lengths[0] / lengths[2] - 1), abs(lengths[1] / lengths[3] - 1))
    if abs(angles).max() < _UPRIGHT_DEGREES and skew < _SKEWED:
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
    across = _lines(redness, upright=False, shortest=0.35 * view.shape[1])
    down = _lines(redness, upright=True, shortest=0.25 * len(view))
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


def _from_lines(picture: np.ndarray, view: np.ndarray, zoom: float) -> Upright:
    """Upright by the header's rule and the divider of a page without a frame, or by the divider alone."""
    darkness = _thin_black(view)
    dividers = _lines(darkness, upright=True, shortest=0.3 * len(view))
    if len(dividers) not in _DIVIDERS:
        return Upright(picture, 0.0, "")
    rules = _lines(darkness[: len(view) // 3], upright=False, shortest=0.8 * view.shape[1])
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


def _lines(darkness: np.ndarray, *, upright: bool, shortest: float) -> list[np.ndarray]:
    """Long straight lines, each as its two ends `(2, 2)` x, y: from left to right if upright, else downwards."""
    along = darkness if upright else darkness.T  # lines now run from row to row
    mask = np.ascontiguousarray(along > 0.3).astype(np.uint8)
    most = np.radians(_MOST_DEGREES)
    found: list[np.ndarray] = []
    tried: list[tuple[float, float]] = []
    for low, high in ((0.0, most), (np.pi - most, np.pi)):
        raw = cv2.HoughLines(mask, 1, np.pi / 1800, max(20, round(0.5 * shortest)), min_theta=low, max_theta=high)
        for distance, angle in [] if raw is None else raw.reshape(-1, raw.shape[-1])[:_MOST_CANDIDATES, :2]:
            slope = -np.tan(angle)  # columns a row
            middle = float(distance / np.cos(angle) + slope * len(along) / 2)
            if any(abs(middle - one) < 3 and abs(slope - other) < 0.004 for one, other in tried):
                continue
            tried.append((middle, slope))
            line = _refined(along, distance / np.cos(angle), slope, 0.7 if upright else 0.9)
            if line is not None and np.ptp(line[:, 1]) >= shortest and not any(_same(line, one) for one in found):
                found.append(line)
    found.sort(key=lambda line: line[:, 0].mean())
    return found if upright else [line[:, ::-1] for line in found]


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(abs(one[:, 0].mean() - other[:, 0].mean()) < 8)


def _refined(darkness: np.ndarray, start: float, slope: float, share: float) -> np.ndarray | None:
    """The line between the pixels, as far as its ink goes on: its ends as x, y.

    None if less than a `share` of the ink is straight: a trace is no line, but traces and letters touch dividers.
    """
    rows = np.arange(len(darkness))
    columns = np.round(start + slope * rows)[:, None].astype(int) + np.arange(-3, 4)
    inside = (columns >= 0) & (columns < darkness.shape[1])
    ink = np.where(inside, darkness[rows[:, None], np.clip(columns, 0, darkness.shape[1] - 1)], 0.0)
    there = np.flatnonzero(ink.max(axis=1) > 0.3)
    if there.size < 2:
        return None
    pieces = np.split(there, np.flatnonzero(np.diff(there) > _LONGEST_GAP) + 1)
    there = max(pieces, key=np.ptp)
    weight = np.clip(ink[there] - 0.25, 0.0, None)  # grid lines beside it do not count
    at = (weight * columns[there]).sum(axis=1) / weight.sum(axis=1)
    points = np.stack([at, there], axis=1).astype(np.float32)
    vx, vy, x, y = cv2.fitLine(points, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
    if abs(vy) < 0.5 or there.size < 0.9 * (np.ptp(there) + 1):
        return None
    if np.quantile(abs(x + vx / vy * (there - y) - at), share) > _STRAIGHT:
        return None
    return np.array([[x + vx / vy * (end - y), end] for end in (there[0], there[-1])])


def _warp(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    white = (255, 255, 255)
    return cv2.warpPerspective(
        picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=white
    )
