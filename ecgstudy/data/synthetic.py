"""The source `synthetic`: pages drawn on demand, made like the public set, copies and left-out pages included."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.data.manifest import Pages, check_manifest
from ecgstudy.pages import draw
from ecgstudy.vocabulary import CLASSES

COPIES = {"mi": 8, "abnormal": 1, "history": 2, "normal": 2}  # files per distinct selected page, as in the public set
_SELECTED = {"mi": 30, "abnormal": 233, "history": 86, "normal": 142}  # distinct pages, for the class frequencies
_UNSEEN = {"mi": 7, "abnormal": 138, "history": 22, "normal": 603}
_UNSEEN_SHARE = 0.5  # unseen pages per selected page
_NEW_PERSON = {True: 0.63, False: 0.6}  # chance that a page begins a new group, among selected and unseen pages
_FEWEST = 6  # pages of each class, so that folds have all of them
_DRAWING = 1  # raise when the same seed gives other pages, so that caches and runs know


@functools.lru_cache(maxsize=4)
def synthetic(count: int = 240, *, seed: int = 0, unseen: bool = True, layouts: tuple[str, ...] = ("3x4",),
              shortcut: bool = False) -> Pages:  # fmt: skip
    """Synthetic pages as a data source.

    Args:
        count: distinct selected pages; their class frequencies, copies and groups are like the public set's.
        seed: of everything.
        unseen: add half as many pages that were not selected, with the class frequencies of the real ones.
        layouts: what the pages look like, drawn at random.
        shortcut: print a mark on every page that tells its class.

    Returns:
        Packed pages (region `grid`). Beside the usual columns the manifest has the truth: `printed_bpm`,
        `kind` (a wall of the heart or a rhythm), `territory` (leads that carry the class), `phase`, `strip_lead`
        and `number`, with which `true_page` gives the rest.

    Raises:
        ValueError: fewer pages than six of each class.
    """
    plan = series(count, seed=seed, unseen=unseen)
    people = dict(zip(plan["number"], plan["person"], strict=True))
    rows = [row for page in plan.to_dict("records") for row in _files(page, seed, layouts, shortcut)]

    def read(path: str) -> np.ndarray:
        name = PurePosixPath(path)
        number, label = int(name.stem.split("-")[0]), name.parent.name
        return draw.synthetic_page(
            number, seed=seed, layouts=layouts, label=label, group=people[number], shortcut=shortcut
        ).picture

    return Pages(check_manifest(pd.DataFrame(rows)), "grid", read)


def _files(page: Mapping[Any, Any], seed: int, layouts: tuple[str, ...], shortcut: bool) -> list[dict[str, Any]]:
    """The manifest's rows of one page of `series`: one, or more for a page with copies."""
    number, label, person = int(page["number"]), str(page["label"]), int(page["person"])
    planned = draw.plan_page(number, seed=seed, layouts=layouts, label=label, group=person)
    height, width = draw.packed_shape(planned.layout)
    row = {
        "path": "",
        "page_id": _page_id(planned, shortcut),
        "label": label,
        "selected": bool(page["selected"]),
        "group": f"s{person:04d}",
        "layout": planned.layout,
        "width": width,
        "height": height,
        "printed_bpm": round(planned.recording.rate),
        "kind": planned.recording.kind,
        "territory": " ".join(planned.recording.territory),
        "phase": planned.recording.phase,
        "strip_lead": planned.strip_lead,
        "number": number,
    }
    copies = COPIES[label] if row["selected"] else 1
    return [row | {"path": f"synthetic/{label}/{number:05d}-{copy + 1}.png"} for copy in range(copies)]


def true_page(pages: Pages, page_id: str, *, seed: int, layouts: tuple[str, ...] = ("3x4",)) -> draw.SyntheticPage:
    """A page of `synthetic` with its truth: signals, beat times, lead boxes and where its class can be seen.

    Raises:
        ValueError: no such page.
    """
    found = pages.distinct[pages.distinct["page_id"] == page_id]
    if found.empty:
        raise ValueError(f"no page {page_id!r} among these {len(pages.distinct)}; the manifest lists them")
    row = found.iloc[0]
    return draw.synthetic_page(
        int(row["number"]), seed=seed, layouts=layouts, label=str(row["label"]), group=int(str(row["group"])[1:])
    )


def series(count: int, *, seed: int, unseen: bool = True) -> pd.DataFrame:
    """Which pages there are: `number, label, selected, person`, one row per distinct page."""
    if count < _FEWEST * len(CLASSES):
        raise ValueError(f"{count} synthetic pages are too few; ask for at least {_FEWEST * len(CLASSES)}")
    rng = np.random.default_rng([seed, 4])
    labels = rng.permutation(_labels(count, _SELECTED))
    left_out = rng.permutation(_labels(round(count * _UNSEEN_SHARE), _UNSEEN)) if unseen else labels[:0]
    plan = pd.DataFrame({"label": np.concatenate([labels, left_out])})
    plan["selected"] = np.arange(len(plan)) < count
    people: list[int] = []
    rng = np.random.default_rng([seed, 5])  # its own, so that left-out pages change no selected one
    for selected in plan["selected"]:
        is_new = not people or rng.random() < _NEW_PERSON[bool(selected)]
        people.append(max(people, default=-1) + 1 if is_new else int(rng.choice(people)))
    return plan.assign(number=np.arange(len(plan)), person=people)


def _labels(count: int, frequencies: dict[str, int]) -> list[str]:
    """So many labels in these proportions, a few of each class at least."""
    share = {label: pages / sum(frequencies.values()) for label, pages in frequencies.items()}
    numbers = {label: max(_FEWEST, round(count * share[label])) for label in CLASSES}
    commonest = max(numbers, key=lambda label: numbers[label])
    numbers[commonest] += count - sum(numbers.values())
    return [label for label in CLASSES for _ in range(numbers[label])]


def _page_id(planned: draw.PlannedPage, shortcut: bool) -> str:
    """Twelve hex digits that change whenever the picture would."""
    content = hashlib.sha256(f"{_DRAWING} {planned.layout} {planned.strip_lead} {planned.number} {shortcut}".encode())
    for signal in planned.recording.signals.values():
        content.update(signal.tobytes())
    return content.hexdigest()[:12]
