"""Training, against what Keras gives a user who writes the loop."""

import os
import statistics
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Row, against, seconds

HEIGHT, WIDTH, BATCH, EPOCHS = 128, 224, 32, 30
PAGES = 128  # of noise, where only time counts
MODEL = "efficientnet_lite0"


def noise(pages: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    return chance.integers(0, 256, (pages, HEIGHT, WIDTH, 3), np.uint8), np.arange(pages) % 4


def training_step() -> list[Row]:
    """Steps of a whole network in our loop, against train_on_batch on one batch that lies in memory."""
    import tensorflow as tf

    from ecgstudy.models import build, registry
    from ecgstudy.study import Recipe
    from ecgstudy.training import stages, stream
    from ecgstudy.training.fit import Examples

    pictures, targets = noise(PAGES)
    network = build.network(registry.model_row("baseline_cnn"), height=HEIGHT, width=WIDTH, filters=16)
    recipe = Recipe(train_from="all", batch_size=BATCH, epochs=4, patience=99)
    trainer = stages.trainer(network, recipe, "all", {id(network.model.inputs[0]): stream.resident(pictures)})
    examples = Examples(np.arange(PAGES), targets)
    trainer.begin(0)
    trainer.fit(examples, None, seed=0, epochs=1)  # traces
    x, y = tf.constant(pictures[:BATCH], tf.float32), tf.constant(np.eye(4)[targets[:BATCH]], tf.float32)
    model = build.network(registry.model_row("baseline_cnn"), height=HEIGHT, width=WIDTH, filters=16).model
    model.compile("adam", "categorical_crossentropy", weighted_metrics=["accuracy"], jit_compile=False)
    weight = tf.ones(BATCH)
    model.train_on_batch(x, y, weight)
    steps = 4 * PAGES // BATCH

    def ours() -> float:
        return steps / seconds(lambda: trainer.fit(examples, None, seed=0, epochs=4))

    def theirs() -> float:
        return steps / seconds(lambda: [model.train_on_batch(x, y, weight) for _ in range(steps)])

    note = f"baseline_cnn, {HEIGHT} x {WIDTH}, batches of {BATCH}; ours shuffles and gathers them"
    return [against("training steps", ours, theirs, unit="steps per second", goal=0.95, note=note)]


def frozen_model(weights: str = "random"):
    """What a user compiles: the network, its backbone not trainable."""
    from ecgstudy.models import build, registry

    network = build.network(registry.model_row(MODEL), height=HEIGHT, width=WIDTH, source=weights)
    for layer in network.model.layers:
        layer.trainable = layer.name not in network.backbone
    network.model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    return network.model


def frozen_prefix() -> list[Row]:
    """One run of a head on a frozen backbone: ours with the pass that computes the prefix, theirs on the whole."""
    from ecgstudy.models import build, registry
    from ecgstudy.study import Recipe
    from ecgstudy.training import resident, stages
    from ecgstudy.training.fit import Examples

    pictures, targets = noise(PAGES)
    network = build.network(registry.model_row(MODEL), height=HEIGHT, width=WIDTH)
    recipe = Recipe(batch_size=BATCH, epochs=EPOCHS, patience=99)
    pages = resident.PageInputs([pictures], {}, "noise")
    model = frozen_model()
    model.fit(pictures, targets, batch_size=BATCH, epochs=1, verbose=0)  # traces

    def ours() -> float:
        def train() -> None:
            with tempfile.TemporaryDirectory() as folder:
                values = resident.border_values(
                    network.model.inputs, stages.borders(network, recipe), pages, views=0, cache=Path(folder),
                    progress=lambda line: None,
                )  # fmt: skip
                trainer = stages.trainer(network, recipe, "head", values)
                trainer.begin(0)
                trainer.fit(Examples(np.arange(PAGES), targets), None, seed=0, epochs=EPOCHS)

        return seconds(train)

    def theirs() -> float:
        return EPOCHS * seconds(lambda: model.fit(pictures, targets, batch_size=BATCH, epochs=1, verbose=0))

    note = f"{MODEL}, {PAGES} pages, {EPOCHS} epochs; theirs one epoch of a traced model, times {EPOCHS}"
    return [against("a head on a frozen backbone", ours, theirs, goal=10, note=note)]


def ladder() -> list[Row]:
    """All runs of one model on the default study's pages, against one plain Keras fit for each of them."""
    from ecgstudy.data.prepare import open_study
    from ecgstudy.study import Study
    from ecgstudy.training import runs
    from ecgstudy.training.grid import run_grid

    os.environ["ECGSTUDY_OUTPUTS"] = tempfile.mkdtemp(prefix="ecgstudy-bench-")
    base = Study.load(Path(__file__).parents[1] / "params" / "quick.yaml").content
    own = {key: base[key] for key in ("data", "image", "splits", "training")}
    study = Study.load(own | {"name": "bench-ladder", "models": [MODEL]})
    pages = open_study(study)
    ours = seconds(lambda: run_grid(study, progress=lambda line: None))
    epochs = runs.read_costs(study)["epochs"]
    theirs = _plain_fits(study, pages, epochs)
    rows = [theirs_of / ours for theirs_of in theirs]
    note = (
        f"{len(epochs)} runs of {epochs.sum()} epochs in all, answers for unseen and inner pages in ours only; theirs: "
        "two epochs of two folds on decoded pages in memory, extrapolated to as many fits of as many epochs"
    )
    middle = statistics.mean(theirs)
    return [Row("the ladder of one model", ours, middle, "s", middle / ours, 20, min(rows), max(rows), note)]


def _plain_fits(study, pages, epochs: pd.Series) -> list[float]:
    """What all runs would take as plain fits, by each of two folds."""
    from ecgstudy.data import images, splits
    from ecgstudy.vocabulary import CLASSES

    image = study.image
    cache = images.cached_pictures(
        pages, region=image.region, height=image.height, width=image.width, folder=study.folder / "cache"
    )
    split = splits.read_splits(study.folder / "splits")["as_published"]
    labels = pages.manifest.set_index("path")["label"]
    found = []
    for fold in (0, 1):
        train = split[(split["fold"] == fold) & (split["part"] == "train")]
        x = np.asarray(cache.pictures[cache.rows(train["page_id"].tolist())])
        y = np.array([CLASSES.index(label) for label in labels.loc[train["path"]]])
        first = seconds(lambda x=x, y=y: frozen_model("offline").fit(x, y, batch_size=BATCH, epochs=1, verbose=0))
        model = frozen_model("offline")
        model.fit(x[:BATCH], y[:BATCH], batch_size=BATCH, epochs=1, verbose=0)  # traces
        epoch = seconds(lambda model=model, x=x, y=y: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0))
        share = _mean_share(study, len(train))
        found.append(len(epochs) * (first - epoch) + epochs.sum() * epoch * share)
    return found


def _mean_share(study, files: int) -> float:
    """How large the training parts of all runs are on average, beside one of `as_published`: copies fall away."""
    from ecgstudy.data import splits

    tables = splits.read_splits(study.folder / "splits")
    sizes = [
        (rows["part"] == "train").sum()
        for name, table in tables.items() if name != "unseen"
        for _, rows in table.groupby(["seed", "fold"])
    ]  # fmt: skip
    return float(np.mean(sizes)) / files


BENCHMARKS = (training_step, frozen_prefix, ladder)
