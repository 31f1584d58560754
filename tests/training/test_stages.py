"""Training on a kept prefix is ordinary training; settings that fit no network are refused."""

import keras
import numpy as np
import pytest

from ecgstudy.models import build, registry
from ecgstudy.study import Recipe
from ecgstudy.training import parts, resident, settings, stages, stream
from ecgstudy.training.fit import Examples

PAGES, HEIGHT, WIDTH = 24, 32, 56
RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=3e-3, dropout=0.0, weight_decay=1e-3)
TARGETS = np.resize([0, 1, 1, 3, 2, 1, 3, 1], PAGES)
PICTURES = np.random.default_rng(0).integers(0, 256, (PAGES, HEIGHT, WIDTH, 3)).astype("uint8")
TRAIN, ALL = Examples(np.arange(16), TARGETS[:16]), np.arange(PAGES)


def built(model: str) -> build.Network:
    row = registry.model_row(model)
    return build.network(row, height=HEIGHT, width=WIDTH, source="offline", dropout=0.0)


def plainly_trained(model: str, recipe: Recipe, first: dict[str, list[np.ndarray]], views: int) -> np.ndarray:
    """The oracle: the whole network in Keras alone, `trainable=False` on what is frozen, the same batches."""
    network = built(model)
    learned = build.layers_from(network, recipe.train_from)
    for layer in network.model.layers:
        layer.trainable = layer.name in learned
        if layer.name in first:
            layer.set_weights(first[layer.name])
    adam = keras.optimizers.Adam(recipe.learning_rate, weight_decay=recipe.weight_decay)
    network.model.compile(adam, "categorical_crossentropy")
    seen = [PICTURES.astype("float32"), *(resident.RandomView(PICTURES, n)[0:PAGES] for n in range(1, views))]
    weights = parts.class_weights(TRAIN.targets)[TRAIN.targets]
    batches = stream.endless(
        [stream.resident(np.stack(seen, axis=1).reshape(-1, HEIGHT, WIDTH, 3))], TRAIN.rows,
        np.eye(4)[TRAIN.targets], weights, batch_size=recipe.batch_size, seed=4, views=views,
    )  # fmt: skip
    network.model.fit(batches, steps_per_epoch=2, epochs=recipe.epochs, verbose=0, shuffle=False)
    return network.model.predict_on_batch(PICTURES.astype("float32"))


@pytest.mark.parametrize(
    ("model", "train_from", "views"),
    [
        ("efficientnet_lite0", "head", 1),
        ("efficientnet_lite0_msa", "head", 1),  # these two learn from the means of their maps
        ("efficientnet_lite0_se", "head", 2),
        ("efficientnet_lite0", "block7a_expand_conv", 3),
    ],
)
def test_a_kept_prefix_gives_the_numbers_of_ordinary_training(tmp_path, model, train_from, views):
    recipe = RECIPE.model_copy(update={"train_from": train_from, "cached_views": views - 1})
    network = built(model)
    [stage] = stages.planned(network, recipe)
    pages = resident.PageInputs([PICTURES], {}, "pages")
    values = resident.border_values(
        network.model.inputs, stage.reads, pages, views=views - 1, cache=tmp_path, progress=lambda line: None
    )
    trainer = stage.trainer(values)
    trainer.begin(4)
    first = {layer.name: layer.get_weights() for layer in trainer.learned}
    before = trainer.probabilities(ALL)
    trainer.fit(TRAIN, None, seed=4)
    found = trainer.probabilities(ALL)
    assert np.abs(found - before).max() > 0.05, "something was learned"
    assert found == pytest.approx(plainly_trained(model, recipe, first, views), abs=1e-3)


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("efficientnet_lite0_leads", {"augment": True}, "for lead boxes set training.cached_views"),
        ("efficientnet_lite0", {"augment": True, "cached_views": 2}, "exclude each other; set one"),
        ("efficientnet_lite0", {"cached_views": 2, "train_from": "all"}, "needs a frozen part, but .* is all"),
    ],
)
def test_views_that_would_not_be_seen_are_refused(model, changes, message):
    network = build.network(registry.model_row(model), height=64, width=112)
    with pytest.raises(ValueError, match=message):
        stages.planned(network, RECIPE.model_copy(update=changes))


@pytest.mark.parametrize("model", ["baseline_cnn", "efficientnet_lite0", "efficientnet_lite0_leads"])
@pytest.mark.parametrize("changes", [{}, {"train_from": "all"}, {"train_from": "all", "head_epochs": 2}])
def test_what_a_study_is_told_before_anything_is_built_is_what_the_network_shows(model, changes):
    network = build.network(registry.model_row(model), height=64, width=112)
    recipe = RECIPE.model_copy(update=changes)
    kept = any(stage.is_prefix for stage in stages.planned(network, recipe))
    assert settings.keeps_a_part(network.row, recipe) == kept


def test_views_for_the_head_alone_are_allowed():
    """Two stages: the head learns on cached views, then everything on the pages themselves."""
    network = built("efficientnet_lite0")
    stages.planned(network, RECIPE.model_copy(update={"cached_views": 2, "train_from": "all", "head_epochs": 2}))
