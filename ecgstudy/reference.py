"""What a study answered, small enough to commit, and every reference table made from it again without training.

`outputs/reference/<study>/` then holds, beside the tables:

- `predictions.csv`: `run, page` (rows of the next two files, from 0) and probabilities in four decimals, or in six
  where the order of pages counts; that of the last class is what is missing to 1;
- `runs.csv`: which model, protocol, seed, fold, variant, part and condition;
- `manifest.csv`: one row per file, by its place: `page_id, label, selected, group, layout`;
- `study.yaml`: the parameters;
- what notebooks found out about pages, selection and explanations (`READ`, `FIGURES`), which cannot be made again
  from answers.

Answers to unseen pages are averaged over the fold models, and inner answers left out, except for the model that the
clinical tables show.
"""

import functools
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ecgstudy import files
from ecgstudy.data import manifest as manifests
from ecgstudy.evaluation import pooling, results
from ecgstudy.study import Study, outputs_root, project_root
from ecgstudy.training import runs
from ecgstudy.vocabulary import CLASSES, PROBABILITIES, choose

TABLES = ("ladder", "recalls", "steps", "comparisons", "controls", "robustness", "learning_curve")
INNER = ("nested_choice", "inner_scores", "seed_spread")  # of inner answers, which are not kept: as the study made them
CLINICAL = ("detection", "decision_curve", "reliability", "risk_coverage", "conformal")  # of one model
# of notebooks 1, 3, 4 and 5: kept as they are, less digits
READ = (
    "rate_agreement", "device_agreement", "residuals", "pulses", "same_heart", "same_heart_over_time",
    "redrawn_layouts", "ablations", "selection_visible", "device_disagreement", "claimed_split", "lead_shares",
    "territories", "deciding_leads", "faithfulness", "verdicts", "gradcam_agreement", "gradient_differences",
)  # fmt: skip
FIGURES = ("lead_layout", "faithfulness", "faithfulness_second")
DIGITS, CLINICAL_DIGITS = 4, 6
AVERAGED = -1  # the fold of an average over fold models
RUN_COLUMNS = ["model", "weights", "trained", "protocol", "seed", "fold", "variant", "part", "condition"]
MANIFEST_COLUMNS = ["page_id", "label", "selected", "group", "layout"]


def keep_predictions(study: Study) -> Path:
    """Write what the reference tables of a study follow from, from its finished runs.

    Args:
        study: every model with finished runs is kept, with variants and answers for damaged pages.

    Returns:
        The folder `outputs/reference/<study>`.

    Raises:
        ValueError: no run is finished.
    """
    content = _without_paths(study)
    folder = outputs_root() / "reference" / content["name"]
    pages = manifests.read_manifest(study.folder / "manifest.csv")
    kept = compact(runs.read_predictions(study), pages, clinical=study.explanation.models[:1])
    for name, table in kept.items():
        _write(table, folder / f"{name}.csv")
    chosen = study.evaluation
    options = {"resamples": chosen.resamples, "level": chosen.level}
    made = results.results(runs.read_predictions(study), pages, wanted=INNER, **options)  # type: ignore[arg-type]
    for name, table in made:
        _write(_short(table), folder / f"{name}.csv")
    text = yaml.safe_dump({"study": content}, sort_keys=False)
    files.write_atomically(folder / "study.yaml", lambda path: path.write_text(text))
    return folder


def keep_tables(study: Study) -> list[Path]:
    """Keep tables and figures of a study's notebooks beside its other reference tables, numbers in four decimals.

    Returns:
        What was kept; nothing of a study whose notebooks have not run.
    """
    folder = outputs_root() / "reference" / _without_paths(study)["name"]
    tables = [study.folder / "tables" / f"{name}.csv" for name in READ]
    figures = [study.folder / "figures" / f"{name}.svg" for name in FIGURES]
    kept = [_write(_short(pd.read_csv(path)), folder / path.name) for path in tables if path.is_file()]
    drawn = [path for path in figures if path.is_file()]
    return kept + [
        files.write_atomically(folder / path.name, functools.partial(shutil.copyfile, path)) for path in drawn
    ]


def _without_paths(study: Study) -> dict[str, Any]:
    """The parameters as anyone may read them: a folder of one's own is `DATA`, and its hash not in the name."""
    content = study.content
    if study.data.source in ("shipped", "synthetic"):
        return content
    return content | {"name": study.name.rsplit("-", 1)[0], "data": content["data"] | {"source": "DATA"}}


def read_reference(study: str, table: str = "ladder") -> pd.DataFrame:
    """A committed table of results, such as the ladder of the benchmark on the complete set.

    Args:
        study: a folder of `outputs/reference/`: `quick`, `originals`, `complete`.
        table: the stem of one of its CSV files.

    Raises:
        ValueError: there is no such study or table; the message names those that are there.
    """
    root = project_root() / "outputs" / "reference"
    choose("reference study", study, sorted(path.name for path in root.glob("*") if path.is_dir()))
    choose(f"table of {study}", table, sorted(path.stem for path in (root / study).glob("*.csv")))
    return pd.read_csv(root / study / f"{table}.csv")


