"""Variants: what a run learns from instead of its study's pages.

The same model without the heart (a header, an empty grid, permuted labels) shows short cuts and leaks; a share of the
pages shows what more of them would bring. All of them answer the test part of `grouped`, with its true labels.
"""

import re
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from ecgstudy.data import images, prepare, splits
from ecgstudy.data.manifest import Pages
from ecgstudy.models import registry, simple
from ecgstudy.study import Study
from ecgstudy.training import control_pictures, parts, runs, tables
from ecgstudy.training.parts import Parts
from ecgstudy.training.runs import Run
from ecgstudy.vocabulary import CLASSES

Say = Callable[[str], None]
Todo = list[tuple[Run, Parts]]


def run_variants(study: Study, models: Sequence[str] | None = None, *, progress: Say = print) -> list[Run]:
    """Train what is missing of a study's controls and shares; what is finished is kept, as in `run_grid`.

    Args:
        study: `evaluation.controls` and `evaluation.learning_shares` say which, `evaluation.control_model` whose.
        models: where these leave the control model out, nothing is done.
        progress: takes a line now and then.

    Returns:
        The runs that these pages can serve, all finished. Packed pages have no header, footer or border: these
        controls are then left out with a warning.

    Raises:
        ValueError: the control model is none of the study's, or does not read pages; bad data.
    """
    _check_model(study)
    if not (study.folder / "manifest.csv").is_file():
        prepare.open_study(study, progress=progress)
    wanted = runs.variant_runs(study, models)
    folder = runs.runs_folder(study)
    todo = [run for run in wanted if not runs.is_finished(folder / run.name)]
    if todo:
        pages = prepare.open_study(study, progress=progress)
        split = splits.read_splits(study.folder / "splits")
        todo = _servable(todo, pages)
        progress(f"{len(todo)} of {len(wanted)} runs of controls and shares to train")
        bundles: dict[str, Todo] = {}
        for run in todo:
            own = variant_parts(run, parts.run_parts(run, pages.manifest, split))
            bundles.setdefault(_sees(run), []).append((run, own))
        for sight, bundle in bundles.items():
            _train(study, pages, sight, bundle, progress)
    return [run for run in wanted if runs.is_finished(folder / run.name)]


def variant_parts(run: Run, own: Parts) -> Parts:
    """What a variant learns from and answers: its fold's test part as it is, and no unseen page.

    Args:
        run: of any variant.
        own: the parts of the clean run of this fold.
    """
    seed = [run.seed, run.fold]
    train, validation = own.train, own.validation
    share = re.fullmatch(r"share-([0-9.]+)", run.variant)
    if share:
        train, validation = (share_of_groups(rows, float(share[1]), seed=seed) for rows in (train, validation))
    if run.variant == "permuted_labels":
        train, validation = (_permuted(rows, seed=seed) for rows in (train, validation))
    return Parts(train, validation, own.test, own.unseen.iloc[:0])


def share_of_groups(rows: pd.DataFrame, share: float, *, seed: int | Sequence[int]) -> pd.DataFrame:
    """A share of the groups, drawn apart among those with the same rarest class; at least one of each kind.

    Args:
        rows: one part of a fold, with `group` and `target`.
        share: in (0, 1]; with one seed, a smaller share is contained in every larger one.
        seed: of the draw.
    """
    count = rows["target"].map(rows["target"].value_counts())
    rarest = rows.assign(count=count).sort_values(["count", "target"], kind="stable").drop_duplicates("group")
    rng = np.random.default_rng(seed)
    kept: list[str] = []
    for _, groups in rarest.groupby("target")["group"]:
        order = rng.permutation(np.sort(groups.to_numpy(dtype=str)))
        kept += list(order[: max(1, round(share * len(order)))])
    return rows[rows["group"].isin(kept)].reset_index(drop=True)


