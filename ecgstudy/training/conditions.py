"""Conditions: what finished runs answer on damaged pages. Nothing is trained here.

A sample of the pages suffers every kind of damage, and each page is answered by the run that had it in its test part.
The waveform area is cut out before the damage, at the scale of packed pages: so studies on packed and on original pages
suffer alike, and it is the model that is asked, not the search for the area.
"""

import itertools
import os
import warnings
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.data import images, prepare, shipped, splits
from ecgstudy.data.manifest import Pages
from ecgstudy.models import registry
from ecgstudy.pages import damage
from ecgstudy.pages.paper import WIDTH
from ecgstudy.study import Image, Study
from ecgstudy.training import parts, runs
from ecgstudy.training.runs import Run
from ecgstudy.training.variants import Say
from ecgstudy.vocabulary import PREDICTION_COLUMNS

SEED = 0  # of the sample


def run_conditions(study: Study, models: Sequence[str] | None = None, *, progress: Say = print) -> list[Run]:
    """Let finished clean runs of `grouped` answer damaged pages; what is answered already is kept.

    Args:
        study: `evaluation.robustness_pages` says how many pages (0: none), `evaluation.robustness_severities` how
            badly damaged; `evaluation.control_model` and `explanation.models` say who answers.
        models: only these of them.
        progress: takes a line now and then.

    Returns:
        The runs that have answered; each page is answered under every kind of `pages.damage.DAMAGES`.
    """
    if study.evaluation.robustness_pages and study.image.region == "redrawn":
        warnings.warn("no damaged pages: a redrawn page is not what gets photographed or scanned", stacklevel=2)
    wanted = condition_runs(study, models)
    todo = [run for run in wanted if not runs.is_finished(runs.conditions_folder(study, run))]
    if not todo:
        return wanted
    pages = prepare.open_study(study, progress=progress)
    split = splits.read_splits(study.folder / "splits")
    sample, models_of = set(sampled(pages.manifest, study.evaluation.robustness_pages)), _Models(study)
    by_fold: dict[tuple[int, int], list[Run]] = {}
    for run in todo:
        by_fold.setdefault((run.seed, run.fold), []).append(run)
    for own in by_fold.values():
        test = parts.run_parts(own[0], pages.manifest, split).test
        rows = test[test["page_id"].isin(sample)]
        found = _answered(study, pages, rows, {run.name: models_of.answer(run) for run in own if len(rows)})
        for run in own:
            folder = runs.conditions_folder(study, run)
            folder.mkdir(parents=True, exist_ok=True)
            table = found.get(run.name, pd.DataFrame(columns=PREDICTION_COLUMNS))  # a small sample may miss a fold
            runs.finish(folder, run, table, {})
            progress(f"{run.model}: fold {run.fold}, {len(rows)} pages, {len(table)} answers for damaged ones")
    return wanted


def condition_runs(study: Study, models: Sequence[str] | None = None) -> list[Run]:
    """The finished clean runs of `grouped` that are asked about damaged pages."""
    if not study.evaluation.robustness_pages or study.image.region == "redrawn":
        return []
    chosen = study.models if models is None else models
    asked = dict.fromkeys([study.evaluation.control_model, *study.explanation.models])
    rows = [registry.model_row(name) for name in asked if name in chosen]
    names = [row.name for row in rows if row.is_network and row.input == "page"]
    clean = [run for run in runs.study_runs(study, names) if run.protocol == "grouped"]
    return [run for run in clean if runs.is_finished(runs.runs_folder(study) / run.name)]


def sampled(manifest: pd.DataFrame, count: int) -> list[str]:
    """Selected pages, as many of each class as there are, up to `count` in all; a smaller sample is part of a larger.

    Classes count the same because balanced accuracy, the headline, weighs them the same.
    """
    selected = manifest[manifest["selected"].astype(bool)].drop_duplicates("page_id").sort_values("page_id")
    drawn = selected.iloc[np.random.default_rng(SEED).permutation(len(selected))]
    turn = drawn.groupby("label").cumcount()
    return drawn.assign(turn=turn).sort_values(["turn", "label"])["page_id"].head(count).tolist()


def damaged(picture: np.ndarray, page_id: str, kind: str, severity: int) -> np.ndarray:
    """A page after an accident of its own: place and direction follow from the page, not from the severity."""
    return damage.damage(picture, kind, severity, seed=zlib.crc32(page_id.encode()))


def undamaged(pages: Pages, page_id: str, image: Image) -> np.ndarray:
    """What a model sees of a page, before it is made as small as the model wants: at the scale of packed pages.

    Larger where the model sees more than that.
    """
    picture = pages.picture(page_id)
    cut = images.region_picture(picture, image.region, source_region=pages.region)
    height, width = cut.shape[:2]
    packed = WIDTH / shipped.REDUCTION / picture.shape[1] if pages.region == "page" else 1.0
    scale = max(packed, image.height / height, image.width / width)
    return images.resize(cut, round(scale * height), round(scale * width)) if scale < 1 else cut


def _answered(study: Study, pages: Pages, rows: pd.DataFrame, answers: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Per run what it answers under every condition; each damaged picture is made once for all of them."""
    if not answers:
        return {}
    page_ids, size = rows["page_id"].tolist(), (study.image.height, study.image.width)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in answers}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        whole = list(pool.map(lambda page_id: undamaged(pages, page_id, study.image), page_ids))
        for kind, severity in itertools.product(damage.DAMAGES, dict.fromkeys(study.evaluation.robustness_severities)):
            hurt = pool.map(damaged, whole, page_ids, itertools.repeat(kind), itertools.repeat(severity))
            views = np.stack([images.resize(picture, *size) for picture in hurt])
            for name, answer in answers.items():
                tables[name].append(parts.answered(rows, "test", answer.probabilities(views), f"{kind}-{severity}"))
    return {name: pd.concat(own, ignore_index=True) for name, own in tables.items()}


class _Models:
    """Each model built once; the weights of one run after another are put into it."""

    def __init__(self, study: Study):
        self._folder = runs.runs_folder(study)
        self._built: dict[str, Any] = {}

    def answer(self, run: Run) -> Any:
        """The run as an `answers.Answer`, until the next one of its model is asked for."""
        from ecgstudy.models import build
        from ecgstudy.training import answers, networks

        if run.model not in self._built:
            network = networks.build_for(run, [run.model])[0]
            learned = networks.learning_layers(network.model, build.layers_from(network, run.recipe.train_from))
            tap = registry.model_row(run.model).tap or "features"
            self._built[run.model] = answers.NetworkAnswer(network.model, tap), learned
        answer, layers = self._built[run.model]
        networks.read_weights(self._folder / run.name / "weights.npz", layers)
        return answer
