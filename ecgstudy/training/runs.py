"""A run: one model on one fold. Its identity, its folder, its state, and what it answered. No TensorFlow here."""

import functools
import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ecgstudy import files
from ecgstudy.data import images, lead_boxes, manifest, measurements, splits
from ecgstudy.models import registry
from ecgstudy.study import Recipe, Study
from ecgstudy.training import averages
from ecgstudy.vocabulary import PREDICTION_COLUMNS

RECIPE = 2  # raised whenever a change in this room changes what a run answers
CLEAN = "clean"  # the variant that changes nothing
VARIANTS = 1  # raised whenever a variant changes what its runs learn from
CONDITIONS = 1  # raised whenever a damaged page becomes another one
HOW_MADE = ("layout", "strip_lead", "lead_off", "low_quality")  # how a page was made, as far as a manifest knows

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
        models: only these; `study.models` by default. Those of `study.ablations` have runs under `grouped` alone.

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
        if protocol == "grouped" or row.name not in study.ablations
    ]


def variant_runs(study: Study, models: Sequence[str] | None = None) -> list[Run]:
    """Runs of `grouped` that learn from something else: the study's controls, and shares of its pages.

    Args:
        study: as for `study_runs`; its control model is what is trained.
        models: where these leave the control model out, there is no such run.
    """
    asked = study.evaluation
    names = list(dict.fromkeys([*asked.controls, *(f"share-{share:g}" for share in asked.learning_shares)]))
    if not names or asked.control_model not in (study.models if models is None else models):
        return []
    common = settings(study, registry.model_row(asked.control_model)) | {"variants": VARIANTS}
    own = {"how_made": {"facts": _how_made(study)}} if "how_made" in names else {}
    hashes = _data_hashes(study)
    return [
        Run(asked.control_model, protocol, fold, seed, name, common | own.get(name, {}), data)
        for name in names
        for (protocol, seed, fold), data in hashes.items()
        if protocol == "grouped"
    ]


def settings(study: Study, row: registry.ModelRow) -> dict[str, Any]:
    """What a model's runs follow from beside their pages; what it does not read is left out."""
    found: dict[str, Any] = {"row": asdict(row.parameters)}
    if row.input in ("page", "leads"):
        found["image"] = study.image.model_dump(mode="json")
    if row.input in ("rate", "measurements"):
        found["measurements"] = measurements.RECIPE
    if row.input == "leads":
        found["lead_boxes"] = lead_boxes.RECIPE
    if not row.is_network:
        found["simple"] = registry.SIMPLE_RECIPE
    if row.is_network:
        recipe = study.training.recipe(row.name).model_dump(mode="json")
        idle = {"weights", "train_from", "head_epochs", "cached_views"} if row.backbone == "plain" else {"width"}
        idle |= set() if recipe["head_epochs"] else {"head_learning_rate"}
        idle |= {"inner_answers"} if recipe["inner_answers"] else set()
        found["recipe"] = {key: value for key, value in recipe.items() if key not in idle}
        source = registry.weights_source(row, recipe["weights"])
        found["weights"] = files.file_hash(Path(source)) if Path(source).is_file() else source
        if recipe["train_from"] == "all" and source != "random":
            found["norms"] = "kept"  # pretrained batch norms learned too, once; such runs are others
    return found


def runs_folder(study: Study) -> Path:
    """Where a study's runs lie, one folder each."""
    return study.folder / "runs"


def conditions_folder(study: Study, run: Run) -> Path:
    """Where a run's answers for damaged pages lie: beside it, as complete as a run's own folder when finished."""
    asked = study.evaluation
    key = files.content_hash(run.key, str(CONDITIONS), str(asked.robustness_pages), str(asked.robustness_severities))
    return runs_folder(study) / f"{run.name}-conditions-{key[:12]}"


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
        the pages left out of the selection, and `inner`, out-of-fold answers for their own training part. Other
        variants than `clean` learned from something else, other conditions answered damaged pages; both hold `test`
        alone. The study's averages stand below, made from the others here.

    Raises:
        ValueError: no run is finished.
    """
    found = _read(study, _finished(study, models, beside=True), "predictions.csv", dtype=_TEXT)
    return averages.with_averages(found, study.evaluation.averages)


def read_histories(study: Study, models: Sequence[str] | None = None) -> pd.DataFrame:
    """Learning curves of all finished runs: the columns of `read_predictions` up to `variant`, and the epochs'."""
    return _read(study, _finished(study, models), "history.csv")


def read_lead_weights(study: Study, models: Sequence[str] | None = None) -> pd.DataFrame:
    """How much each lead counted on each page that a model of leads answered: the columns of `read_predictions` up to
    `variant`, `page_id`, and one per lead and the strip, which sum to 1.

    Raises:
        ValueError: no run of such a model is finished.
    """
    return _read(study, _finished(study, models), "leads.csv", dtype=_TEXT)


def read_costs(study: Study, models: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per finished run: epochs, seconds, parameters, parameters trained."""
    rows = [identity | json.loads((f / "done.json").read_text())["facts"] for f, identity in _finished(study, models)]
    return pd.DataFrame(rows)


Found = Iterable[tuple[Path, dict[str, Any]]]


def _read(study: Study, found: Found, name: str, **options: Any) -> pd.DataFrame:
    tables = []
    for folder, identity in found:
        if (folder / name).is_file():
            table = pd.read_csv(folder / name, **options)
            if len(table):
                tables.append(pd.DataFrame(identity, index=table.index).join(table))
    if not tables:
        raise ValueError(f"{runs_folder(study)}: no finished run with {name} yet; `es.run_grid(study)` trains them")
    return pd.concat(tables, ignore_index=True)


def _finished(study: Study, models: Sequence[str] | None, *, beside: bool = False) -> Found:
    """Folder and identity of each finished run; `beside` them their variants, and answers for damaged pages."""
    for run in study_runs(study, models) + (variant_runs(study, models) if beside else []):
        folders = [runs_folder(study) / run.name, *([conditions_folder(study, run)] if beside else [])]
        if is_finished(folders[0]):
            yield from ((folder, _identity(run)) for folder in folders if is_finished(folder))


def _identity(run: Run) -> dict[str, Any]:
    row = registry.model_row(run.model)
    recipe = run.settings.get("recipe", {})
    return {
        "run": run.name,
        "model": run.model,
        "weights": registry.weights_source(row, recipe.get("weights", "random")),
        "trained": registry.trained_part(row, recipe.get("train_from", "all")),
        "protocol": run.protocol,
        "seed": run.seed,
        "fold": run.fold,
        "variant": run.variant,
    }


def _how_made(study: Study) -> str:
    """Hash of what the manifest knows about how its pages were made."""
    facts = manifest.read_manifest(study.folder / "manifest.csv")
    known = [name for name in ("page_id", *HOW_MADE) if name in facts]
    return files.content_hash(*known, *sorted(facts[known].astype(str).agg("|".join, axis=1)))


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
