"""Random training views of a page, in ranges that leave it a readable ECG. The only file that knows keras-cv.

Never a flip: mirrored leads are another heart. Rotation, shift and scale stay within what a scanner does, so
that intervals and millivolts change by a few per cent at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

PAPER = 255.0  # what comes in from outside the page
ROTATION = 2 / 360  # of a full turn: 2 degrees either way
SHIFT = 0.02  # of height and width
SCALE = 0.05
BRIGHTNESS = 0.1
CONTRAST = 0.2
CUTOUT = 0.1  # of height and width: less than one lead box
MIXUP = 0.2  # alpha of the Beta distribution


def random_views(*, seed: int, mixup: bool = True) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """A function for `Dataset.map` that gives every picture of a batch a new random view.

    Args:
        seed: of all layers; after `keras.utils.set_random_seed` it gives the same views again.
        mixup: also blend pairs of pages and their classes (Zhang 2018, arXiv:1710.09412).

    Returns:
        A function (float32 pictures `(batch, height, width, 3)` in 0..255, one-hot classes `(batch, 4)`) ->
        the same shapes and range.
    """
    import keras_cv
    import tensorflow as tf

    outside = {"fill_mode": "constant", "fill_value": PAPER}
    layers = [
        keras_cv.layers.RandomRotation(ROTATION, seed=seed, **outside),
        keras_cv.layers.RandomTranslation(SHIFT, SHIFT, seed=seed + 1, **outside),
        keras_cv.layers.RandomZoom((-SCALE, SCALE), seed=seed + 2, **outside),
        keras_cv.layers.RandomBrightness(BRIGHTNESS, value_range=(0, 255), seed=seed + 3),
        keras_cv.layers.RandomContrast((0, 255), CONTRAST, seed=seed + 4),
        keras_cv.layers.RandomGaussianBlur(3, (0.0, 1.0), seed=seed + 5),
        keras_cv.layers.RandomCutout(CUTOUT, CUTOUT, seed=seed + 6, **outside),
    ]
    if mixup:
        layers.append(keras_cv.layers.MixUp(MIXUP, seed=seed + 7))

    def views(pictures: tf.Tensor, classes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = {"images": pictures, "labels": classes}
        for layer in layers:
            batch = layer(batch, training=True)
        seen = tf.clip_by_value(batch["images"], 0.0, 255.0)
        return tf.ensure_shape(seen, pictures.shape), tf.ensure_shape(batch["labels"], classes.shape)

    return views
