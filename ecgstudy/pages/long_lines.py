"""Long straight lines among traces and letters: dividers between columns, the rule under a header."""

import cv2
import numpy as np

_MOST_CANDIDATES = 40  # of the strongest lines of one direction
_LONGEST_GAP = 8  # pixels of the view, in one line
_STRAIGHT = 0.8  # pixels of the view that a line's ink lies within
_MOST_DEGREES = 12.0


def thin_black(view: np.ndarray) -> np.ndarray:
    """How black thin lines are, 0..1: strokes, but no dark table."""
    black = cv2.morphologyEx(view.max(axis=2), cv2.MORPH_BLACKHAT, np.ones((9, 9), np.uint8))
    return black.astype(np.float32) / 255


def fullest(strength: np.ndarray, least: float) -> tuple[float, float]:
    """The column of pixels, or two beside each other, that a downward line fills most, and how the line leans.

    Only rows where nothing but the line has ink are asked for the lean: a trace may meet it and go along with it.

    Args:
        strength: of thin lines, `(height, width)`.
        least: from which a pixel counts as ink.

    Returns:
        Share of the rows that have ink there, and degrees between the line's upper third and its lower third.
    """
    filled = strength > least
    share = (filled | np.roll(filled, -1, axis=1)).mean(axis=0)
    column = int(share.argmax())
    near = np.arange(max(0, column - 3), min(strength.shape[1], column + 5))
    rows = np.flatnonzero(filled[:, near].any(axis=1))
    weight = np.clip(strength[np.ix_(rows, near)].astype(float) - 0.7 * least, 0.0, None)
    alone = weight.sum(axis=1) <= 1.15 * np.quantile(weight.sum(axis=1), 0.3) if rows.size else np.zeros(0, bool)
    rows, weight = rows[alone], weight[alone]
    third = len(rows) // 3
    if not third:
        return float(share[column]), 0.0
    at = (weight * near).sum(axis=1) / weight.sum(axis=1)
    lean = np.median(at[-third:]) - np.median(at[:third]), np.median(rows[-third:]) - np.median(rows[:third])
    return float(share[column]), float(np.degrees(np.arctan2(*lean)))


def long_lines(darkness: np.ndarray, *, upright: bool, shortest: float) -> list[np.ndarray]:
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
