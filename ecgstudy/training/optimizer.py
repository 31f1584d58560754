"""How a recipe's weights are moved: optimizer, loss and learning rate."""

import keras
import numpy as np

from ecgstudy.study import Recipe


def optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Adam with the recipe's weight decay, clipping of the whole gradient, and average of the weights over steps."""
    adam = keras.optimizers.Adam(
        recipe.learning_rate,
        weight_decay=recipe.weight_decay or None,
        global_clipnorm=recipe.clip_norm,
        use_ema=recipe.ema is not None,
        ema_momentum=recipe.ema or 0.99,
        ema_overwrite_frequency=None,
    )
    # in float16 small gradients would vanish; Keras sees by itself only that a whole network is float16, not a rest
    return keras.optimizers.LossScaleOptimizer(adam) if recipe.mixed_precision else adam


def loss(recipe: Recipe) -> keras.losses.Loss:
    """Cross-entropy; examples are weighed by class outside."""
    return keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)


def schedule(recipe: Recipe) -> list[keras.callbacks.Callback]:
    """Callbacks that set the learning rate before an epoch."""
    if recipe.schedule == "constant":
        return []
    return [keras.callbacks.LearningRateScheduler(lambda epoch, _: cosine(recipe, epoch))]


def cosine(recipe: Recipe, epoch: int) -> float:
    """From the recipe's learning rate down to nothing: Loshchilov and Hutter 2017, arXiv:1608.03983, no restarts."""
    return recipe.learning_rate * 0.5 * (1 + float(np.cos(np.pi * epoch / recipe.epochs)))


def averages(model: keras.Model) -> list[tuple[keras.Variable, keras.Variable]]:
    """Each weight that learns with its average over steps (`ema`)."""
    own = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return list(zip(model.trainable_variables, own._model_variables_moving_average, strict=True))
