"""A measured ratio: both sides in one process, turn by turn, so that a busy machine disturbs both alike."""

import dataclasses
import math
import time
from collections.abc import Callable

REPEATS = 3

# "ours" or "theirs" in a process that runs this side alone, once, so that its memory can be told from the other's.
side: str | None = None


class SkippedError(Exception):
    """A benchmark that cannot be run here, with the reason."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of outputs/bench/*.csv.

    `ratio` is how many times as good as theirs ours is: times and memory are divided theirs by ours, rates ours by
    theirs. `low` and `high` are the least and the largest ratio among the repeats; without theirs, of our own value.
    """

    name: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    goal: float | None
    low: float | None
    high: float | None
    note: str = ""


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def against(
    name: str, ours: Callable[[], float], theirs: Callable[[], float], *, unit: str = "s", goal: float | None = None,
    repeats: int = REPEATS, warm: bool = False, note: str = "",
) -> Row:  # fmt: skip
    """Measure two sides in turns.

    Args:
        name: of the row.
        ours: gives a time in seconds, or a rate where the unit says "per".
        theirs: the same of what a user would pick instead.
        goal: the ratio that is aimed at.
        warm: run each side once before it counts.
        note: what must be known to read the numbers.
    """
    if side:
        return Row(name, (ours if side == "ours" else theirs)(), None, unit, None, None, None, None, note)
    if warm:
        ours(), theirs()
    return ratio_of(name, [(ours(), theirs()) for _ in range(repeats)], unit=unit, goal=goal, note=note)


def ratio_of(
    name: str, pairs: list[tuple[float, float]], *, unit: str = "s", goal: float | None = None, note: str = ""
) -> Row:
    """The middle of several pairs `(ours, theirs)`, with the least and the largest ratio."""
    ratios = [a / b if "per" in unit else b / a for a, b in pairs]
    middle = sorted(range(len(pairs)), key=lambda at: ratios[at])[len(pairs) // 2]
    return Row(name, *pairs[middle], unit, ratios[middle], goal, min(ratios), max(ratios), note)


def alone(name: str, ours: Callable[[], float], *, unit: str = "s", repeats: int = REPEATS, note: str = "") -> Row:
    """Measure one side: the middle of the repeats, with the least and the largest."""
    if side == "theirs":
        return Row(name, math.nan, None, unit, None, None, None, None, note)
    values = sorted(ours() for _ in range(1 if side else repeats))
    return Row(name, values[len(values) // 2], None, unit, None, None, values[0], values[-1], note)


def noted(row: Row, more: Callable[[Row], str]) -> Row:
    """The row with what was measured beside it at the end of its note; nothing where only memory is looked at."""
    return row if side else dataclasses.replace(row, note=f"{row.note}; {more(row)}" if row.note else more(row))
