"""Runs of the networks: one backbone built for all models that share it, one compiled model for all its runs."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data.lead_boxes import BOXES
from ecgstudy.models import build, registry
from ecgstudy.study import Execution, Recipe
from ecgstudy.training import devices, parts, resident, runs, stages, tracking, trouble
from ecgstudy.training.fit import Examples
from ecgstudy.training.parts import Parts
from ecgstudy.training.resident import PageInputs
from ecgstudy.training.runs import Run
from ecgstudy.training.weights_file import learning_layers, read_weights, write_weights

Say = Callable[[str], None]
HERE = Execution()  # one device
HEAD_HISTORY = ".head.csv"  # of a run between its two stages

__all__ = ["Model", "PageInputs", "build_for", "learning_layers", "read_weights", "train", "write_weights"]


def train(todo: Sequence[tuple[Run, Parts]], pages: PageInputs, *, folder: Path, cache: Path, progress: Say,
          execution: Execution = HERE) -> None:  # fmt: skip
    """Train the runs of one bundle, model after model.

    Args:
        todo: runs with their parts.
        pages: pictures of all pages in any part.
        folder: where the runs' folders lie.
        cache: where frozen prefixes are kept.
        progress: takes a line per run.
        execution: whether a run is spread over GPUs, and who else is told of it.
    """
    spread = devices.strategy(mirrored=execution.mirrored)
    names = list(dict.fromkeys(run.model for run, _ in todo))
    with spread.scope():
        networks = build_for(todo[0][0], names)
    recipes = [_recipe(todo, name) for name in names]
    plans = []
    for network, recipe in zip(networks, recipes, strict=True):
        with trouble.told(network.row.name, recipe), spread.scope():  # a model keeps the strategy it is made under
            plans.append(stages.planned(network, recipe))
    borders = {id(t): t for plan in plans for stage in plan for t in stage.reads}
    with trouble.told(", ".join(names), recipes[0]):
        values = resident.border_values(
            networks[0].model.inputs, list(borders.values()), pages, views=recipes[0].cached_views, cache=cache,
            progress=progress,
        )  # fmt: skip
    for name, plan in zip(names, plans, strict=True):
        with spread.scope():
            model = Model(plan, values)
            own_todo = [(run, own) for run, own in todo if run.model == name]
            for number, (run, own) in enumerate(own_todo, start=1):
                on = run.protocol if run.variant == runs.CLEAN else run.variant
                with trouble.told(f"{run.model}, {on}, fold {run.fold}, seed {run.seed}", run.recipe):
                    facts = model.run(run, own, pages.page_rows, folder / run.name)
                progress(f"{run.model}: {on}, fold {run.fold} ({number} of {len(own_todo)}), {facts}")
                tracking.record(run, folder / run.name, execution)


class Model:
    """A network ready for many runs: compiled, with what it reads resident in memory.

    With two stages there are two trainers on the same layers: the head alone learns first, then everything from
    `train_from` on, from the head's best weights.
    """

    def __init__(self, plan: Sequence[stages.Stage], values: dict[int, Any]):
        *before, last = plan
        self.network, self.recipe, self.on_prefix = last.network, last.recipe, last.is_prefix
        learned = build.layers_from(last.network, last.train_from)
        self._learned = learning_layers(last.network.model, learned)
        self.trainer = last.trainer(values)
        self._head = before[0].trainer(values) if before else None

    def train(self, train: Examples, validation: Examples | None, *, seed: int, folder: Path | None = None,
              epochs: int | None = None) -> pd.DataFrame:  # fmt: skip
        """Train anew from a seed; gives the history. With a folder, a killed call goes on where it was."""
        checkpoint = folder / ".checkpoint.npz" if folder else None
        self.trainer.begin(seed)
        if self._head is None:
            return self.trainer.fit(train, validation, seed=seed, checkpoint=checkpoint, epochs=epochs)
        before = self._train_head(train, validation, seed, folder)
        history = self.trainer.fit(train, validation, seed=seed, checkpoint=checkpoint, epochs=epochs)
        if folder:
            (folder / HEAD_HISTORY).unlink()
        return pd.concat([before.assign(stage="head", best=False), history.assign(stage="all")], ignore_index=True)

    def _train_head(self, train: Examples, validation: Examples | None, seed: int, folder: Path | None) -> pd.DataFrame:
        """The first stage; a run that was killed in the second one only needs to know how the first went."""
        assert self._head is not None
        if folder and (folder / ".checkpoint.npz").is_file() and (folder / HEAD_HISTORY).is_file():
            return pd.read_csv(folder / HEAD_HISTORY, float_precision="round_trip")
        self._head.begin(seed)
        history = self._head.fit(train, validation, seed=seed)
        if folder:
            files.write_atomically(folder / HEAD_HISTORY, lambda path: history.to_csv(path, index=False))
        return history

    def run(self, run: Run, own: Parts, page_rows: dict[str, int], folder: Path) -> str:
        """Train one run and write what it answered; gives a few words about how it went."""
        began = time.monotonic()

        def examples(table: pd.DataFrame) -> Examples:
            return Examples(np.array([page_rows[p] for p in table["page_id"]]), table["target"].to_numpy())

        batch, files_at_hand = self.trainer.recipe.batch_size, len(own.train)
        if batch > files_at_hand and run.variant == runs.CLEAN:  # a share of the pages may be less than a batch
            raise ValueError(
                f"training.batch_size is {batch}, but the training part has {files_at_hand} files; lower it"
            )
        folder.mkdir(parents=True, exist_ok=True)
        history = self.train(examples(own.train), examples(own.validation), seed=run.seed, folder=folder)
        tables = [
            parts.answered(rows, part, self.trainer.probabilities(examples(rows).rows))
            for part, rows in (("test", own.test), ("unseen", own.unseen))
            if len(rows)
        ]
        self._save(history, folder)
        if self.network.row.input == "leads":
            self._save_lead_weights(
                pd.concat([rows for rows in (own.test, own.unseen) if len(rows)]), page_rows, folder
            )
        best = int(history["epoch"][history["best"]].iloc[0]) + 1
        if self._answers_inside(run):
            tables.append(self._inner(run, own.learning, examples, best))
        seconds = time.monotonic() - began
        runs.finish(folder, run, pd.concat(tables), self._facts(len(history), best, seconds))
        return f"best of {len(history)} epochs: {best}, {seconds:.1f} s"

    def _answers_inside(self, run: Run) -> bool:
        """Whether a run also answers its own learning part: only where that is cheap, and asked for."""
        wanted = run.recipe.inner_answers and run.variant == runs.CLEAN
        return wanted and run.protocol == "grouped" and self.on_prefix

    def _inner(self, run: Run, learning: pd.DataFrame, examples: Callable[..., Examples], epochs: int) -> pd.DataFrame:
        """Out-of-fold answers for the learning part: each page by a head that never saw its group.

        Each head is trained anew for as many epochs as were best on the run's own validation part, and
        stops nowhere, so that no page has a say in its own answer; only that number of epochs has seen
        the validation part.
        """
        number = parts.inner_numbers(run, learning)
        found = np.zeros((len(learning), len(parts.CLASSES)))
        for fold in np.unique(number):
            self.train(examples(learning[number != fold]), None, seed=run.seed, epochs=epochs)
            found[number == fold] = self.trainer.probabilities(examples(learning[number == fold]).rows)
        return parts.answered(learning, "inner", found)

    def _save(self, history: pd.DataFrame, folder: Path) -> None:
        files.write_atomically(folder / "history.csv", lambda path: history.to_csv(path, index=False))
        files.write_atomically(folder / "weights.npz", lambda path: write_weights(path, self._learned))

    def _save_lead_weights(self, rows: pd.DataFrame, page_rows: dict[str, int], folder: Path) -> None:
        """How much each lead counted on each page: `page_id` and one column per box, which sum to 1."""
        pages = rows["page_id"].drop_duplicates()
        weights = self.trainer.layer_values("lead_weights", pages.map(page_rows).to_numpy())
        table = pd.DataFrame(weights.round(6), columns=list(BOXES)).assign(page_id=pages.to_numpy())
        table = table[["page_id", *BOXES]]
        files.write_atomically(folder / "leads.csv", lambda path: table.to_csv(path, index=False))

    def _facts(self, epochs: int, best: int, seconds: float) -> dict[str, Any]:
        return {
            "epochs": epochs,
            "best_epoch": best,
            "seconds": round(seconds, 3),
            "parameters": self.network.model.count_params(),
            "parameters_trained": sum(int(np.prod(w.shape)) for layer in self._learned for w in layer.weights),
        }


def build_for(run: Run, names: Sequence[str]) -> list[build.Network]:
    """The networks of a run's bundle, as they are before any training."""
    devices.prepare()
    image, recipe = run.settings["image"], run.recipe
    return build.networks(
        [registry.model_row(name) for name in names],
        height=image["height"],
        width=image["width"],
        source=recipe.weights,
        dropout=recipe.dropout,
        filters=recipe.width,
        mixed_precision=recipe.mixed_precision,
    )


def _recipe(todo: Sequence[tuple[Run, Parts]], name: str) -> Recipe:
    return next(run.recipe for run, _ in todo if run.model == name)
