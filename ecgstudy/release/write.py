"""The model that a study hands out: chosen on inner predictions, calibrated, packed with its hashes and its card.

What is handed out are the fold models of the protocol `grouped` under the study's first seed, whose mean answer is
what the study tested on the pages left out of the selection. Nothing is trained on all pages: such a model
would have no test.
"""

import importlib.metadata
import json
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data import images, shipped, splits
from ecgstudy.data.manifest import read_manifest
from ecgstudy.data.prepare import open_study
from ecgstudy.evaluation import choice, pooling
from ecgstudy.models import registry, simple
from ecgstudy.release import card, decision, leads_tested, likeness
from ecgstudy.release.load import CARD, FORMAT, RECORD, TOLERANCE, check_pictures, load_members
from ecgstudy.release.measured import measured
from ecgstudy.report import cards, tables
from ecgstudy.study import Study
from ecgstudy.training import members, parts, runs
from ecgstudy.training.runs import Run

LIBRARIES = ("ecgstudy", "numpy", "opencv-python-headless", "pillow", "tensorflow", "keras", "scikit-learn")
PACKED_WIDTH = 703  # of the packed pages that a study of `shipped` or `synthetic` pages learns from
RESAMPLES = 2000
CHECKED = 3  # test pages per member that the packed model has to answer as its run did

Say = Callable[[str], None]


def release(study: Study, model: str | None = None, *, progress: Say = lambda line: None) -> Path:
    """Choose, check and pack the model that a study hands out.

    Without `model`, it is the one with the best mean balanced accuracy on the inner out-of-fold predictions; no test
    page has a say. Models that can be handed out read the page itself and have inner predictions: networks
    with a frozen part, and the thumbnail; networks of frozen random weights are a control and left aside.

    Args:
        study: its runs of `grouped` are finished.
        model: this one instead.
        progress: takes a line now and then.

    Returns:
        The folder `outputs/<study>/models/best`. It appears whole: `release.json`, written last, names all other
        files by their content.

    Raises:
        ValueError: no such model, or its runs are not finished or have no inner predictions.
    """
    manifest, predictions = read_manifest(study.folder / "manifest.csv"), runs.read_predictions(study)
    scores = candidates(predictions, manifest)
    chosen = _chosen(model, scores)
    progress(f"handing out {chosen}")
    own_runs = _member_runs(study, chosen)
    own = predictions[predictions["run"].isin([run.name for run in own_runs])]
    names = [run.name for run in own_runs]
    fitted = decision.fit(own, manifest, names)
    folder = study.folder / "models" / "best"
    folder.mkdir(parents=True, exist_ok=True)
    shelf = _Shelf(folder)
    reference = _Pictures(study, manifest)
    shelf.arrays("decision", fitted.arrays)
    shelf.arrays("likeness", {"thumbnails": reference.likeness.thumbnails})
    _put_members(shelf, study, own_runs, reference)
    record = {
        "format": FORMAT, "study": study.name, "model": chosen, "title": registry.model_row(chosen).title,
        "weights": str(own["weights"].iloc[0]), "trained": str(own["trained"].iloc[0]),
        "chosen_by": "request" if model else "balanced accuracy of inner out-of-fold predictions",
        "inner_scores": {name: round(value, 4) for name, value in scores.items()},
        "runs": [run.record for run in own_runs],
        "source": cards.PUBLIC_SET if study.data.source == "shipped" else "pages of one's own",
        "picture": _picture(study),
        "pages": {"number": len(reference.page_ids), "layouts": reference.layouts, "groups": reference.groups},
        "decision": fitted.numbers | {"promises": fitted.promises}, "unlike_from": reference.likeness.limit,
        "measured": measured(own, manifest, resamples=RESAMPLES, level=study.evaluation.level),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }  # fmt: skip
    if tested := leads_tested.of_study(study.folder, chosen):
        record["leads_tested"] = tested
    record["files"] = shelf.files
    packed = load_members(record, folder)
    _check_answers(packed, own, names, reference.cache)
    record["check"] = packed.answers(check_pictures(record)).round(6).tolist()
    record["key"] = files.content_hash(json.dumps(record, sort_keys=True))[:12]
    shelf.text(CARD, card.model_card(record))
    shelf.text(RECORD, json.dumps(record, indent=1))
    shelf.clear()
    return folder


def candidates(predictions: pd.DataFrame, manifest: pd.DataFrame) -> dict[str, float]:
    """Mean inner balanced accuracy of every model that can be handed out, best first."""
    rows = predictions[~tables.is_random_control(predictions)]
    hand_out = [name for name, row in registry.MODELS.items() if row.input == "page"]
    rows = rows[rows["model"].isin(hand_out)]
    scores = choice.inner_scores(rows, manifest)
    means = scores.groupby("model")["value"].mean().sort_values(ascending=False, kind="stable")
    return {str(name): float(value) for name, value in means.items()}


