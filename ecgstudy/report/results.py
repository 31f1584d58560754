"""All result tables of a study: made from its saved answers, saved, and at hand for the figures.

A table is made again only when what it follows from has changed: `tables/made.json` keeps a hash of the answers, the
manifest, the parameters and the code that makes tables, beside the hash of the file itself.
"""

import json
from collections import defaultdict
from pathlib import Path

import pandas as pd

from ecgstudy import evaluation, files, vocabulary
from ecgstudy.evaluation import results
from ecgstudy.models import registry
from ecgstudy.report import tables
from ecgstudy.study import Study


def study_results(
    study: Study,
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    wanted: tuple[str, ...] | None = None,
    suffix: str = "",
) -> defaultdict[str, pd.DataFrame]:
    """Make the tables that the saved answers can serve, and save them in the study's folder.

    Args:
        study: gives the folder, the resamples and the level of intervals.
        predictions: as `es.read_predictions` gives them, of all models or of some.
        manifest: one row per file.
        wanted: names of tables, such as `ladder`, `recalls`, `confusion`; all by default.
        suffix: of the files' names, for a choice of models: `tables/ladder<suffix>.csv`.

    Returns:
        Table by name; a table that these answers cannot serve is empty. Tables that are saved already for the same
        answers are read.
    """
    options = {"resamples": study.evaluation.resamples, "level": study.evaluation.level}
    folder = study.folder / "tables"
    key = files.content_hash(_hash(predictions), _hash(manifest), json.dumps(options), *_code())
    record = _read_record(folder)
    names = results.served(predictions, manifest)
    found: defaultdict[str, pd.DataFrame] = defaultdict(pd.DataFrame)
    saved = {name: _saved(folder / f"{name}{suffix}.csv", record, key) for name in names}
    missing = tuple(name for name in names if saved[name] is None and (wanted is None or name in wanted))
    made = dict(results.results(predictions, manifest, wanted=missing, **options))  # type: ignore[arg-type]
    for name in names:
        table = made.get(name, saved[name])
        if table is not None and (wanted is None or name in wanted):
            found[name] = table
    for name, table in made.items():
        path = tables.save_table(table, folder / f"{name}{suffix}")
        text = [column for column in table if not tables.is_number(table[column]) and table[column].dtype != bool]
        record[path.name] = {"key": key, "file": files.file_hash(path), "text": text}
    if made:
        files.write_atomically(folder / "made.json", lambda path: path.write_text(json.dumps(record, indent=1)))
    return found


def _saved(path: Path, record: dict, key: str) -> pd.DataFrame | None:
    """The table as it was made, if it was made of the same and nobody changed it since."""
    made = record.get(path.name, {})
    if made.get("key") != key or not path.is_file() or files.file_hash(path) != made["file"]:
        return None
    texts = dict.fromkeys(made["text"], str)  # so that an empty text stays one
    return pd.read_csv(path, converters=texts, float_precision="round_trip")


def _read_record(folder: Path) -> dict:
    try:
        return json.loads((folder / "made.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}  # no table yet, or the record itself is damaged: all are made anew


def _hash(table: pd.DataFrame) -> str:
    """Hash of a table's columns and rows, in their order."""
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return files.content_hash(*map(str, table.columns), rows.tobytes())


def _code() -> list[bytes]:
    others = [Path(str(module.__file__)) for module in (vocabulary, registry)]
    return [path.read_bytes() for path in [*sorted(Path(evaluation.__path__[0]).glob("*.py")), *others]]
