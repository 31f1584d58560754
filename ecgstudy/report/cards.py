"""Model card, datasheet and checklists, written from a study's own records; what no record answers is marked open.

The words are in model_card.md and datasheet.md beside this file; headings follow Mitchell et al. 2019 (model cards,
arXiv:1810.03993) and Gebru et al. 2021 (datasheets, arXiv:1803.09010).
"""

import string
from importlib import resources
from pathlib import Path

import pandas as pd

from ecgstudy import files
from ecgstudy.evaluation import checklists
from ecgstudy.report import summaries, tables
from ecgstudy.study import Study
from ecgstudy.vocabulary import DISCLAIMER, PROTOCOL_TITLES

PUBLIC_SET = (
    '"ECG Images dataset of Cardiac Patients" and "ECG Images dataset of Cardiac and COVID-19 Patients", Ali Haider '
    "Khan and Muzammil Hussain, Mendeley Data, DOI 10.17632/gwbz3fsgp8, versions 2 and 1, CC BY 4.0. Data descriptor: "
    "Khan, Hussain and Malik, Data in Brief 34 (2021) 106762. Attribution and changes: LICENSE-DATA."
)


def write_cards(study: Study) -> list[Path]:
    """Write `MODEL_CARD.md`, `DATASHEET.md` and the checklists `REFORMS.md` and `CLAIM.md` into a study's folder.

    Args:
        study: whose folder holds `manifest.csv`, `audit/copies.csv`, `tables/headline.csv` and `tables/recalls.csv`.

    Raises:
        ValueError: a record is missing; the message names it.
    """
    folder = study.folder
    manifest, copies = _read(folder / "manifest.csv"), _read(folder / "audit" / "copies.csv")
    headline, recalls = (_read(folder / "tables" / f"{name}.csv") for name in ("headline", "recalls"))
    items = checklists.filled(manifest, study.content)
    texts = {
        "MODEL_CARD.md": model_card(study, headline, recalls),
        "DATASHEET.md": datasheet(study, manifest, copies),
        **{f"{name}.md": checklist(name, items) for name in items.checklist.unique()},
    }
    return [_written(folder / name, text) for name, text in texts.items()]


def model_card(study: Study, headline: pd.DataFrame, recalls: pd.DataFrame) -> str:
    """The model card of a study's models, in Markdown.

    Args:
        study: its parameters.
        headline: balanced accuracy as text, one row per model, one column per rung.
        recalls: as `es.recalls` gives them: `model, protocol, stratum, label, found, pages, low, high`.
    """
    return _filled(
        "model_card.md",
        name=study.name,
        disclaimer=DISCLAIMER,
        models=tables.to_markdown(summaries.model_table(study, study.models)),
        level=f"{study.evaluation.level:.0%}",
        resamples=str(study.evaluation.resamples),
        folds=str(study.splits.folds),
        seeds=", ".join(map(str, study.splits.seeds)),
        protocols=", ".join(PROTOCOL_TITLES[name].lower() for name in study.splits.protocols),
        headline=tables.to_markdown(headline),
        found=_found(recalls),
    )


def datasheet(study: Study, manifest: pd.DataFrame, copies: pd.DataFrame) -> str:
    """The datasheet of a study's pages, in Markdown.

    Args:
        study: its parameters.
        manifest: one row per file.
        copies: as `es.copies_table` gives them, with the class in the column `label`.
    """
    counts = summaries.group_counts(manifest).rename_axis("what").reset_index()
    return _filled(
        "datasheet.md",
        name=study.name,
        source=PUBLIC_SET if study.data.source == "shipped" else f"`{study.data.source}`, as the user gave it.",
        files=str(len(manifest)),
        pages=str(manifest.page_id.nunique()),
        groups=str(manifest.group.nunique()),
        copies=tables.to_markdown(copies),
        selection=tables.to_markdown(summaries.selection_counts(manifest)),
        layouts=tables.to_markdown(summaries.layout_counts(manifest)),
        group_counts=tables.to_markdown(counts),
        region=study.image.region,
        width=str(study.image.width),
        height=str(study.image.height),
    )


def checklist(name: str, items: pd.DataFrame) -> str:
    """One checklist in Markdown, item by item; open ones say for whom.

    Args:
        name: `REFORMS` or `CLAIM`.
        items: both, as `evaluation.checklists.filled` gives them.
    """
    rows = items[items.checklist == name].fillna("")
    answered = rows.answer.where(rows.answer != "", "**Open**, for " + rows.open + ".")
    table = rows.assign(answer=answered)[["item", "section", "asks", "answer", "evidence"]]
    source = checklists.read_checklists()[name]["source"]
    return f"# {name}\n\nItems in our words, after {source}. Answers follow from the study's own records.\n\n" + (
        f"{int((rows.answer != '').sum())} of {len(rows)} items are answered.\n\n{tables.to_markdown(table)}"
    )


def _found(recalls: pd.DataFrame) -> str:
    """How many infarctions each model found under `grouped` and among the pages left out."""
    rows = recalls[(recalls.label == "mi") & (recalls.stratum == "all")]
    return "\n".join(
        f"- {tables.model_title(row.model)}, {PROTOCOL_TITLES[protocol].lower()}: {row.found} of {row.pages} "
        f"({row.low:.2f} to {row.high:.2f})"
        for protocol in ("grouped", "unseen")
        for row in tables.each(rows[rows.protocol == protocol].sort_values("model", key=_place))
    )


def _place(models: pd.Series) -> pd.Series:
    return models.map(tables.order_models(models.unique()).index)


def _written(path: Path, text: str) -> Path:
    return files.write_atomically(path, lambda file: file.write_text(text, encoding="utf-8"))


def _filled(template: str, **words: str) -> str:
    text = resources.files("ecgstudy.report").joinpath(template).read_text(encoding="utf-8")
    return string.Template(text).substitute({name: word.strip() for name, word in words.items()})


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ValueError(f"{path}: missing; the cards are written after the notebooks (make run-all)")
    return pd.read_csv(path)
