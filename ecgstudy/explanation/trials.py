"""Pages that maps are tested on: drawn ones, whose truth is known, with a planted shortcut or without."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ecgstudy.data import images
from ecgstudy.explanation import backdrop, truth
from ecgstudy.explanation.backdrop import Backdrop
from ecgstudy.pages import draw
from ecgstudy.pages.draw import SyntheticPage
from ecgstudy.vocabulary import CLASSES, choose


@dataclass(frozen=True)
class Trial:
    """The pages that methods are tested on, and what is known about them."""

    pictures: np.ndarray  # (batch, height, width, 3)
    classes: np.ndarray  # int (batch,): which class is asked about
    backdrop: Backdrop
    groups: np.ndarray  # (batch,) text: pages that must not be resampled apart
    truths: Sequence[np.ndarray] = field(default=())  # bool masks of the planted disease, of drawn pages
    marks: Sequence[np.ndarray] = field(default=())  # bool masks of the planted shortcut
    walls: Sequence[np.ndarray] = field(default=())  # bool masks of the leads over the sick wall, of drawn pages

    def rows(self, chosen: np.ndarray) -> "Trial":
        """Some of the pages; `chosen` is bool `(batch,)` or their numbers."""
        numbers = np.arange(len(self.classes))[chosen]
        return replace(
            self,
            pictures=self.pictures[numbers],
            classes=self.classes[numbers],
            backdrop=self.backdrop.rows(numbers),
            groups=self.groups[numbers],
            truths=[self.truths[n] for n in numbers] if len(self.truths) else (),
            marks=[self.marks[n] for n in numbers] if len(self.marks) else (),
            walls=[self.walls[n] for n in numbers] if len(self.walls) else (),
        )


@dataclass(frozen=True)
class PlantedCases:
    """Drawn pages with an infarction, and what a network answers that learned from others like them."""

    pictures: np.ndarray  # uint8 (pages, height, width, 3)
    maps: np.ndarray  # float32 (pages, height, width), of the true class
    truths: Sequence[np.ndarray]  # bool (height, width): the changed beats of the leads over the sick wall
    walls: Sequence[np.ndarray]  # bool (height, width): all of these leads
    titles: Sequence[str]  # whether the network knows the class, and how much of the map lies in the truth


def drawn_trial(
    count: int, *, height: int, width: int, seed: int, labels: Sequence[str] = CLASSES, shortcut: bool = False,
    healthy: bool = False, region: str = "grid",
) -> Trial:  # fmt: skip
    """Drawn pages, as many of each class, asked about their own class.

    Args:
        count: of pages.
        height: of the pictures that the model reads.
        width: likewise.
        seed: of the series; other seeds draw other persons.
        labels: classes of the pages, in turn. Pages of `normal` have no truth.
        shortcut: print a mark that tells the class: in the footer where the region is `page`.
        healthy: all hearts are: the mark alone tells the class.
        region: `grid` (packed pages) or `page`.

    Returns:
        A trial whose truths are the planted disease, whose marks are the planted shortcut, and whose backdrop knows the
        mean of these pages.
    """
    pages = _drawn(count, seed, labels, shortcut, healthy, region)
    pictures, behind = backdrop.prepare([page.picture for page in pages], height=height, width=width)
    behind = replace(behind, mean=pictures.mean(axis=0, dtype=np.float32))
    return Trial(
        pictures,
        _classes(pages),
        behind,
        np.array([f"drawn-{seed}-{number}" for number in range(count)]),
        [truth.truth_mask(page, height, width) for page in pages],
        [truth.box_mask(page.mark, height, width) for page in pages if page.mark is not None],
        [truth.wall_mask(page, height, width) for page in pages],
    )


def drawn_lessons(
    count: int, *, height: int, width: int, seed: int, shortcut: bool = False, healthy: bool = False,
    region: str = "grid",
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Drawn pages to learn from, as many of each class: pictures `(count, height, width, 3)` and classes `(count,)`.

    Arguments as for `drawn_trial`; what stands behind their ink is not looked for, which is most of the time.
    """
    pages = _drawn(count, seed, CLASSES, shortcut, healthy, region)
    return np.stack([images.resize(page.picture, height, width) for page in pages]), _classes(pages)


def _drawn(
    count: int, seed: int, labels: Sequence[str], shortcut: bool, healthy: bool, region: str
) -> list[SyntheticPage]:
    for label in labels:
        choose("class", label, CLASSES)
    size: draw.Size = "packed" if choose("region", region, ("grid", "page")) == "grid" else "page"
    chosen = [labels[number % len(labels)] for number in range(count)]
    if healthy:
        return [_healthy_page(number, seed, label, size, shortcut) for number, label in enumerate(chosen)]
    return [
        draw.synthetic_page(number, seed=seed, label=label, size=size, shortcut=shortcut)
        for number, label in enumerate(chosen)
    ]


def _healthy_page(number: int, seed: int, label: str, size: draw.Size, shortcut: bool) -> SyntheticPage:
    """A healthy heart under another class's name."""
    plan = draw.plan_page(number, seed=seed, label=CLASSES[-1])
    return draw.draw_page(
        replace(plan.recording, label=label), layout=plan.layout, size=size, strip_lead=plan.strip_lead,
        shortcut=shortcut, number=number, rng=plan.rng,
    )  # fmt: skip


def _classes(pages: Sequence[SyntheticPage]) -> np.ndarray:
    return np.array([CLASSES.index(page.label) for page in pages])
