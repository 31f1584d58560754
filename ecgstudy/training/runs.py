"""A run: one model on one fold. Its identity, its folder, its state, and what it answered. No TensorFlow here."""

import functools
import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ecgstudy import files
from ecgstudy.data import images, manifest, splits
from ecgstudy.models import registry
from ecgstudy.study import Recipe, Study
from ecgstudy.vocabulary import PREDICTION_COLUMNS

RECIPE = 1  # raised whenever a change in this room changes what a run answers
CLEAN = "clean"  # the variant that changes nothing

_NETWORK_LIBRARIES = ("tensorflow", "keras", "numpy")
_SIMPLE_LIBRARIES = ("scikit-learn", "numpy", "opencv-python-headless")
_TEXT = {"path": "string", "page_id": "string"}


@dataclass(frozen=True)
class Run:
    """One model, protocol, fold, seed and variant with fixed settings.

    `settings` holds all else that its answers follow from: the model's row, its recipe, the picture. `data` is the hash
    of the pages in its parts.
    """

    model: str
    protocol: str
    fold: int
    seed: int
    variant: str = CLEAN
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    data: str = ""

    @functools.cached_property
    def key(self) -> str:
        """12 hex digits of all that the run follows from, the libraries that compute included."""
        return files.content_hash(json.dumps(self.record, sort_keys=True))[:12]

    @property
    def name(self) -> str:
        return f"{self.model}-{self.protocol}-s{self.seed}-f{self.fold}-{self.variant}-{self.key}"

    @property
    def record(self) -> dict[str, Any]:
        """The run as plain data, as `run.json` keeps it."""
        row = registry.model_row(self.model)
        libraries = _NETWORK_LIBRARIES if row.is_network else _SIMPLE_LIBRARIES
        versions = {name: importlib.metadata.version(name) for name in libraries}
        return asdict(self) | {"libraries": versions, "recipes": {"models": registry.RECIPE, "training": RECIPE}}

    @property
    def recipe(self) -> Recipe:
        """The training recipe of a network's run."""
        return Recipe.model_validate(self.settings["recipe"])


def study_runs(study: Study, models: Sequence[str] | None = None) -> list[Run]:
    """All runs of a study as it is now, finished or not.

    Args:
        study: its splits must lie in its folder (`es.open_study(study)` makes them).
        models: only these; all of the study by default.

    Raises:
        ValueError: unknown model; no splits yet.
    """
    names = list(study.models if models is None else models)
    rows = [registry.model_row(name) for name in names]
    hashes = _data_hashes(study)
    return [
        Run(row.name, protocol, fold, seed, CLEAN, settings(study, row), data)
        for row in rows
        for (protocol, seed, fold), data in hashes.items()
    ]


def settings(study: Study, row: registry.ModelRow) -> dict[str, Any]:
    """What a model's runs follow from beside their pages; what it does not read is left out."""
    found: dict[str, Any] = {"row": asdict(row.parameters)}
    if row.input in ("page", "leads"):
        found["image"] = study.image.model_dump(mode="json")
    if row.is_network:
        recipe = study.training.recipe(row.name).model_dump(mode="json")
        idle = {"weights", "train_from", "head_epochs", "cached_views"} if row.backbone == "plain" else {"width"}
        found["recipe"] = {key: value for key, value in recipe.items() if key not in idle}
        source = registry.weights_source(row, recipe["weights"])
        found["weights"] = files.file_hash(Path(source)) if Path(source).is_file() else source
    return found


def runs_folder(study: Study) -> Path:
    """Where a study's runs lie, one folder each."""
    return study.folder / "runs"