def _chosen(model: str | None, scores: dict[str, float]) -> str:
    if model is None and not scores:
        raise ValueError("no model to hand out: none that reads the page has inner predictions (protocol 'grouped')")
    name = next(iter(scores)) if model is None else registry.model_row(model).name
    if registry.model_row(name).input != "page":
        raise ValueError(f"{name}: reads {registry.model_row(name).input}, not the page; it cannot be handed out")
    return name


def _member_runs(study: Study, model: str) -> list[Run]:
    """The runs of the protocol `grouped` under the first seed, in the order of folds; all finished."""
    seed = study.splits.seeds[0]
    found = [r for r in runs.study_runs(study, [model]) if r.protocol == "grouped" and r.seed == seed]
    missing = [run.name for run in found if not runs.is_finished(runs.runs_folder(study) / run.name)]
    if not found or missing:
        raise ValueError(f"{model}: {missing[0] if missing else 'protocol grouped'} is not finished; train it first")
    return sorted(found, key=lambda run: run.fold)


def _picture(study: Study) -> dict[str, Any]:
    """How a page becomes what the model reads."""
    packed = study.data.source in ("shipped", "synthetic")
    return study.image.model_dump() | {
        "source_region": "grid" if packed else "page",
        "packed_width": PACKED_WIDTH if packed else None,
        "webp_quality": shipped.QUALITY if study.data.source == "shipped" else None,
    }


class _Pictures:
    """The pages that a study learns from, as its models read them."""

    def __init__(self, study: Study, manifest: pd.DataFrame):
        selected = manifest[manifest["selected"].astype(bool)].drop_duplicates("page_id")
        image = study.image
        self.cache = images.cached_pictures(
            open_study(study), region=image.region, height=image.height, width=image.width,
            folder=study.folder / "cache",
        )  # fmt: skip
        self.page_ids = selected["page_id"].tolist()
        self.layouts = sorted(selected["layout"].unique().tolist())
        self.groups = int(selected["group"].nunique())
        pictures = self.cache.pictures[self.cache.rows(self.page_ids)]
        self.likeness = likeness.fit(pictures, selected["group"].to_numpy(dtype=str))


def _put_members(shelf: "_Shelf", study: Study, own_runs: Sequence[Run], reference: _Pictures) -> None:
    if registry.model_row(own_runs[0].model).is_network:
        for run in own_runs:
            shelf.copy(f"member-{run.fold}", runs.runs_folder(study) / run.name / "weights.npz")
        if members.needs_frozen(own_runs[0]):
            shelf.put("frozen", ".npz", partial(members.write_frozen, own_runs[0]))
        return
    table, manifest = splits.read_splits(study.folder / "splits"), read_manifest(study.folder / "manifest.csv")
    for run in own_runs:  # a second's work: simple models keep no files
        learning = parts.run_parts(run, manifest, table).learning
        small = simple.thumbnails(reference.cache.pictures[reference.cache.rows(learning["page_id"].tolist())])
        fitted = simple.thumbnail_pipeline().fit(small, learning["target"].to_numpy())
        shelf.arrays(f"member-{run.fold}", members.linear_arrays(fitted))


def _check_answers(packed: members.Members, own: pd.DataFrame, names: list[str], cache: images.PictureCache) -> None:
    """Raise ValueError unless the packed members answer a few pages as their runs did."""
    tested = own[(own["part"] == "test") & (own["condition"] == runs.CLEAN)].groupby("run").head(CHECKED)
    answers = packed.answers(cache.pictures[cache.rows(tested["page_id"].tolist())])
    mine = answers[[names.index(run) for run in tested["run"]], np.arange(len(tested))]
    away = np.abs(mine - pooling.probabilities(tested)).max()
    if away > TOLERANCE:
        raise ValueError(f"{tested['run'].iloc[0]}: answers {away:.3f} away from its own predictions; train it anew")


class _Shelf:
    """A folder of files that are named by their content, so that a new release never touches an old one's."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.files: dict[str, dict[str, str]] = {}

    def put(self, name: str, suffix: str, write: Callable[[Path], object]) -> None:
        half_done = files.write_atomically(self.folder / f".{name}{suffix}", write)
        digest = files.file_hash(half_done)
        path = half_done.replace(self.folder / f"{name}-{digest[:8]}{suffix}")
        self.files[name] = {"file": path.name, "sha256": digest}

    def arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        self.put(name, ".npz", lambda path: np.savez_compressed(path, allow_pickle=False, **arrays))

    def copy(self, name: str, source: Path) -> None:
        self.put(name, source.suffix, lambda path: shutil.copyfile(source, path))

    def text(self, name: str, text: str) -> None:
        files.write_atomically(self.folder / name, lambda path: path.write_text(text + "\n", encoding="utf-8"))

    def clear(self) -> None:
        """Remove what no record names any more."""
        kept = {entry["file"] for entry in self.files.values()} | {CARD, RECORD}
        for path in self.folder.iterdir():
            if path.name not in kept:
                path.unlink()
