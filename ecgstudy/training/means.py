"""A head that reads maps through their means alone, trained on the means.

Attention over channels or scales weighs maps by numbers made of their means, and ends in a mean over the page. All of
it is linear in the maps, so the head gives the same for a map and for the map of one pixel that holds its mean; there
it costs as much less as the map has pixels.
"""

from typing import Any

import keras


def instead_of(maps: list[Any], rest: keras.Model) -> tuple[list[Any], keras.Model]:
    """The means of maps, and the head on them.

    Args:
        maps: Keras tensors `(batch, h, w, channels)`.
        rest: the head, a model from these maps to the probabilities.

    Returns:
        Tensors `(batch, 1, 1, channels)`, and a model of the same layers that reads them.
    """
    means = [keras.layers.GlobalAveragePooling2D(keepdims=True)(tensor) for tensor in maps]
    fresh = [keras.Input(tensor.shape[1:]) for tensor in means]
    head = keras.models.clone_model(
        rest,
        input_tensors=fresh,
        clone_function=lambda layer: layer,
        call_function=lambda layer, *args, **kwargs: layer(*args, **kwargs),
    )
    return means, head
