"""Small tables that notebooks show: counts of pages, which models there are, what was found in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecgstudy.data import validation
from ecgstudy.evaluation import selection
from ecgstudy.models import registry
from ecgstudy.report import tables
from ecgstudy.study import Recipe, Study
from ecgstudy.vocabulary import CLASSES, LAYOUTS


def layout_counts(manifest: pd.DataFrame) -> pd.DataFrame:
    """Distinct pages of each layout and class: `layout, label, pages`."""
    pages = manifest.drop_duplicates("page_id")
    counts = pages.groupby(["layout", "label"]).size().rename("pages").reset_index()
    places = {name: place for place, name in enumerate((*LAYOUTS, *CLASSES))}
    return counts.sort_values(["layout", "label"], key=lambda names: names.map(places)).reset_index(drop=True)


def selection_counts(manifest: pd.DataFrame) -> pd.DataFrame:
    """Distinct pages of each class that were selected and that were left out: `label, selected, unseen`."""
    pages = manifest.drop_duplicates("page_id")
    selected = pages.label[pages.selected].value_counts()
    unseen = pages.label[~pages.selected].value_counts()
    table = pd.DataFrame({"selected": selected, "unseen": unseen}).reindex(list(CLASSES)).fillna(0).astype(int)
    return table.rename_axis("label").reset_index()


def rate_table(manifest: pd.DataFrame) -> pd.DataFrame:
    """Printed heart rates of distinct pages by class and set: `label, set, pages, median, lowest, highest`."""
    pages = manifest.drop_duplicates("page_id")
    pages = pages[pages.printed_bpm.notna()] if "printed_bpm" in pages else pages.iloc[:0].assign(printed_bpm=0.0)
    pages = pages.assign(set=pages.selected.map({True: "selected", False: "left out"}))
    rates = pages.groupby(["label", "set"]).printed_bpm
    table = rates.agg(pages="size", median="median", lowest="min", highest="max").astype(int).reset_index()
    return table.sort_values("label", key=lambda labels: labels.map(CLASSES.index), kind="stable", ignore_index=True)


def group_counts(manifest: pd.DataFrame) -> pd.Series:
    """What groups look like among the selected distinct pages: how many, how large, how mixed."""
    pages = manifest[manifest.selected].drop_duplicates("page_id")
    groups = pages.groupby("group").agg(pages=("page_id", "size"), classes=("label", "nunique"))
    return pd.Series(
        {
            "distinct pages": len(pages),
            "groups": len(groups),
            "groups with more than one page": int((groups.pages > 1).sum()),
            "pages in the largest group": int(groups.pages.max()),
            "groups with pages of more than one class": int((groups.classes > 1).sum()),
        },
        name="count",
    )


def label_changes(manifest: pd.DataFrame) -> pd.DataFrame:
    """Distinct pages whose label differs between the two versions of the set: `label, label_v1, pages`."""
    if "label_v1" not in manifest:
        return pd.DataFrame(columns=["label", "label_v1", "pages"])
    pages = manifest.drop_duplicates("page_id")
    changed = pages[pages.label_v1.notna() & (pages.label_v1 != pages.label)]
    return changed.groupby(["label", "label_v1"]).size().rename("pages").reset_index()


def weightings(ladder: pd.DataFrame, *, protocol: str) -> pd.DataFrame:
    """Scores of one rung counted plainly, and re-weighted to the class frequencies of the selected pages.

    Returns:
        One row per model, one column per score and weighting.
    """
    wanted = ["accuracy", "balanced_accuracy", "macro_f1"]
    rows = ladder[(ladder["protocol"] == protocol) & (ladder["stratum"] == "all") & ladder["metric"].isin(wanted)]
    table = rows.pivot_table(index="model", columns=["metric", "weighting"], values="value")
    table.columns = [", ".join(column) for column in table.columns]
    return table.loc[tables.order_models(table.index)].reset_index()


def by_layout(ladder: pd.DataFrame, *, metric: str) -> pd.DataFrame:
    """One score under `grouped` of each model in each layout, each page counted once.

    Returns:
        `layout, model, value, low, high, pages`; a layout in which a class has no pages has no such score.
    """
    rows = ladder[(ladder["protocol"] == "grouped") & ladder["stratum"].isin(LAYOUTS) & (ladder["metric"] == metric)]
    rows = rows[rows["weighting"] == "plain"].sort_values("value", ascending=False)
    places = {name: place for place, name in enumerate(LAYOUTS)}
    rows = rows.rename(columns={"stratum": "layout"}).sort_values(
        "layout", key=lambda names: names.map(places), kind="stable"
    )
    return rows[["layout", "model", "value", "low", "high", "pages"]].reset_index(drop=True)


def recalls_by_fact(found: pd.DataFrame, model: str) -> pd.DataFrame:
    """What one model finds among the pages left out, by month, layout, quality and whether an electrode was off.

    Args:
        found: the result table `selection`; empty where no page was left out.
        model: its name.

    Returns:
        `column, stratum, label, found, pages, low, high`, without the strata of the printed rate, which are a figure.
    """
    names = ["column", "stratum", "label", "found", "pages", "low", "high"]
    if found.empty:
        return pd.DataFrame(columns=names)
    rows = found[(found["model"] == model) & (found["column"] != "printed_bpm")]
    return rows[names].reset_index(drop=True)


def device_disagreement(manifest: pd.DataFrame) -> pd.DataFrame:
    """Distinct pages by label and by the reading that the device printed above the traces, where it printed one.

    Returns:
        `label, other, pages, share`, as `evaluation.selection.label_disagreement` gives it; `other` is `normal`, `mi`
        or `other`. Empty where no page at hand has a reading.
    """
    reading = manifest["page_id"].map(validation.device_measurements()["reading"])
    return selection.label_disagreement(manifest.assign(device=reading), "device")


def part_counts(splits: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """Files of each class in each part of a split, mean over folds and seeds: one row per part."""
    labels = manifest.set_index("path").label
    each = splits.assign(label=splits.path.map(labels)).groupby(["seed", "fold", "part", "label"]).size()
    means = (
        each.rename("files").reset_index().pivot_table(index="part", columns="label", values="files", aggfunc="mean")
    )
    return means.reindex(columns=list(CLASSES)).round(1).rename_axis(columns=None).reset_index()


def sample_pages(manifest: pd.DataFrame, *, per_class: int, seed: int, selected: bool | None = True) -> pd.DataFrame:
    """Some distinct pages of each class, drawn at random: `page_id, label, title` (its layout).

    Args:
        manifest: one row per file.
        per_class: how many of each, fewer where there are fewer.
        seed: of the draw.
        selected: pages that were selected, that were left out, or (None) of both kinds.
    """
    pages = manifest.drop_duplicates("page_id")
    if selected is not None:
        pages = pages[pages.selected == selected]
    drawn = pages.sample(frac=1, random_state=np.random.default_rng(seed)).groupby("label").head(per_class)
    return drawn.assign(title=drawn.layout)[["page_id", "label", "title"]].reset_index(drop=True)


def model_table(study: Study, names: Sequence[str]) -> pd.DataFrame:
    """What each model is, what it reads, where its weights come from and what is trained."""
    rows = []
    for name in names:
        row, recipe = registry.model_row(name), study.training.recipe(name)
        rows.append((name, row.title, tables.model_family(name), row.input, *_weights(row, recipe), row.source))
    return pd.DataFrame(rows, columns=["model", "title", "family", "reads", "weights", "trained", "source"])


def with_backbones(names: Sequence[str]) -> list[str]:
    """The modified models among these, and the plain backbones among these that some modified model starts from."""
    modified = set(tables.models_of(registry.MODELS, "modified"))
    backbones = {registry.model_row(name).backbone for name in modified}
    plain = [name for name in tables.models_of(names, "baseline") if registry.model_row(name).backbone in backbones]
    return tables.order_models([name for name in names if name in modified] + plain)


def backbone_pairs(study: Study, names: Sequence[str]) -> list[tuple[str, str]]:
    """Every modified model with the plain backbone that it modifies; frozen random weights are in no comparison."""
    rows = [registry.model_row(name) for name in names]
    compared = [row for row in rows if not registry.is_random_control(*_weights(row, study.training.recipe(row.name)))]
    plain = {row.backbone: row.name for row in compared if tables.model_family(row.name) == "baseline"}
    return [
        (row.name, plain[row.backbone])
        for row in compared
        if tables.model_family(row.name) == "modified" and row.backbone in plain
    ]


def missing_models(names: Sequence[str], *families: str) -> list[str]:
    """Titles of the registry's models of some families that are not among these; ablations are not counted."""
    known = [name for name, row in registry.MODELS.items() if row.part_of is None]
    return [tables.model_title(name) for name in tables.models_of(known, *families) if name not in names]


def _weights(row: registry.ModelRow, recipe: Recipe) -> tuple[str, str]:
    return registry.weights_source(row, recipe.weights), registry.trained_part(row, recipe.train_from)
