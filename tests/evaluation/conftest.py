"""A small public set with known answers: copies, groups, layouts, pages left out, and runs of simulated models."""

import zlib

import numpy as np
import pandas as pd
import pytest

from ecgstudy.vocabulary import CLASSES, PROBABILITIES

COPIES = {"mi": 4, "abnormal": 1, "history": 2, "normal": 2}
SELECTED = {"mi": 16, "abnormal": 60, "history": 32, "normal": 44}
LEFT_OUT = {"mi": 8, "abnormal": 30, "history": 12, "normal": 50}
FOLDS = 4


def make_manifest() -> pd.DataFrame:
    """One row per file; two pages of one class share a group; every fifth page left out is `6x2plain`."""
    rows = []
    for selected, counts in ((True, SELECTED), (False, LEFT_OUT)):
        for label, pages in counts.items():
            for at in range(pages):
                page = f"{label}-{'in' if selected else 'out'}-{at}"
                layout = "3x4" if selected or at % 5 else "6x2plain"
                for copy in range(COPIES[label] if selected else 1):
                    group = f"{label}-{selected}-{at // 2}"
                    rows.append((f"{page}-{copy}.jpg", page, label, selected, group, layout, 703, 412))
    names = ["path", "page_id", "label", "selected", "group", "layout", "width", "height"]
    return pd.DataFrame(rows, columns=names)


def answers(labels: np.ndarray, pages: pd.Series, model: str, skill: float, seed: int) -> np.ndarray:
    """Probabilities of a model: what it thinks of a page, noise of the run, and `skill` on top for the true class."""
    logits = 0.5 * np.random.default_rng(seed).normal(size=(len(labels), len(CLASSES)))
    logits += [np.random.default_rng(zlib.crc32(f"{model} {page}".encode())).normal(size=4) for page in pages]
    logits[np.arange(len(labels)), labels] += skill
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True)


def make_runs(
    manifest: pd.DataFrame, model: str, skill: float, *, seeds=(0,), variant="clean", condition="clean", inner=True
) -> pd.DataFrame:
    """Predictions of one model on all rungs; it knows a file better that has a copy in training."""
    parts = []
    files = manifest[manifest["selected"]].reset_index(drop=True)
    pages = files.drop_duplicates("page_id")
    unseen = manifest[~manifest["selected"]]
    for seed in seeds:
        chance = np.random.default_rng(100 + seed)
        order = {name: at for at, name in enumerate(chance.permutation(pages["group"].unique()))}
        folds = {
            "as_published": (files, chance.permutation(len(files)) % FOLDS),
            "distinct": (pages, chance.permutation(len(pages)) % FOLDS),
            "grouped": (pages, pages["group"].map(order).to_numpy() % FOLDS),
        }
        for protocol, (rows, fold_of) in folds.items():
            for fold in range(FOLDS):
                test, rest = rows[fold_of == fold], rows[fold_of != fold]
                used = [("test", test)]
                if protocol == "grouped":
                    used += [("unseen", unseen)] + ([("inner", rest)] if inner else [])
                for part, own in used:
                    seen = own["page_id"].isin(rest["page_id"]) if protocol == "as_published" else 0
                    label = own["label"].map({name: at for at, name in enumerate(CLASSES)}).to_numpy()
                    number = zlib.crc32(f"{model} {seed} {fold} {part} {protocol} {variant} {condition}".encode())
                    table = own[["path", "page_id"]].assign(
                        run=f"{model}-{protocol}-s{seed}-f{fold}-{variant}", model=model, weights="random",
                        trained="all", protocol=protocol, seed=seed, fold=fold, variant=variant, part=part,
                        condition=condition,
                    )  # fmt: skip
                    probability = answers(label, own["page_id"], model, skill + 3 * np.asarray(seen), number)
                    table[list(PROBABILITIES)] = probability
                    parts.append(table)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def manifest() -> pd.DataFrame:
    return make_manifest()


@pytest.fixture(scope="session")
def predictions(manifest) -> pd.DataFrame:
    """Two models: `good` (two seeds) and `weak`."""
    return pd.concat(
        [make_runs(manifest, "good", 2.0, seeds=(0, 1)), make_runs(manifest, "weak", 0.7, seeds=(0, 1))],
        ignore_index=True,
    )


@pytest.fixture(scope="session")
def simulate_runs():
    """The function that makes a model's predictions: `simulate_runs(manifest, model, skill, ...)`."""
    return make_runs
