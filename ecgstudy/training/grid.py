"""All runs of a study: what is finished is left alone, what is missing is trained."""

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import joblib
import numpy as np

from ecgstudy.data import images, lead_boxes, measurements, prepare, splits
from ecgstudy.data.manifest import Pages
from ecgstudy.models import registry, simple
from ecgstudy.study import Study
from ecgstudy.training import bundles, parts, runs, settings, side_by_side, tables, tracking
from ecgstudy.training.parts import Parts
from ecgstudy.training.runs import Run

Say = Callable[[str], None]


def run_grid(study: Study, models: Sequence[str] | None = None, *, progress: Say = print) -> list[Run]:
    """Train what is missing of a study's grid.

    Killed at any moment, the next call goes on from there: finished runs are known by their folders, a frozen prefix
    by its pages, a long run by its epochs.

    Args:
        study: whose runs.
        models: only these; all of the study by default, its ablations too.
        progress: takes a line now and then.

    Returns:
        All runs of the study as it is now, all finished.

    Raises:
        ValueError: unknown model; bad data; a setting that cannot be trained; a tracker that is not installed. Finished
            runs stay.
    """
    tracking.check(study.execution)
    settings.check_study(study, models)
    pages = prepare.open_study(study, progress=progress)  # first: runs follow from the splits as they are now
    wanted = runs.study_runs(study, [*study.models, *study.ablations] if models is None else models)
    todo = [run for run in wanted if not runs.is_finished(runs.runs_folder(study) / run.name)]
    if not todo:
        _record(study, wanted)
        progress(f"all {len(wanted)} runs are finished")
        return wanted
    progress(f"{len(todo)} of {len(wanted)} runs to train")
    inputs = Inputs(study, pages, progress)
    if study.execution.engine == "ray":
        from ecgstudy.training import cluster

        cluster.train(study, todo, inputs, progress)
    elif study.execution.workers > 1:
        slight = [run for run in todo if bundles.is_slight(run)]
        train_runs(study, slight, inputs, progress)
        side_by_side.train(study, [run for run in todo if run not in slight], inputs, progress)
    else:
        train_runs(study, todo, inputs, progress)
    _record(study, wanted)
    return wanted


def _record(study: Study, wanted: Sequence[Run]) -> None:
    """Tell trackers of runs that were trained before they were asked for."""
    for run in wanted:
        tracking.record(run, runs.runs_folder(study) / run.name, study.execution)


def train_runs(study: Study, todo: Sequence[Run], inputs: "Inputs", progress: Say) -> None:
    """Train these runs in this process, simple models first."""
    table = splits.read_splits(study.folder / "splits")
    with_parts = [(run, parts.run_parts(run, inputs.pages.manifest, table)) for run in todo]
    is_network = [registry.model_row(run.model).is_network for run in todo]
    _train_simple(study, inputs, [p for p, net in zip(with_parts, is_network, strict=True) if not net], progress)
    networks = list(itertools.compress(with_parts, is_network))
    if networks:
        _train_networks(study, inputs, networks, progress)


def _train_simple(study: Study, inputs: "Inputs", todo: list[tuple[Run, Parts]], progress: Say) -> None:
    """One process per core, as each fit keeps one core busy; a model with less than a second of work stays here."""
    for name, pairs in itertools.groupby(todo, key=lambda pair: pair[0].model):
        own, what = list(pairs), registry.model_row(name).input
        table = inputs.table(what)
        workers = min(os.cpu_count() or 1, len(own)) if what == "measurements" else 1
        joblib.Parallel(n_jobs=workers)(
            joblib.delayed(tables.train)(run, run_parts, table, inputs.page_rows, runs.runs_folder(study) / run.name)
            for run, run_parts in own
        )
        progress(f"{name}: {len(own)} runs")


def _train_networks(study: Study, inputs: "Inputs", todo: list[tuple[Run, Parts]], progress: Say) -> None:
    """Bundle after bundle, each in memory alone."""
    import keras

    from ecgstudy.training import networks

    shared: dict[Any, list[tuple[Run, Parts]]] = {}
    for run, own in todo:
        shared.setdefault(bundles.bundle(run), []).append((run, own))
    for runs_of_one in shared.values():
        what = registry.model_row(runs_of_one[0][0].model).input
        arrays, key = inputs.arrays(what)
        networks.train(
            runs_of_one,
            networks.PageInputs(arrays, inputs.page_rows, key),
            folder=runs.runs_folder(study),
            cache=study.folder / "cache",
            progress=progress,
            execution=study.execution,
        )
        keras.backend.clear_session()


class Inputs:
    """What models read, one row per distinct page; each kind is made when it is first asked for."""

    def __init__(self, study: Study, pages: Pages, progress: Say):
        self._study, self.pages, self._progress = study, pages, progress
        self._cache = images.cached_pictures(
            pages,
            region=study.image.region,
            height=study.image.height,
            width=study.image.width,
            folder=study.folder / "cache",
        )
        self.page_rows = {page: row for row, page in enumerate(self._cache.page_ids)}

    def prepare(self, kinds: Iterable[str]) -> None:
        """Make what takes long of these kinds, so that no process makes it beside another."""
        for what in kinds:
            if what == "leads":
                self.arrays(what)
            elif what in ("rate", "measurements"):
                self.table(what)

    def table(self, what: str) -> Any:
        """For simple models: thumbnails, rates, measurements, or a column of zeros."""
        facts = self.pages.distinct.set_index("page_id").loc[list(self._cache.page_ids)]
        if what == "page":
            return simple.thumbnails(self._cache.pictures)
        if what in ("rate", "measurements"):
            measured = measurements.measured_pages(self.pages, self._study.folder / "cache", progress=self._progress)
            table = measurements.page_features(measured).loc[list(self._cache.page_ids)]
            return table["rate"].to_numpy() if what == "rate" else table
        return np.zeros((len(facts), 1))

    def arrays(self, what: str) -> tuple[list[np.ndarray], str]:
        """For networks: arrays with a row per page, and what they are called."""
        if what == "leads":
            size = {"height": self._study.image.height // 2, "width": self._study.image.width // 2}
            folder = self._study.folder / "cache"
            cut = lead_boxes.cached_leads(self.pages, **size, folder=folder, progress=self._progress)
            assert cut.page_ids == self._cache.page_ids
            return [cut.leads, cut.present], cut.key
        return [self._cache.pictures], self._cache.key
