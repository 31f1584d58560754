"""How far the maps of a study's networks can be trusted: its own pages, drawn pages of known truth, a planted mark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.explanation import faithfulness, heads, maps, questions, siblings, trials, truth
from ecgstudy.explanation.questions import Answer
from ecgstudy.explanation.trials import PlantedCases, Trial
from ecgstudy.vocabulary import CLASSES

TRUTH_TESTS = ("pointing", "mass", "agreement_halves")
REAL_TESTS = tuple(name for name in faithfulness.TESTS if name not in {*TRUTH_TESTS, *faithfulness.MARK_TESTS})
_FEWER = 4  # times fewer drawn pages are explained than teach
_MARKED = 8  # pages with a mark that are explained at most: one looks like the other, and fine methods take long
_PATH = "integrated_gradients"
FINE_METHODS = (_PATH, "occlusion")  # asked about the planted mark in any case: a cell of the last map is far larger

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
        count: of pages to learn from, of either kind; a quarter as many are explained, of those with a mark eight at
            most.
        height: of the pictures that the models read.
        width: likewise.
        seed: of the drawn persons.
    """
    few = max(len(CLASSES), count // _FEWER)

    size: dict[str, Any] = {"height": height, "width": width}
    marked: dict[str, Any] = {**size, "shortcut": True, "healthy": True, "region": "page"}
    sick = CLASSES[:3]  # nothing is planted for the fourth
    most_ink = CLASSES[-1:]  # others are told by squares that are missing, which no map of what is there can show
    lessons = trials.drawn_lessons(count, seed=seed, **marked)
    trial = trials.drawn_trial(min(few, _MARKED), seed=seed + 1, labels=most_ink, **marked)
    # the mean of pages with all kinds of marks: that of the explained ones alone would have their own mark on it
    mean = lessons[0].mean(axis=0, dtype=np.float32)
    return DrawnPages(
        trials.drawn_lessons(count, seed=seed, **size),
        trials.drawn_trial(few, seed=seed + 1, labels=sick, **size),
        lessons,
        replace(trial, backdrop=replace(trial.backdrop, mean=mean)),
    )


def planted_cases(
    answer: Answer, drawn: DrawnPages, *, count: int = 4, method: str = "gradcam", seed: int = 0
) -> PlantedCases:
    """Maps of drawn pages with an infarction, beside the place where it was planted; right and wrong answers.

    Args:
        answer: a network with a spatial map; it gets a new head that learns from drawn pages.
        drawn: the pages, as `drawn_pages` gives them.
        count: of pages at most.
        method: of `maps.METHODS`.
        seed: of chance in maps.
    """
    trial = drawn.diseased.rows(drawn.diseased.classes == 0)
    trial = trial.rows(np.arange(min(count, len(trial.classes))))
    head = _taught(answer, drawn.lessons)
    heats = maps.explain(head, trial.pictures, trial.classes, method=method, backdrop=trial.backdrop, seed=seed)
    right = questions.probabilities(head, trial.pictures.astype(np.float32)).argmax(axis=1) == trial.classes
    inside = [truth.mass_inside(*pair) for pair in zip(heats, trial.truths, strict=True)]
    titles = [
        f"{'right' if ok else 'wrong'}; {share:.0%} of the map in the truth (area {mask.mean():.0%})"
        for ok, share, mask in zip(right, inside, trial.truths, strict=True)
    ]
    return PlantedCases(trial.pictures, heats, trial.truths, trial.walls, titles)


def drawn_scores(
    answer: Answer, drawn: DrawnPages, *, methods: Sequence[str], settings: Settings, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Pointing game and mass in the planted disease; share in a planted footer and outside of the waveform.

    The network keeps its backbone and gets a new head that learns from drawn pages, so what speaks for a class is
    known. Pages that it then answers wrong are left out: it has not seen on them what was planted. For
    `agreement_halves` two heads learn from the two halves of the pages. On pages with a mark all hearts are healthy, so
    the mark alone tells the class, and `FINE_METHODS` are asked beside the given ones.

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
        (first, diseased, ("agreement_halves",), settings, {"agreement_halves": [second]}),
        (told, marked, faithfulness.MARK_TESTS, from_mean, {}),
    ]
    tables = []
    for head, trial, tests, own, others in asked:
        if len(trial.classes):
            wanted = dict.fromkeys((*methods, *FINE_METHODS)) if trial is marked else methods
            served = [name for name in wanted if maps.serves(head, name)]
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
    tables = [(real, trial.groups), (planted, groups)]
    return pd.concat([faithfulness.faithfulness(*t, **options) for t in tables if len(t[0])], ignore_index=True)


def _taught(answer: Answer, lessons: Lessons) -> Answer:
    """The network with a head that learned from drawn pages; with pixel gradients where its own head allows."""
    pictures, classes = lessons
    return siblings.ending_in(answer, heads.fit_head(answer, pictures.astype(np.float32), classes))


def _answered_right(answer: Answer, trial: Trial) -> Trial:
    return trial.rows(
        questions.probabilities(answer, trial.pictures.astype(np.float32)).argmax(axis=1) == trial.classes
    )
