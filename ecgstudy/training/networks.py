"""Runs of the networks: one backbone built for all models that share it, one compiled model for all its runs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.data.lead_boxes import BOXES
from ecgstudy.models import build, registry
from ecgstudy.study import Recipe
from ecgstudy.training import parts, prefix, runs, stream
from ecgstudy.training.fit import Examples, Trainer
from ecgstudy.training.parts import Parts
from ecgstudy.training.runs import Run

Say = Callable[[str], None]


@dataclass(frozen=True)
class PageInputs:
    """What the networks read, one row per distinct page.

    Attributes:
        arrays: one per model input: pictures `(pages, height, width, 3)` uint8, or lead boxes and a mask.
        page_rows: page_id -> row.
        key: hash of all this.
    """

    arrays: Sequence[np.ndarray]
    page_rows: dict[str, int]
    key: str


def bundle(run: Run) -> tuple[Any, ...]:
    """Runs with equal bundles can share one backbone in memory: all that depends on it alone is the same."""
    row, recipe = registry.model_row(run.model), run.recipe
    own = () if recipe.train_from == "head" and row.backbone != "plain" else (run.model,)
    return (row.backbone, row.input, run.settings["weights"], recipe.mixed_precision, recipe.dropout, recipe.width, own)


def train(todo: Sequence[tuple[Run, Parts]], pages: PageInputs, *, folder: Path, cache: Path, progress: Say) -> None:
    """Train the runs of one bundle, model after model.

    Args:
        todo: runs with their parts.
        pages: pictures of all pages in any part.
        folder: where the runs' folders lie.
        cache: where frozen prefixes are kept.
        progress: takes a line per run.
    """
    names = list(dict.fromkeys(run.model for run, _ in todo))
    networks = build_for(todo[0][0], names)
    values = _prefix_values(networks, [_recipe(todo, name) for name in names], pages, cache, progress)
    for name, network in zip(names, networks, strict=True):
        model = Model(network, _recipe(todo, name), values)
        own_todo = [(run, own) for run, own in todo if run.model == name]
        for number, (run, own) in enumerate(own_todo, start=1):
            facts = model.run(run, own, pages.page_rows, folder / run.name)
            on = run.protocol if run.variant == runs.CLEAN else run.variant
            progress(f"{run.model}: {on}, fold {run.fold} ({number} of {len(own_todo)}), {facts}")


class Model:
    """A network ready for many runs: compiled, with what it reads resident in memory."""

    def __init__(self, network: build.Network, recipe: Recipe, values: dict[int, Any]):
        self.network = network
        learned = build.layers_from(network, recipe.train_from)
        self._learned = learning_layers(network.model, learned)
        tensors = prefix.border(network.model, learned)
        self.on_prefix = [id(t) for t in tensors] != [id(t) for t in network.model.inputs]
        self.trainer = Trainer(
            prefix.after(network.model, tensors),
            learned=learned,
            kept=network.pretrained,
            inputs=[values[id(tensor)] for tensor in tensors],
            recipe=recipe,
            whole_epochs=self.on_prefix,
        )

    def run(self, run: Run, own: Parts, page_rows: dict[str, int], folder: Path) -> str:
        """Train one run and write what it answered; gives a few words about how it went."""
        began = time.monotonic()

        def examples(table: pd.DataFrame) -> Examples:
            return Examples(np.array([page_rows[p] for p in table["page_id"]]), table["target"].to_numpy())

        batch, files_at_hand = self.trainer.recipe.batch_size, len(own.train)
        if batch > files_at_hand and run.variant == runs.CLEAN:  # a share of the pages may be less than a batch
            raise ValueError(
                f"{run.model}, {run.protocol}, fold {run.fold}: training.batch_size is {batch}, but the training part "
                f"has {files_at_hand} files; lower it"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.trainer.begin(run.seed)
        history = self.trainer.fit(
            examples(own.train), examples(own.validation), seed=run.seed, checkpoint=folder / ".checkpoint.npz"
        )
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
        if run.protocol == "grouped" and self.on_prefix and run.variant == runs.CLEAN:
            tables.append(self._inner(run, own.learning, examples, best))
        seconds = time.monotonic() - began
        runs.finish(folder, run, pd.concat(tables), self._facts(len(history), best, seconds))
        return f"best of {len(history)} epochs: {best}, {seconds:.1f} s"

    def _inner(self, run: Run, learning: pd.DataFrame, examples: Callable[..., Examples], epochs: int) -> pd.DataFrame:
        """Out-of-fold answers for the learning part: each page by a head that never saw its group.

        Each head is trained anew for as many epochs as were best on the run's own validation part, and
        stops nowhere, so that no page has a say in its own answer; only that number of epochs has seen
        the validation part.
        """
        number = parts.inner_numbers(run, learning)
        found = np.zeros((len(learning), len(parts.CLASSES)))
        for fold in np.unique(number):
            self.trainer.begin(run.seed)
            self.trainer.fit(examples(learning[number != fold]), None, seed=run.seed, epochs=epochs)
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


def learning_layers(model: keras.Model, learned: frozenset[str]) -> list[keras.Layer]:
    """The layers with weights among those that learn, in the order of the graph."""
    return [layer for layer in model.layers if layer.weights and layer.name in learned]


def write_weights(path: Path, layers: Sequence[keras.Layer]) -> None:
    """The weights of layers, in the order of the graph, under numbers and names."""
    arrays = {
        f"{at:04d}.{number} {layer.name}": np.asarray(w)
        for at, layer in enumerate(layers)
        for number, w in enumerate(layer.weights)
    }
    np.savez(path, allow_pickle=False, **arrays)


def read_weights(path: Path, layers: Sequence[keras.Layer]) -> None:
    """Give layers the weights that `write_weights` kept.

    Raises:
        ValueError: the file is another model's.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = [file[name] for name in sorted(file.files)]
    places = [w for layer in layers for w in layer.weights]
    if [a.shape for a in arrays] != [tuple(p.shape) for p in places]:
        raise ValueError(f"{path}: holds the weights of another model")
    for place, array in zip(places, arrays, strict=True):
        place.assign(array)


def build_for(run: Run, names: Sequence[str]) -> list[build.Network]:
    """The networks of a run's bundle, as they are before any training."""
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


def _prefix_values(
    networks: Sequence[build.Network], recipes: Sequence[Recipe], pages: PageInputs, cache: Path, progress: Say
) -> dict[int, Any]:
    """For each border tensor of any network its values for all pages, resident; all come from one pass."""
    borders = {}
    for network, recipe in zip(networks, recipes, strict=True):
        for tensor in prefix.border(network.model, build.layers_from(network, recipe.train_from)):
            borders[id(tensor)] = tensor
    inputs = {id(tensor): values for tensor, values in zip(networks[0].model.inputs, pages.arrays, strict=True)}
    computed = [tensor for at, tensor in borders.items() if at not in inputs]
    found = {at: stream.resident(inputs[at]) for at in borders if at in inputs}
    if computed:
        values = prefix.features(
            networks[0].model.inputs, computed, pages.arrays, key=pages.key, folder=cache, progress=progress
        )
        found |= {id(tensor): stream.resident(v) for tensor, v in zip(computed, values, strict=True)}
    return found