def _permuted(rows: pd.DataFrame, *, seed: Sequence[int]) -> pd.DataFrame:
    """The same pages with each other's classes; class frequencies stay."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows.assign(**{name: rows[name].to_numpy()[order] for name in ("label", "target")})


def how_made(manifest: pd.DataFrame) -> pd.DataFrame:
    """How pages were made, as far as the manifest knows: layout, strip lead, lead off, JPEG quality.

    Returns:
        0 or 1 in a column per fact, and per set of facts that occur together, indexed by `page_id`.
    """
    facts = manifest.drop_duplicates("page_id").set_index("page_id")
    words = facts[[name for name in runs.HOW_MADE if name in facts]].astype(str)
    return pd.get_dummies(words.assign(together=words.agg("|".join, axis=1)), dtype=float)


def _check_model(study: Study) -> None:
    asked = study.evaluation
    if not (asked.controls or asked.learning_shares):
        return
    row = registry.model_row(asked.control_model)
    if row.name not in study.models:
        raise ValueError(
            f"evaluation.control_model: {row.name!r} is none of the study's models ({', '.join(study.models)}), so "
            "there is nothing to compare controls with; name one of these, or add it"
        )
    if row.input != "page":
        raise ValueError(f"evaluation.control_model: {row.name} reads {row.input}, not a page; name one that does")


def _servable(todo: list[Run], pages: Pages) -> list[Run]:
    """Runs that these pages can serve; the others are left out with one warning."""
    if pages.region == "page":
        return todo
    left_out = list(dict.fromkeys(run.variant for run in todo if run.variant in control_pictures.WHOLE_PAGE))
    if left_out:
        warnings.warn(
            f"left out: {', '.join(left_out)}; these pages show the waveform area alone, controls of header, footer "
            "and border need the original pages (`ecgstudy data fetch`)",
            stacklevel=3,
        )
    return [run for run in todo if run.variant not in left_out]


def _sees(run: Run) -> str:
    """What tells the inputs of variants apart; runs that see the same are trained together."""
    return run.variant if run.variant in ("how_made", *control_pictures.PICTURES) else runs.CLEAN


def _train(study: Study, pages: Pages, sight: str, todo: Todo, progress: Say) -> None:
    """Train the runs that see the same."""
    folder = runs.runs_folder(study)
    if sight == "how_made":
        facts = how_made(pages.manifest)
        for run, own in todo:
            _train_how_made(run, own, facts, folder / run.name)
        progress(f"{sight}: {len(todo)} runs")
        return
    shown, region = pages, study.image.region
    if sight != runs.CLEAN:
        shown = control_pictures.changed_pages(pages, sight)
        region = shown.region
    height, width, cache = study.image.height, study.image.width, study.folder / "cache"
    pictures = images.cached_pictures(
        shown,
        region=region,
        height=height,
        width=width,
        folder=cache,
        progress=lambda line: progress(f"{sight}: {line}"),
    )
    page_rows = {page: row for row, page in enumerate(pictures.page_ids)}
    if registry.model_row(study.evaluation.control_model).is_network:
        import keras

        from ecgstudy.training import networks

        inputs = networks.PageInputs([pictures.pictures], page_rows, pictures.key)
        networks.train(todo, inputs, folder=folder, cache=cache, progress=progress, execution=study.execution)
        keras.backend.clear_session()
    else:
        small = simple.thumbnails(pictures.pictures)
        for run, own in todo:
            tables.train(run, own, small, page_rows, folder / run.name)


def _train_how_made(run: Run, own: Parts, facts: pd.DataFrame, folder: Path) -> None:
    """Logistic regression on facts that say nothing about the heart; classes weigh the same."""
    began = time.monotonic()
    model = LogisticRegression(class_weight="balanced", max_iter=2000)
    model.fit(facts.loc[own.learning["page_id"]].to_numpy(), own.learning["target"])
    found = np.zeros((len(own.test), len(CLASSES)))
    found[:, model.classes_] = model.predict_proba(facts.loc[own.test["page_id"]].to_numpy())
    folder.mkdir(parents=True, exist_ok=True)
    runs.finish(folder, run, parts.answered(own.test, "test", found), {"seconds": round(time.monotonic() - began, 3)})