def rebuild(folder: Path) -> list[Path]:
    """Make every table of a reference folder again from the answers that lie in it.

    Args:
        folder: as `keep_predictions` left it.

    Returns:
        The tables: `TABLES` of all models and `CLINICAL` of the one whose inner answers are kept, those that the
        answers can serve. Probabilities have four decimals, so numbers may differ from the study's own in the fourth.

    Raises:
        ValueError: a file of the folder is missing.
    """
    folder = Path(folder)
    missing = [name for name in ("predictions.csv", "runs.csv", "manifest.csv") if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder}: {missing[0]} is missing; `keep_predictions(study)` writes it")
    study = Study.load(folder / "study.yaml")
    predictions, pages = expanded(folder)
    clinical = predictions[predictions["model"].isin(predictions.loc[predictions["part"] == "inner", "model"])]
    options = {"resamples": study.evaluation.resamples, "level": study.evaluation.level}
    made = dict(results.results(predictions, pages, wanted=TABLES, **options))  # type: ignore[arg-type]
    if len(clinical):
        made |= dict(results.results(clinical, pages, wanted=CLINICAL, **options))  # type: ignore[arg-type]
    return [_write(_short(table), folder / f"{name}.csv") for name, table in made.items()]


def compact(predictions: pd.DataFrame, pages: pd.DataFrame, *, clinical: Iterable[str]) -> dict[str, pd.DataFrame]:
    """`predictions`, `runs` and `manifest` as they are kept.

    Args:
        predictions: as `es.read_predictions` gives them.
        pages: the manifest, one row per file.
        clinical: models whose inner answers, and answers of every fold model to unseen pages, are kept too.
    """
    pages = pages.sort_values("path", ignore_index=True)
    rows = predictions.assign(**{name: predictions[name].fillna("") for name in pooling.MODEL})
    in_full = rows["model"].isin(list(clinical))
    rows = pd.concat([rows[in_full | (rows["part"] == "test")], _averaged(rows[~in_full & (rows["part"] == "unseen")])])
    place = pd.Series(pages.index, index=pages["path"])
    rows = rows.assign(page=place[rows["path"]].to_numpy(), run=rows.groupby(RUN_COLUMNS, sort=True).ngroup())
    rows = rows.sort_values(["run", "page"], ignore_index=True)
    plain, fine = (rounded(pooling.probabilities(rows), digits) for digits in (DIGITS, CLINICAL_DIGITS))
    found = np.where(rows["model"].isin(list(clinical)).to_numpy()[:, None], fine, plain)
    answers = rows[["run", "page"]].assign(**dict(zip(PROBABILITIES[:-1], found.T[:-1], strict=True)))
    known = rows.drop_duplicates("run")[RUN_COLUMNS]
    return {"predictions": answers, "runs": known, "manifest": pages[MANIFEST_COLUMNS]}


def expanded(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and manifest of a reference folder, as `evaluation` reads them.

    Files are named by their place, which is all that tables need of a path.
    """
    pages = pd.read_csv(folder / "manifest.csv", dtype={"page_id": str, "group": str})
    pages = pages.assign(path=[f"{at:06d}" for at in pages.index], width=0, height=0)
    known = pd.read_csv(folder / "runs.csv", keep_default_na=False)
    answers = pd.read_csv(folder / "predictions.csv")
    rows = known.loc[answers["run"]].reset_index(drop=True)
    own = pages.loc[answers["page"], ["path", "page_id"]].reset_index(drop=True)
    last = (1 - answers[list(PROBABILITIES[:-1])].sum(axis=1)).round(CLINICAL_DIGITS)
    found = pd.concat([rows, own, answers[list(PROBABILITIES[:-1])]], axis=1).assign(**{PROBABILITIES[-1]: last})
    names = found[["model", "weights", "trained", "protocol", "seed", "fold", "variant"]].astype(str)
    return found.assign(run=names.agg("-".join, axis=1)), pages


def rounded(answers: np.ndarray, digits: int) -> np.ndarray:
    """Probabilities in so many decimals that add up to 1 and name the same class first; shape `(pages, classes)`."""
    whole = np.round(answers * 10**digits).astype(int)
    whole[:, -1] = 10**digits - whole[:, :-1].sum(axis=1)
    rows, named = np.arange(len(whole)), answers.argmax(axis=1)
    for _ in CLASSES:
        now = whole.argmax(axis=1)
        wrong = now != named
        whole[rows[wrong], now[wrong]] -= 1
        whole[rows[wrong], named[wrong]] += 1
    return whole / 10**digits


def _averaged(rows: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in RUN_COLUMNS if name != "fold"]
    means = rows.groupby([*keys, "path", "page_id"], sort=False, as_index=False, observed=True)[list(PROBABILITIES)]
    return means.mean().assign(fold=AVERAGED)


def _short(table: pd.DataFrame) -> pd.DataFrame:
    """Four decimals for every number, four digits for p values."""
    tests = [name for name in map(str, table.columns) if name.startswith("p_")]
    small = {name: table[name].map(lambda value: float(f"{value:.{DIGITS}g}")) for name in tests}
    return table.round(DIGITS).assign(**small)


def _write(table: pd.DataFrame, path: Path) -> Path:
    return files.write_atomically(path, lambda file: table.to_csv(file, index=False))


if __name__ == "__main__":  # `python -m ecgstudy.reference PARAMS [DATA]`, or a folder to rebuild
    what = Path(sys.argv[1])
    own = sys.argv[2] if len(sys.argv) > 2 else None
    study = None if what.is_dir() else Study.load(what, data=own)
    made = what if study is None else keep_predictions(study)
    for path in [*rebuild(made), *([] if study is None else keep_tables(study))]:
        print(path)
