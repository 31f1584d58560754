"""A measured ratio: both sides in one process, turn by turn, so that a busy machine disturbs both alike."""

import dataclasses
import time
from collections.abc import Callable

REPEATS = 3


class SkippedError(Exception):
    """A benchmark that cannot be run here, with the reason."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of outputs/bench/*.csv.

    `ratio` is how many times as good as theirs ours is: times are divided theirs by ours, rates ours by theirs. `low`
    and `high` are the least and the largest ratio among the repeats; without theirs, of our own value.
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
    repeats: int = REPEATS, note: str = "",
) -> Row:  # fmt: skip
    """Measure two sides in turns.

    Args:
        name: of the row.
        ours: gives a time in seconds, or a rate where the unit says "per".
        theirs: the same of what a user would pick instead.
        goal: the ratio that is aimed at.
        note: what must be known to read the numbers.
    """
    pairs = [(ours(), theirs()) for _ in range(repeats)]
    ratios = [a / b if "per" in unit else b / a for a, b in pairs]
    middle = sorted(range(len(pairs)), key=lambda at: ratios[at])[len(pairs) // 2]
    return Row(name, *pairs[middle], unit, ratios[middle], goal, min(ratios), max(ratios), note)


def alone(name: str, ours: Callable[[], float], *, unit: str = "s", repeats: int = REPEATS, note: str = "") -> Row:
    """Measure one side: the middle of the repeats, with the least and the largest."""
    values = sorted(ours() for _ in range(repeats))
    return Row(name, values[len(values) // 2], None, unit, None, None, values[0], values[-1], note)