def is_finished(folder: Path) -> bool:
    """Whether a run's folder is complete and holds what was written."""
    try:
        done = json.loads((folder / "done.json").read_text())
        return all(files.file_hash(folder / name) == digest for name, digest in done["files"].items())
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def finish(folder: Path, run: Run, predictions: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Write what a run answered, and last of all `done.json`, which makes it finished.

    Args:
        folder: of the run; model files already lie in it.
        predictions: `vocabulary.PREDICTION_COLUMNS`.
        facts: what the training cost: epochs, seconds, parameters.
    """
    table = predictions[list(PREDICTION_COLUMNS)]
    record = json.dumps(run.record, indent=1, sort_keys=True)
    files.write_atomically(folder / "predictions.csv", lambda path: table.to_csv(path, index=False))
    files.write_atomically(folder / "run.json", lambda path: path.write_text(record))
    kept = sorted(path for path in folder.iterdir() if path.name != "done.json" and not path.name.startswith("."))
    done = {"files": {path.name: files.file_hash(path) for path in kept}, "facts": dict(facts)}
    files.write_atomically(folder / "done.json", lambda path: path.write_text(json.dumps(done, indent=1)))


def read_predictions(study: Study, models: Sequence[str] | None = None) -> pd.DataFrame:
    """What all finished runs of a study answered.

    Returns:
        One row per run and file: `run, model, weights, trained, protocol, seed, fold, variant` and
        `vocabulary.PREDICTION_COLUMNS`. Part `test` is the run's own test part; runs of `grouped` also hold `unseen`,
        the pages left out of the selection, and `inner`, out-of-fold answers for their own training part.

    Raises:
        ValueError: no run is finished.
    """
    return _read(study, models, "predictions.csv", dtype=_TEXT)


def read_histories(study: Study, models: Sequence[str] | None = None) -> pd.DataFrame:
    """Learning curves of all finished runs: the columns of `read_predictions` up to `variant`, and the epochs'."""
    return _read(study, models, "history.csv")


def read_costs(study: Study, models: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per finished run: epochs, seconds, parameters, parameters trained."""
    rows = [identity | json.loads((f / "done.json").read_text())["facts"] for f, identity in _finished(study, models)]
    return pd.DataFrame(rows)


def _read(study: Study, models: Sequence[str] | None, name: str, **options: Any) -> pd.DataFrame:
    tables = []
    for folder, identity in _finished(study, models):
        if (folder / name).is_file():
            table = pd.read_csv(folder / name, **options)
            tables.append(pd.DataFrame(identity, index=table.index).join(table))
    if not tables:
        raise ValueError(f"{runs_folder(study)}: no finished run with {name} yet; `es.run_grid(study)` trains them")
    return pd.concat(tables, ignore_index=True)


def _finished(study: Study, models: Sequence[str] | None) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folder and identity of each finished run."""
    for run in study_runs(study, models):
        folder = runs_folder(study) / run.name
        if is_finished(folder):
            row = registry.model_row(run.model)
            recipe = run.settings.get("recipe", {})
            yield (
                folder,
                {
                    "run": run.name,
                    "model": run.model,
                    "weights": registry.weights_source(row, recipe.get("weights", "random")),
                    "trained": registry.trained_part(row, recipe.get("train_from", "all")),
                    "protocol": run.protocol,
                    "seed": run.seed,
                    "fold": run.fold,
                    "variant": run.variant,
                },
            )


def _data_hashes(study: Study) -> dict[tuple[str, int, int], str]:
    """Per protocol, seed and fold: a hash of pages, labels and groups in each part, whatever their order.

    Runs of `grouped` also answer the unseen pages, so these are part of what such a run is.
    """
    facts = manifest.read_manifest(study.folder / "manifest.csv")
    known = [name for name in ("page_id", "label", "group", "printed_bpm") if name in facts]
    text = facts.set_index("path")[known].astype(str).agg("|".join, axis=1)
    kind = study.data.source if study.data.source in ("shipped", "synthetic") else "files"
    found: dict[tuple[str, int, int], str] = {}
    tables = splits.read_splits(study.folder / "splits")
    lines = {name: _lines(table, text) for name, table in tables.items()}
    for protocol, folds in lines.items():
        for (seed, fold), rows in folds.items():
            if protocol != "unseen":
                more = lines.get("unseen", {}).get((seed, fold), []) if protocol == "grouped" else []
                found[protocol, seed, fold] = files.content_hash(images.RECIPE, kind, *rows, "unseen", *more)
    return found


def _lines(split: pd.DataFrame, text: pd.Series) -> dict[tuple[int, int], list[str]]:
    lines = split["part"] + "|" + text.loc[split["path"]].to_numpy()
    return {
        (int(seed), int(fold)): sorted(rows) for (seed, fold), rows in lines.groupby([split["seed"], split["fold"]])
    }  # type: ignore[misc]
