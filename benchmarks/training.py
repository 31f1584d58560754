"""Training, against what Keras gives a user who writes the loop."""

import functools
import os
import statistics
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import measure
from benchmarks.measure import Row, against, noted, seconds

HEIGHT, WIDTH, BATCH, EPOCHS = 128, 224, 32, 30
PAGES = 128  # of noise, where only time counts
STEPS = 16  # of an epoch, where single steps are measured; the default study has up to 20
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

    pages, epochs = STEPS * BATCH, 2
    pictures, targets = noise(pages)
    resident = stream.resident(pictures)
    one_hot = np.eye(4, dtype=np.float32)[targets]

    def built():
        return build.network(registry.model_row("baseline_cnn"), height=HEIGHT, width=WIDTH, filters=16)

    @functools.cache
    def trainer():
        network = built()
        recipe = Recipe(train_from="all", batch_size=BATCH, epochs=epochs, patience=99)
        [stage] = stages.planned(network, recipe)
        made = stage.trainer({id(network.model.inputs[0]): resident})
        made.begin(0)
        return made

    @functools.cache
    def model():
        made = built().model
        made.compile("adam", "categorical_crossentropy", weighted_metrics=["accuracy"], jit_compile=False)
        return made

    def ours() -> float:
        examples, made = Examples(np.arange(pages), targets), trainer()
        return epochs * STEPS / seconds(lambda: made.fit(examples, None, seed=0, epochs=epochs))

    def theirs() -> float:
        x, y, weight = tf.constant(pictures[:BATCH], tf.float32), tf.constant(one_hot[:BATCH]), tf.ones(BATCH)
        made = model()
        return epochs * STEPS / seconds(lambda: [made.train_on_batch(x, y, weight) for _ in range(epochs * STEPS)])

    def profile(row: Row) -> str:
        """What a step of ours does beside computing."""
        batches = stream.endless(
            [resident], np.arange(pages), one_hot, np.ones(pages), batch_size=BATCH, seed=0
        ).take(1 + epochs * STEPS)  # fmt: skip
        making = iter(batches)
        next(making)
        one = seconds(lambda: list(making)) / (epochs * STEPS)
        return (
            f"a step of theirs takes {1000 / row.theirs:.1f} ms; a batch, made beside it on the same cores, "
            f"{1000 * one:.1f} ms when nothing else runs"
        )

    note = f"baseline_cnn, {HEIGHT} x {WIDTH}, batches of {BATCH}; ours shuffles and gathers them, {STEPS} to an epoch"
    row = against("training steps", ours, theirs, unit="steps per second", goal=0.95, warm=True, note=note)
    return [noted(row, profile)]


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
    recipe = Recipe(batch_size=BATCH, epochs=EPOCHS, patience=99)
    pages = resident.PageInputs([pictures], {}, "noise")

    @functools.cache
    def built():
        return build.network(registry.model_row(MODEL), height=HEIGHT, width=WIDTH)

    @functools.cache
    def model():
        return frozen_model()

    def ours() -> float:
        network = built()

        def train() -> None:
            with tempfile.TemporaryDirectory() as folder:
                [stage] = stages.planned(network, recipe)
                values = resident.border_values(
                    network.model.inputs, stage.reads, pages, views=0, cache=Path(folder),
                    progress=lambda line: None,
                )  # fmt: skip
                trainer = stage.trainer(values)
                trainer.begin(0)
                trainer.fit(Examples(np.arange(PAGES), targets), None, seed=0, epochs=EPOCHS)

        return seconds(train)

    def theirs() -> float:
        made = model()
        return EPOCHS * seconds(lambda: made.fit(pictures, targets, batch_size=BATCH, epochs=1, verbose=0))

    note = f"{MODEL}, {PAGES} pages, {EPOCHS} epochs; theirs one epoch of a traced model, times {EPOCHS}"
    return [against("a head on a frozen backbone", ours, theirs, goal=10, warm=True, note=note)]


def ladder() -> list[Row]:
    """All runs of one model on the default study's pages, against one plain Keras fit for each of them."""
    from ecgstudy.data.prepare import open_study
    from ecgstudy.study import Study
    from ecgstudy.training import runs
    from ecgstudy.training.grid import run_grid

    base = Study.load(Path(__file__).parents[1] / "params" / "quick.yaml").content
    own = {key: base[key] for key in ("data", "image", "splits", "training")}

    def opened(place: str):
        """The study in an empty folder, so that every repeat trains all of its runs."""
        os.environ["ECGSTUDY_OUTPUTS"] = place
        study = Study.load(own | {"name": "bench-ladder", "models": [MODEL]})
        return study, open_study(study)

    name, ours, theirs = "the ladder of one model", [], []
    epochs = pd.Series([1])
    for fold in (0, 1, None):
        with tempfile.TemporaryDirectory(prefix="ecgstudy-bench-") as place:
            study, pages = opened(place)
            if measure.side != "theirs":
                ours.append(seconds(lambda study=study: run_grid(study, progress=lambda line: None)))
                epochs = runs.read_costs(study)["epochs"]
            if measure.side != "ours" and fold is not None:
                tracing, epoch = _plain_fit(study, pages, fold=fold)
                theirs.append(len(epochs) * tracing + epochs.sum() * epoch * _mean_share(study, fold))
        if measure.side:
            return [Row(name, [*ours, *theirs][0], None, "s", None, None, None, None)]
    note = (
        f"{len(epochs)} runs of {epochs.sum()} epochs in all, answers for unseen and inner pages in ours only; ours "
        f"the middle of {len(ours)} times, {min(ours):.0f} to {max(ours):.0f} s; theirs the mean of two folds: two "
        "epochs of each on decoded pages in memory, extrapolated to as many fits of as many epochs"
    )
    middle, mean = statistics.median(ours), statistics.mean(theirs)
    return [Row(name, middle, mean, "s", mean / middle, 20, min(theirs) / max(ours), max(theirs) / min(ours), note)]


def _plain_fit(study, pages, *, fold: int) -> tuple[float, float]:
    """What a plain fit of one fold of `as_published` takes before its first epoch, and for each epoch."""
    from ecgstudy.data import images
    from ecgstudy.vocabulary import CLASSES

    image = study.image
    cache = images.cached_pictures(
        pages, region=image.region, height=image.height, width=image.width, folder=study.folder / "cache"
    )
    train = _train_part(study, fold)
    labels = pages.manifest.set_index("path")["label"]
    x = np.asarray(cache.pictures[cache.rows(train["page_id"].tolist())])
    y = np.array([CLASSES.index(label) for label in labels.loc[train["path"]]])
    model = frozen_model("offline")
    first = seconds(lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0))
    epoch = seconds(lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0))
    return first - epoch, epoch


def _train_part(study, fold: int) -> pd.DataFrame:
    from ecgstudy.data import splits

    split = splits.read_splits(study.folder / "splits")["as_published"]
    return split[(split["fold"] == fold) & (split["part"] == "train")]


def _mean_share(study, fold: int) -> float:
    """How large the training parts of all runs are on average, beside this one of `as_published`: copies fall away."""
    from ecgstudy.data import splits

    tables = splits.read_splits(study.folder / "splits")
    sizes = [
        (rows["part"] == "train").sum()
        for name, table in tables.items() if name != "unseen"
        for _, rows in table.groupby(["seed", "fold"])
    ]  # fmt: skip
    return float(np.mean(sizes)) / len(_train_part(study, fold))


BENCHMARKS = (training_step, frozen_prefix, ladder)
