"""How far the maps of a study's networks can be trusted: its own pages, drawn pages of known truth, a planted mark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from ecgstudy.explanation import faithfulness, heads, maps, questions, trials
from ecgstudy.explanation.questions import Answer
from ecgstudy.explanation.trials import Trial
from ecgstudy.vocabulary import CLASSES

TRUTH_TESTS = ("pointing", "mass", "agreement_seeds")
MARK_TESTS = ("shortcut", "outside")
REAL_TESTS = tuple(name for name in faithfulness.TESTS if name not in {*TRUTH_TESTS, *MARK_TESTS})
_FEWER = 4  # times fewer drawn pages are explained than teach
_PATH = "integrated_gradients"

Lessons = tuple[np.ndarray, np.ndarray]  # pictures (count, height, width, 3) and classes (count,)
Settings = Mapping[str, Mapping[str, Any]]  # of `maps.explain`, by method


@dataclass(frozen=True)
class DrawnPages:
    """Drawn pages to learn from and to explain: an infarction whose leads are known, and a mark that tells the class.

    They serve every network of one picture size.
    """

    lessons: Lessons
    diseased: Trial
    marked_lessons: Lessons
    marked: Trial


def drawn_pages(count: int, *, height: int, width: int, seed: int) -> DrawnPages:
    """Drawn pages for `drawn_scores`.

    Args:
        count: of pages to learn from, of either kind; a quarter as many are explained.
        height: of the pictures that the models read.
        width: likewise.
        seed: of the drawn persons.
    """
    few = max(len(CLASSES), count // _FEWER)

    def taught(shortcut: bool, region: str) -> Lessons:
        return trials.drawn_lessons(count, height=height, width=width, seed=seed, shortcut=shortcut, region=region)

    def explained(labels: Sequence[str], shortcut: bool, region: str) -> Trial:
        return trials.drawn_trial(
            few, height=height, width=width, seed=seed + 1, labels=labels, shortcut=shortcut, region=region
        )

    sick = CLASSES[:3]  # nothing is planted for the fourth
    most_ink = CLASSES[-1:]  # others are told by squares that are missing, which no map of what is there can show
    return DrawnPages(
        taught(False, "grid"), explained(sick, False, "grid"), taught(True, "page"), explained(most_ink, True, "page")
    )


def drawn_scores(
    answer: Answer, drawn: DrawnPages, *, methods: Sequence[str], settings: Settings, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Pointing game and mass in the planted disease; share in a planted footer and outside of the waveform.

    The network keeps its backbone and gets a new head that learns from drawn pages, so what speaks for a class is
    known. Pages that it then answers wrong are left out: it has not seen on them what was planted. For
    `agreement_seeds` two heads learn from other halves of the pages.

    Args:
        answer: a network with a spatial map.
        drawn: the pages.
        methods: of `maps.METHODS`; those that a new head can't serve are left out.
        settings: of the methods.
        seed: of chance in maps.

    Returns:
        As `faithfulness.page_scores` gives it, and the group of each page.
    """
    pictures, classes = drawn.lessons
    half = np.arange(len(classes)) // len(CLASSES) % 2 == 0
    chosen = (np.ones_like(half), half, ~half)
    whole, first, second = (_taught(answer, (pictures[rows], classes[rows])) for rows in chosen)
    told = _taught(answer, drawn.marked_lessons)
    # a page's own empty paper keeps its footer, so a way from there never passes the mark: start at the mean page
    from_mean = {**settings, _PATH: {**settings.get(_PATH, {}), "baseline": "mean"}}
    diseased, marked = _answered_right(whole, drawn.diseased), _answered_right(told, drawn.marked)
    asked: list[tuple[Answer, Trial, tuple[str, ...], Settings, dict[str, list[Answer]]]] = [
        (whole, diseased, ("pointing", "mass"), settings, {}),
        (first, diseased, ("agreement_seeds",), settings, {"agreement_seeds": [second]}),
        (told, marked, MARK_TESTS, from_mean, {}),
    ]
    tables = []
    for head, trial, tests, own, others in asked:
        if len(trial.classes):
            served = [name for name in methods if _serves(head, name)]
            found = faithfulness.page_scores(
                head, trial, methods=served, others=others, tests=tests, settings=own, seed=seed
            )
            tables.append(found.assign(page=found["page"] + (len(diseased.groups) if trial is marked else 0)))
    empty = pd.DataFrame(columns=["method", "test", "page", "score"])
    groups = [*diseased.groups, *(f"marked {group}" for group in marked.groups)]
    return pd.concat(tables, ignore_index=True) if tables else empty, np.array(groups, dtype=str)


def network_trust(
    answer: Answer, trial: Trial, drawn: DrawnPages, *, model: str, others: Mapping[str, Sequence[Answer]],
    methods: Sequence[str], settings: Settings, resamples: int = 10_000, level: float = 0.95, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """All tests of all methods for one network, as `faithfulness.faithfulness` gives them.

    Args:
        answer: the network.
        trial: pages that it has not learned from, with the class that is asked about.
        drawn: as `drawn_pages` gives them.
        model: its name, for the table.
        others: as `siblings.siblings` gives them.
        methods: of `maps.METHODS`.
        settings: of the methods.
        resamples: of groups of pages.
        level: of the intervals.
        seed: of noise, random areas and resamples.
    """
    options: dict[str, Any] = {"model": model, "resamples": resamples, "level": level, "seed": seed}
    seeds = ("agreement_seeds",) if others.get("agreement_seeds") else ()
    real = faithfulness.page_scores(
        answer, trial, methods=methods, others=others, tests=(*REAL_TESTS, *seeds), settings=settings, seed=seed
    )
    planted, groups = drawn_scores(answer, drawn, methods=methods, settings=settings, seed=seed)
    planted = planted[~planted["test"].isin(seeds)]
    tables = [(real, trial.groups), (planted, groups)]
    return pd.concat([faithfulness.faithfulness(*t, **options) for t in tables if len(t[0])], ignore_index=True)


def _taught(answer: Answer, lessons: Lessons) -> Answer:
    """The network with a head that learned from drawn pages; with pixel gradients where its own head allows."""
    pictures, classes = lessons
    head = heads.fit_head(answer, pictures.astype(np.float32), classes)
    try:
        return heads.with_head(answer, head)
    except (AttributeError, ValueError):
        return cast(Answer, head)  # without pixel gradients: `_serves` looks before they are asked for


def _serves(answer: Answer, method: str) -> bool:
    needs = maps.METHODS[method].needs
    return needs == "nothing" or hasattr(answer, needs)


def _answered_right(answer: Answer, trial: Trial) -> Trial:
    return trial.rows(
        questions.probabilities(answer, trial.pictures.astype(np.float32)).argmax(axis=1) == trial.classes
    )
