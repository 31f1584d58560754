"""Explanations as files: map, overlay, the table by lead and a sentence, for pictures or for a run's test pages."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image

from ecgstudy import files
from ecgstudy.data import pictures as picture_files
from ecgstudy.data import prepare
from ecgstudy.data.sources import ENDINGS
from ecgstudy.explanation import explained, maps
from ecgstudy.explanation.cases import cases
from ecgstudy.explanation.explained import Explained
from ecgstudy.explanation.questions import Answer
from ecgstudy.report.figures_pages import overlay
from ecgstudy.study import Study
from ecgstudy.training import runs
from ecgstudy.training.runs import Run
from ecgstudy.vocabulary import choose

_COLUMNS = ("page_id", "label", "answer", "probability", "sentence")
_AT_ONCE = 16  # original pages in memory, each with its map


def write_explanations(
    answer: Answer,
    places: Sequence[Path],
    folder: Path,
    *,
    method: str = "gradcam",
    region: str = "grid",
    show: Callable[[str], object] = print,
) -> dict[str, str]:
    """Explain a model's answers to pictures, as files; a bad picture stops no other.

    Args:
        answer: the model.
        places: picture files, or folders of them.
        folder: gets `<name>-<method>.png` (overlay), `.npy` (the map), `.csv` (by lead) and `.txt` for each; pictures
            of one name from several folders are numbered (`<name>~2`).
        method: one of `explanation.maps.METHODS`.
        region: what the model reads of a page.
        show: takes each sentence, with its picture's name.

    Returns:
        The pictures that could not be explained, and why.

    Raises:
        ValueError: unknown method, or no picture.
    """
    paths = list(dict.fromkeys(_pictures(places)))
    if not paths:
        raise ValueError(f"no picture in {', '.join(map(str, places))} ({', '.join(sorted(ENDINGS))})")
    names = dict(zip(map(str, paths), files.distinct_names(path.stem for path in paths), strict=True))
    failed: dict[str, str] = {}
    readable = ((str(path), picture) for path in paths if (picture := _read(path, failed)) is not None)
    for some in iter(lambda: list(islice(readable, _AT_ONCE)), []):
        found, unexplained = explained.explain_pictures(answer, some, method=method, region=region)
        for one in found:
            _write(one, folder / f"{names[one.name]}-{method}")
            show(f"{one.name}: {one.sentence}")
        failed |= unexplained
    return failed


def write_run_explanations(
    study: Study,
    run: Run,
    answer: Answer,
    folder: Path | None = None,
    *,
    method: str = "gradcam",
    pages: int | None = None,
    show: Callable[[str], object] = print,
) -> dict[str, str]:
    """Explain what a finished run answered to the pages of its test part, as files; a bad page stops no other.

    Args:
        study: whose run it is.
        run: one of `es.study_runs(study)`.
        answer: the run's own, as `es.load_answer(study, run)` gives it.
        folder: gets the files of `write_explanations` for each page, named by its `page_id`, and `<method>.csv` with
            `page_id, label, answer, probability, sentence`; `<study>/explained/<run>` by default.
        method: one of `explanation.maps.METHODS`.
        pages: how many at most, of each class right and wrong answers in turn, infarctions first; all by default.
        show: takes each sentence, with its page's `page_id`.

    Returns:
        The pages that could not be explained, and why.

    Raises:
        ValueError: unknown method; `pages` is less than 1.
    """
    choose("method", method, list(maps.METHODS))
    if pages is not None and pages < 1:
        raise ValueError(f"{pages} pages to explain; ask for one or more, or leave it out for all")
    folder = study.folder / "explained" / run.name if folder is None else Path(folder)
    opened = prepare.open_study(study)
    predictions = runs.read_predictions(study, models=[run.model])
    tested = predictions[predictions["run"] == run.name]
    chosen = cases(tested, opened.manifest, count=len(tested) if pages is None else pages)
    labels: dict[str, str] = dict(zip(chosen["page_id"], chosen["label"], strict=True))
    failed: dict[str, str] = {}
    rows = []
    for at in range(0, len(chosen), _AT_ONCE):
        names = list(labels)[at : at + _AT_ONCE]
        found, unexplained = explained.explain_pages(answer, opened, names, method=method, region=study.image.region)
        for one in found:
            _write(one, folder / f"{one.name}-{method}")
            show(f"{one.name} (label {labels[one.name]}): {one.sentence}")
        rows += [(one.name, labels[one.name], one.answer, one.probability, one.sentence) for one in found]
        failed |= unexplained
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    files.write_atomically(folder / f"{method}.csv", lambda path: table.to_csv(path, index=False))
    return failed


def _pictures(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.suffix.lower() in ENDINGS)
        else:
            yield place


def _read(path: Path, failed: dict[str, str]) -> np.ndarray | None:
    try:
        return picture_files.read_picture(path)
    except (OSError, ValueError) as error:
        failed[str(path)] = str(error)
        return None


def _write(one: Explained, stem: Path) -> None:
    picture = PIL.Image.fromarray(overlay(one.picture, one.heat))
    writers: dict[str, Callable[[Path], object]] = {  # a name may have dots of its own, so endings are added to it
        ".png": picture.save,
        ".npy": lambda path: np.save(path, one.heat),
        ".csv": lambda path: one.table.to_csv(path, index=False),
        ".txt": lambda path: path.write_text(one.sentence + "\n"),
    }
    for ending, write in writers.items():
        files.write_atomically(stem.with_name(stem.name + ending), write)
