"""Explanations of pictures as files: map, overlay, the table by lead, and a sentence."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from ecgstudy import files
from ecgstudy.data import pictures as picture_files
from ecgstudy.data.sources import ENDINGS
from ecgstudy.explanation import explained
from ecgstudy.explanation.questions import Answer
from ecgstudy.report.figures_pages import overlay


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
        folder: gets `<name>-<method>.png` (overlay), `.npy` (the map), `.csv` (by lead) and `.txt` for each.
        method: one of `explanation.maps.METHODS`.
        region: what the model reads of a page.
        show: takes each sentence, with its picture's name.

    Returns:
        The pictures that could not be explained, and why.

    Raises:
        ValueError: unknown method, or no picture.
    """
    paths = list(_pictures(places))
    if not paths:
        raise ValueError(f"no picture in {', '.join(map(str, places))} ({', '.join(sorted(ENDINGS))})")
    failed: dict[str, str] = {}
    readable = ((str(path), picture) for path in paths if (picture := _read(path, failed)) is not None)
    found, unexplained = explained.explain_pictures(answer, readable, method=method, region=region)
    for one in found:
        _write(one, folder / f"{Path(one.name).stem}-{method}")
        show(f"{one.name}: {one.sentence}")
    return failed | unexplained


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


def _write(one: explained.Explained, stem: Path) -> None:
    picture = PIL.Image.fromarray(overlay(one.picture, one.heat))
    files.write_atomically(stem.with_suffix(".png"), picture.save)
    files.write_atomically(stem.with_suffix(".npy"), lambda path: np.save(path, one.heat))
    files.write_atomically(stem.with_suffix(".csv"), lambda path: one.table.to_csv(path, index=False))
    files.write_atomically(stem.with_suffix(".txt"), lambda path: path.write_text(one.sentence + "\n"))
