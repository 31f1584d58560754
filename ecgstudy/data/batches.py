"""Batches for `model.fit`, straight from the memory-mapped pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


def picture_batches(
    pictures: np.ndarray,
    rows: np.ndarray,
    classes: np.ndarray,
    *,
    batch_size: int,
    seed: int | None = None,
    augment: bool = False,
) -> tf.data.Dataset:
    """Pictures and one-hot classes, a batch at a time.

    Args:
        pictures: uint8 `(pages, height, width, 3)`, usually `PictureCache.pictures`.
        rows: int `(files,)`: which picture each training file shows; a page with copies comes up as often.
        classes: int `(files,)`: index into `vocabulary.CLASSES`.
        batch_size: files in a batch; the last batch may be smaller.
        seed: shuffle anew before every epoch, in an order fixed by this number; None keeps the order.
        augment: give every file a new random view each time (`data.augment`).

    Returns:
        A dataset of `(float32 (batch, height, width, 3) in 0..255, float32 (batch, 4))`.
    """
    import tensorflow as tf

    targets = np.eye(4, dtype=np.float32)[classes]
    indices = tf.data.Dataset.from_tensor_slices((rows.astype(np.int64), targets))
    if seed is not None:
        indices = indices.shuffle(len(rows), seed=seed, reshuffle_each_iteration=True)

    def read(batch_rows: np.ndarray) -> np.ndarray:
        return pictures[batch_rows].astype(np.float32)

    def load(batch_rows: tf.Tensor, batch_targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.numpy_function(read, [batch_rows], tf.float32, stateful=False)
        return tf.ensure_shape(batch, (None, *pictures.shape[1:])), batch_targets

    batches = indices.batch(batch_size).map(load, num_parallel_calls=tf.data.AUTOTUNE)
    if augment:
        from ecgstudy.data.augment import random_views

        batches = batches.map(
            random_views(seed=seed or 0), num_parallel_calls=1
        )  # one at a time: the seed fixes the views
    return batches.prefetch(tf.data.AUTOTUNE)
