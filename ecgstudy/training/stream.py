"""Batches for training: an endless stream whose every batch follows from the seed and its number alone.

So a run that was killed goes on with the very batches that it would have seen, and one iterator serves all epochs:
making a new one costs more than an epoch on cached features.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def resident(array: np.ndarray) -> tf.Tensor:
    """An array as a tensor in the machine's own memory, from which batches are gathered."""
    with tf.device("CPU:0"):
        return tf.constant(np.asarray(array))


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Batches in one pass; the last may be smaller."""
    return -(-rows // batch_size)


def endless(
    inputs: Sequence[tf.Tensor],
    rows: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Batches of `(inputs, targets, weights)`, each epoch all rows once in an order of its own.

    Args:
        inputs: resident tensors, one row per distinct page.
        rows: int, which page each example shows; a page may stand several times.
        targets: one-hot, shape `(len(rows), classes)`.
        weights: shape `(len(rows),)`.
        seed: of the order.
        first_epoch: where to begin.
    """
    count, steps = len(rows), steps_per_epoch(len(rows), batch_size)
    with tf.device("CPU:0"):
        pages = tf.constant(rows, tf.int32)
        y, w = tf.constant(targets, tf.float32), tf.constant(weights, tf.float32)

    def batch(step: tf.Tensor) -> tuple:
        epoch, number = step // steps, step % steps
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=seeds)
        chosen = order[number * batch_size : (number + 1) * batch_size]
        page = tf.gather(pages, chosen)
        x = tuple(_floats(tf.gather(values, page)) for values in inputs)
        return (x if len(x) > 1 else x[0]), tf.gather(y, chosen), tf.gather(w, chosen)

    stream = tf.data.Dataset.counter(start=first_epoch * steps).map(batch, num_parallel_calls=2, deterministic=True)
    return stream.prefetch(2)


def _floats(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32) if values.dtype == tf.uint8 else values
