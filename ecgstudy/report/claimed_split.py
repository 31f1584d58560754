"""What the published split measures: simple models on it, and the same models on pages that they never saw."""

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import pandas as pd
import threadpoolctl
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ecgstudy.data import claimed_split, images, splits
from ecgstudy.data.manifest import Pages
from ecgstudy.evaluation import counts
from ecgstudy.models import simple
from ecgstudy.pages import near_copies
from ecgstudy.report import claims
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASSES

SEEN, NEVER_SEEN = "changed copies of the test files", "grouped: pages never seen"
SIZE = (112, 200)  # height by width of the pictures that are changed: small, for speed


def measure_claimed_split(study: Study, pages: Pages, *, seed: int = 0) -> pd.DataFrame:
    """Two simple models on the split that the published counts imply, and on the study's own `grouped`.

    `thumbnail` is the study's baseline; `remember` gives the class of the nearest training picture and is nothing but
    memory.

    Args:
        study: its grouped split is the other measurement, its cache holds the pictures.
        pages: of the study.
        seed: of the changes to the copies.

    Returns:
        `model, learned from, accuracy, balanced_accuracy, learned_files, tested_files`.
    """
    region, folder = study.image.region, study.folder / "cache"
    found = images.cached_pictures(pages, region=region, height=SIZE[0], width=SIZE[1], folder=folder)
    grouped = splits.read_splits(study.folder / "splits")["grouped"]
    copies = {label: claims.CLAIMED_TRAIN_FILES[label] // claims.CLAIMED_TEST_FILES[label] for label in CLASSES}
    return split_scores(found, pages.manifest, grouped[grouped["seed"] == grouped["seed"].min()], copies, seed=seed)


def split_scores(
    found: images.PictureCache,
    manifest: pd.DataFrame,
    grouped: pd.DataFrame,
    copies_per_file: Mapping[str, int],
    *,
    seed: int,
) -> pd.DataFrame:
    """The table of `measure_claimed_split` from plain values; `grouped` is the split of one seed."""
    plain = simple.thumbnails(found.pictures)
    split = claimed_split.claimed_split(manifest, copies_per_file)
    train, test = (split[split["part"] == part] for part in ("train", "test"))
    changed = _changed(found, train, seed)
    rows = []
    for name, fit in _MODELS.items():
        answers = fit(changed, _targets(train))(plain[found.rows(test["page_id"].tolist())])
        rows.append((name, SEEN, *_scores(_targets(test), answers), len(train), len(test)))
        rows.append((name, NEVER_SEEN, *_out_of_fold(fit, plain, found, manifest, grouped)))
    names = ["model", "learned from", "accuracy", "balanced_accuracy", "learned_files", "tested_files"]
    return pd.DataFrame(rows, columns=names)


def _out_of_fold(fit: "Fit", plain, found: images.PictureCache, manifest: pd.DataFrame, grouped: pd.DataFrame) -> tuple:
    labels = manifest.set_index("path")["label"]
    rows = grouped.assign(label=grouped["path"].map(labels))
    targets, answers, learned = [], [], []
    for _, fold in rows.groupby("fold"):
        test, train = fold[fold["part"] == "test"], fold[fold["part"] != "test"]
        answer = fit(plain[found.rows(train["page_id"].tolist())], _targets(train))
        answers.append(answer(plain[found.rows(test["page_id"].tolist())]))
        targets.append(_targets(test))
        learned.append(len(train))
    together = np.concatenate(targets)
    return (*_scores(together, np.concatenate(answers)), round(float(np.mean(learned))), len(together))


def _changed(found: images.PictureCache, train: pd.DataFrame, seed: int) -> np.ndarray:
    """Thumbnails of lightly changed copies, each in its own way."""
    rng = np.random.default_rng(seed)
    rows = found.rows(train["page_id"].tolist())
    kinds = [near_copies.NEAR_COPIES[copy % len(near_copies.NEAR_COPIES)] for copy in train["copy"]]
    made = [
        near_copies.near_copy(np.ascontiguousarray(found.pictures[row]), kind, rng=rng)
        for row, kind in zip(rows, kinds, strict=True)
    ]
    return simple.thumbnails(np.stack([cv2.resize(picture, SIZE[::-1]) for picture in made]))


def _scores(targets: np.ndarray, answers: np.ndarray) -> tuple[float, float]:
    found = counts.count_scores(counts.confusion(targets, answers, np.ones(len(targets))))
    return float(found["accuracy"]), float(found["balanced_accuracy"])


def _targets(rows: pd.DataFrame) -> np.ndarray:
    return rows["label"].map({name: at for at, name in enumerate(CLASSES)}).to_numpy(int)


Fit = Callable[[np.ndarray, np.ndarray], simple.Answer]


def _thumbnail(inputs: np.ndarray, targets: np.ndarray) -> simple.Answer:
    return simple.fit("thumbnail", inputs, targets, groups=np.arange(len(targets)), seed=0)


def _remember(inputs: np.ndarray, targets: np.ndarray) -> simple.Answer:
    model: Any = make_pipeline(StandardScaler(), KNeighborsClassifier(1, algorithm="brute"))
    with threadpoolctl.threadpool_limits(1):
        model.fit(inputs, targets)

    def answer(pages: np.ndarray) -> np.ndarray:
        with threadpoolctl.threadpool_limits(1):
            return np.eye(len(CLASSES))[model.predict(pages)]

    return answer


_MODELS: dict[str, Fit] = {"remember": _remember, "thumbnail": _thumbnail}
