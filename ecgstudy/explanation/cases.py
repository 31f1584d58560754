"""Which pages are shown as cases, without choosing the pretty ones."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecgstudy.data import images
from ecgstudy.data.manifest import Pages
from ecgstudy.explanation import backdrop
from ecgstudy.explanation.backdrop import Backdrop
from ecgstudy.study import Image
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

_COLUMNS = ("page_id", "label", "answer", "right", "probability", "group", "title")
SHORT = {name: name.upper() if name == "mi" else name for name in CLASSES}  # above a small picture


def cases(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, count: int, seed: int = 0, part: str = "test"
) -> pd.DataFrame:
    """Tested pages of one run: each class, answered right and answered wrong, in turn; drawn at random within.

    Args:
        predictions: of one run; its clean answers are used.
        manifest: one row per file.
        count: how many pages at most.
        seed: of the draw.
        part: `test`, or `unseen` for the pages left out of the selection.

    Returns:
        `page_id, label, answer, right, probability, group, title`: `probability` is that of the answer. The first rows
        are one page of every kind, infarctions first; then follow the second ones.
    """
    table = _answered(predictions, manifest, part)
    table = table.sample(frac=1, random_state=np.random.default_rng(seed))
    turn = table.groupby(["label", "right"]).cumcount()  # the first of every kind before the second of any
    place = table.label.map(CLASSES.index)
    table = table.assign(turn=turn, place=place).sort_values(["turn", "place", "right"], ascending=[True, True, False])
    return table.head(count)[list(_COLUMNS)].reset_index(drop=True)


def failures(predictions: pd.DataFrame, manifest: pd.DataFrame, *, count: int, part: str = "test") -> pd.DataFrame:
    """The worst mistakes of one run: infarctions that were missed, then false alarms, then the rest; the surest first.

    Args:
        predictions: of one run; its clean answers are used.
        manifest: one row per file.
        count: how many pages at most; half of them at most are missed infarctions, a quarter false alarms.
        part: `test` or `unseen`.

    Returns:
        As `cases`, without a right answer among them.
    """
    wrong = _answered(predictions, manifest, part).query("~right").sort_values("probability", ascending=False)
    missed, alarm = wrong["label"] == "mi", wrong["answer"] == "mi"
    chosen = pd.concat([wrong[missed].head(count // 2), wrong[alarm].head(count // 4)])
    rest = wrong[~missed & ~alarm].head(count - len(chosen))
    return pd.concat([chosen, rest])[list(_COLUMNS)].reset_index(drop=True)


def _answered(predictions: pd.DataFrame, manifest: pd.DataFrame, part: str) -> pd.DataFrame:
    """Pages of one part with label, answer, the answer's probability and a title."""
    tested = predictions[(predictions.part == part) & (predictions.condition == "clean")].drop_duplicates("page_id")
    table = tested.merge(manifest.drop_duplicates("page_id")[["page_id", "label", "group"]], on="page_id")
    answers = table[list(PROBABILITIES)].to_numpy()
    table["answer"] = np.array(CLASSES)[answers.argmax(axis=1)]
    table["probability"] = answers.max(axis=1)
    table["right"] = table.answer == table.label
    columns = zip(table["label"], table["answer"], table["probability"], strict=True)
    table["title"] = [
        f"label {SHORT[label]}, answer {SHORT[answer]} ({probability:.2f})" for label, answer, probability in columns
    ]
    return table


def case_pictures(
    pages: Pages, page_ids: Sequence[str], image: Image
) -> tuple[list[str], np.ndarray, Backdrop, dict[str, str]]:
    """What a model of a study sees of some pages, and what stands behind the ink of each; a bad page stops no other.

    Args:
        pages: that hold them.
        page_ids: which pages.
        image: region and size that the study's models read.

    Returns:
        Pages that could be prepared, their pictures, uint8 `(pages, height, width, 3)`, their backdrop with the layout
        of each, and for each page that is left out its `page_id` and why.
    """
    failed: dict[str, str] = {}
    readable = ((name, own) for name in page_ids if (own := _region(pages, name, image.region, failed)) is not None)
    names, pictures, behind, unprepared = backdrop.prepare_named(readable, height=image.height, width=image.width)
    return names, pictures, behind, failed | unprepared


def _region(pages: Pages, name: str, region: str, failed: dict[str, str]) -> np.ndarray | None:
    try:
        return images.region_picture(pages.picture(name), region, source_region=pages.region)
    except (OSError, ValueError) as error:
        failed[name] = str(error)
        return None
